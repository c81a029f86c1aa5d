from typing import Any

import jwt
import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet as JoserfcKeySet

from authz.jose import verify_jws
from server.keys.jwks import publish
from server.keys.signer import Signer
from server.keys.signing_keys import SIGNING_ALGORITHMS
from tests.keys.material import NOW, envelope, pair_of_keys

CLAIMS: dict[str, Any] = {
    "iss": "http://127.0.0.1:9000/t/acme",
    "sub": "usr_ä",
    "aud": "http://127.0.0.1:9100/documents",
    "exp": 4_102_444_800,
    "act": {"sub": "agt_b", "act": {"sub": "agt_a"}},
}


@pytest.fixture(params=SIGNING_ALGORITHMS)
def signed(request, entropy):
    box = envelope(entropy)
    keys = pair_of_keys(request.param, box)
    token = Signer(keys, box).sign(CLAIMS, typ="at+jwt", alg=request.param)
    return request.param, token, publish(keys, NOW)


def test_what_we_sign_is_verified_by_ourselves(signed):
    alg, token, published = signed
    assert verify_jws(token, published.keys, typ="at+jwt", algorithms=(alg,)) == CLAIMS


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_what_we_sign_is_verified_by_an_independent_library(signed):
    alg, token, published = signed
    import orjson

    keys = JoserfcKeySet.import_key_set(orjson.loads(published.body))
    decoded = joserfc_jwt.decode(token, keys, algorithms=[alg])
    assert decoded.claims == CLAIMS
    assert decoded.header["typ"] == "at+jwt"


def test_what_we_sign_is_verified_by_a_plain_pyjwt_script(signed):
    alg, token, published = signed
    header = jwt.get_unverified_header(token)
    key = jwt.PyJWKSet.from_json(published.body.decode())[header["kid"]]
    assert jwt.decode(token, key, algorithms=[alg], audience=CLAIMS["aud"]) == CLAIMS


def test_the_header_says_algorithm_key_and_type_and_nothing_else(signed):
    alg, token, published = signed
    header = jwt.get_unverified_header(token)
    assert header.keys() == {"alg", "kid", "typ"}
    assert header["alg"] == alg
    assert published.keys.find(header["kid"]) is not None


def test_es256_is_the_default(entropy):
    box = envelope(entropy)
    signer = Signer((*pair_of_keys("EdDSA", box), *pair_of_keys("ES256", box)), box)
    assert signer.algorithms == ("ES256", "EdDSA")
    assert jwt.get_unverified_header(signer.sign({}, typ="JWT"))["alg"] == "ES256"


def test_signatures_of_es256_always_have_64_bytes(entropy):
    # DER drops leading zero bytes; raw r||s must not (RFC 7518 §3.4).
    box = envelope(entropy)
    signer = Signer(pair_of_keys("ES256", box), box)
    assert {len(signer.sign({"n": n}, typ="JWT").split(".")[2]) for n in range(600)} == {86}
