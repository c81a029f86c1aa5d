import json

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from joserfc.jwk import ECKey, OKPKey, RSAKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from authz.jose import InvalidKey, from_jwk, parse_key_set, thumbprint, to_jwk
from tests.keys.material import rsa_key

# RFC 7638 §3.1
RFC_7638_KEY = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
PUBLIC = to_jwk(EC.public_key())
PRIVATE = ECAlgorithm.to_jwk(EC, as_dict=True)


def key_set(*keys) -> bytes:
    return json.dumps({"keys": keys}).encode()


def test_the_thumbprint_of_the_rfc_is_computed():
    assert thumbprint(RFC_7638_KEY) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize(
    ("private", "library"), [(EC, ECKey), (ED, OKPKey), (rsa_key(2048), RSAKey)]
)
def test_thumbprints_agree_with_an_independent_library(private, library):
    jwk = to_jwk(private.public_key())
    assert thumbprint(jwk) == library.import_key(jwk).thumbprint()


@pytest.mark.parametrize(
    ("private", "alg"), [(EC, "ES256"), (ED, "EdDSA"), (rsa_key(2048), "RS256")]
)
def test_a_key_without_alg_and_kid_gets_the_usual_algorithm_and_its_thumbprint(private, alg):
    jwk = to_jwk(private.public_key())
    key = from_jwk(jwk)
    assert (key.alg, key.kid) == (alg, thumbprint(jwk))
    assert to_jwk(key.public_key) == jwk


def test_the_owner_may_pin_another_algorithm_of_the_same_key():
    jwk = to_jwk(rsa_key(2048).public_key())
    assert from_jwk(jwk, alg="PS256").alg == "PS256"
    assert from_jwk({**jwk, "alg": "PS256"}, alg="RS256").alg == "PS256"


@pytest.mark.parametrize(
    "jwk",
    [
        PRIVATE,
        OKPAlgorithm.to_jwk(ED, as_dict=True),
        RSAAlgorithm.to_jwk(rsa_key(2048), as_dict=True),
        {**PUBLIC, "k": "AAAA"},
        {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"},
    ],
)
def test_private_and_symmetric_keys_spoil_the_whole_set(jwk):
    with pytest.raises(InvalidKey) as refused:
        parse_key_set(key_set(PUBLIC, jwk))
    for name in ("d", "p", "k"):
        assert jwk.get(name, "never") not in str(refused.value)
    with pytest.raises(InvalidKey):
        from_jwk(jwk)


def _foreign() -> list[dict]:
    bent = {**PUBLIC, "y": PUBLIC["x"]}
    return [
        to_jwk(rsa_key(1024).public_key()),
        {"kty": "RSA", "n": RFC_7638_KEY["n"], "e": "Aw"},
        {"kty": "RSA", "n": RFC_7638_KEY["n"], "e": "AQAA"},
        {"kty": "RSA", "n": RFC_7638_KEY["n"]},
        bent,
        {**PUBLIC, "crv": "P-384"},
        {**PUBLIC, "crv": "secp256k1"},
        {**PUBLIC, "x": PUBLIC["x"] + "="},
        {**PUBLIC, "x": "AA"},
        {**PUBLIC, "x": 7},
        {**PUBLIC, "x": None},
        {**PUBLIC, "x": "é"},
        {**PUBLIC, "kty": "RSA"},
        {**PUBLIC, "kty": ["EC"]},
        {**PUBLIC, "kty": "AKP"},
        {**PUBLIC, "alg": "HS256"},
        {**PUBLIC, "alg": "none"},
        {**PUBLIC, "alg": "RS256"},
        {**PUBLIC, "alg": "ES384"},
        {**PUBLIC, "alg": ["ES256"]},
        {**PUBLIC, "use": "enc"},
        {**PUBLIC, "key_ops": ["sign"]},
        {**PUBLIC, "key_ops": "verify"},
        {**PUBLIC, "kid": ""},
        {**PUBLIC, "kid": 7},
        {**PUBLIC, "kid": "x" * 300},
        {"kty": "EC", "crv": "P-521", "x": PUBLIC["x"], "y": PUBLIC["y"]},
        OKPAlgorithm.to_jwk(ed448.Ed448PrivateKey.generate().public_key(), as_dict=True),
        {"kty": "OKP", "crv": "X25519", "x": PUBLIC["x"]},
        {},
    ]


@pytest.mark.parametrize("jwk", _foreign())
def test_weak_broken_and_foreign_keys_are_refused_and_skipped_in_a_set(jwk):
    with pytest.raises(InvalidKey):
        from_jwk(jwk)
    good = {**PUBLIC, "kid": "good"}
    assert [key.kid for key in parse_key_set(key_set(jwk, good))] == ["good"]


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"null", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[1]}', b'{"keys":null}', b"\xff",
        b'{"keys":[],"keys":[]}', b'{"keys":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"keys":[]' + b" " * 70_000 + b"}",
        orjson.dumps({"keys": [PUBLIC] * 33}),
        orjson.dumps({"keys": [{**PUBLIC, "kid": "a"}, {**PUBLIC, "kid": "a"}]}),
    ],
)  # fmt: skip
def test_a_malformed_set_is_refused(raw):
    with pytest.raises(InvalidKey):
        parse_key_set(raw)


@pytest.mark.parametrize("jwk", [{}, {"kty": "EC"}, {"kty": "oct", "k": "a"}, {**PUBLIC, "x": 1}])
def test_an_incomplete_key_has_no_thumbprint(jwk):
    with pytest.raises(InvalidKey):
        thumbprint(jwk)
