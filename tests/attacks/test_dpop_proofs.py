"""Forged, confused, stale and borrowed DPoP proofs (RFC 9449 §4.3, §11), as a pure function."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from authz.dpop import (
    AHEAD,
    MAX_AGE,
    InvalidProof,
    NonceWanted,
    Proof,
    ProofFault,
    bound_key,
    verify_proof,
)
from authz.uri import normal_address
from tests.requirements import requirement
from tests.support.clock import NEW_YEAR_2026 as NOW
from tests.support.dpop import Holder, ath

TOKEN_URL = "https://as.test/token"
OURS = Holder()
THEIRS = Holder()

# RFC 9449 §4.2 and §7.1: the two published proofs, and the token of the second.
PUBLISHED = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNo"
    "UklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERW"
    "clUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh"
    "0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8"
    "v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)
PUBLISHED_TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
PUBLISHED_ATH = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
PUBLISHED_JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def check(*sent: str, **changes: Any) -> Proof:
    return verify_proof(sent, **{"method": "POST", "address": TOKEN_URL, "now": NOW, **changes})


def fault(*sent: str, **changes: Any) -> ProofFault:
    with pytest.raises(InvalidProof) as refused:
        check(*sent, **changes)
    return refused.value.fault


def b64(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@requirement("rfc9449:4.3:checks", "rfc9449:6.1:jkt")
def test_control_the_published_proof_is_good():
    at = 1_562_262_616_000
    proof = check(PUBLISHED, address="https://server.example.com/token", now=at)
    assert proof.jkt == PUBLISHED_JKT
    assert proof.expires_at == at + MAX_AGE * 1000
    assert ath(PUBLISHED_TOKEN) == PUBLISHED_ATH


@pytest.mark.parametrize(
    "holder",
    [
        Holder(),
        Holder(ECKey.generate_key("P-384"), "ES384"),
        Holder(OKPKey.generate_key("Ed25519"), "Ed25519"),
        Holder(RSAKey.generate_key(2048), "RS256"),
        Holder(RSAKey.generate_key(2048), "PS256"),
    ],
    ids=lambda h: h.alg,
)
def test_control_every_announced_algorithm_is_good(holder):
    assert check(holder.proof("POST", TOKEN_URL)).jkt == holder.jkt


@requirement("rfc9449:4.3:one-header")
def test_no_proof_and_two_proofs_are_refused():
    assert fault() is ProofFault.MISSING
    one, other = OURS.proof("POST", TOKEN_URL), OURS.proof("POST", TOKEN_URL)
    assert fault(one, other) is ProofFault.SEVERAL
    assert fault(one, one) is ProofFault.SEVERAL
    # Two header lines joined by a proxy.
    assert fault(f"{one}, {other}") is ProofFault.MALFORMED
    assert fault("") is ProofFault.MALFORMED
    assert fault("x" * 5000) is ProofFault.MALFORMED
    assert fault(OURS.proof("POST", TOKEN_URL, padding="x" * 4096)) is ProofFault.MALFORMED


@requirement("rfc9449:4.3:typ")
@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "at+jwt", "DPOP+JWT", "application/dpop+jwt"])
def test_another_kind_of_jwt_is_no_proof(typ):
    assert fault(OURS.proof("POST", TOKEN_URL, header={"typ": typ})) is ProofFault.TYPE


@requirement("rfc9449:4.3:asymmetric")
@pytest.mark.parametrize("alg", ["none", "None", "HS256", "ES512", "RS1", "", None, 5, ["ES256"]])
def test_an_algorithm_that_is_not_asymmetric_and_known_is_refused(alg):
    head = {"typ": "dpop+jwt", "alg": alg, "jwk": OURS.key.as_dict(private=False)}
    body = {"jti": "1", "htm": "POST", "htu": TOKEN_URL, "iat": NOW // 1000}
    message = f"{b64(head)}.{b64(body)}"
    assert fault(f"{message}.AAAA") is ProofFault.ALGORITHM
    # A MAC by the public key, or by a key that the proof brings along.
    mac = hmac.digest(json.dumps(head["jwk"]).encode(), message.encode(), hashlib.sha256)
    assert fault(f"{message}.{b64(mac)}") is ProofFault.ALGORITHM
    assert fault(f"{message}.") is ProofFault.MALFORMED


@requirement("rfc9449:4.3:no-private-key")
def test_a_private_or_symmetric_key_is_refused():
    private = OURS.key.as_dict(private=True)
    assert fault(OURS.proof("POST", TOKEN_URL, header={"jwk": private})) is ProofFault.KEY
    octets = {"kty": "oct", "k": "AAAA"}
    assert fault(OURS.proof("POST", TOKEN_URL, header={"jwk": octets})) is ProofFault.KEY


@pytest.mark.parametrize(
    "jwk",
    [None, "x", [], {}, {"kty": "EC"}, {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}],
)
def test_a_key_that_is_none_is_refused(jwk):
    head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}
    assert fault(f"{b64(head)}.{b64({})}.AAAA") is ProofFault.KEY


def test_a_key_for_something_else_is_refused():
    for more in ({"use": "enc"}, {"key_ops": ["encrypt"]}, {"alg": "ES384"}):
        jwk = {**OURS.key.as_dict(private=False), **more}
        assert fault(OURS.proof("POST", TOKEN_URL, header={"jwk": jwk})) is ProofFault.KEY


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_weak_key_and_a_wrong_curve_are_refused():
    weak = Holder(RSAKey.generate_key(1024), "RS256")
    assert fault(weak.proof("POST", TOKEN_URL)) is ProofFault.KEY
    # The algorithm of one curve with a key of another.
    jwk = ECKey.generate_key("P-384").as_dict(private=False)
    assert fault(OURS.proof("POST", TOKEN_URL, header={"jwk": jwk})) is ProofFault.KEY
    jwk = ECKey.generate_key("secp256k1").as_dict(private=False)
    assert fault(OURS.proof("POST", TOKEN_URL, header={"jwk": jwk})) is ProofFault.KEY


@pytest.mark.parametrize("name", ["crit", "b64", "jku", "x5u", "x5c", "zip", "enc"])
def test_a_header_that_points_elsewhere_is_refused(name):
    head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": OURS.key.as_dict(private=False), name: "x"}
    assert fault(f"{b64(head)}.{b64({})}.AAAA") is ProofFault.KEY


@requirement("rfc9449:4.3:signature")
def test_a_proof_signed_with_another_key_is_refused():
    stolen = THEIRS.key.as_dict(private=False)
    assert fault(OURS.proof("POST", TOKEN_URL, header={"jwk": stolen})) is ProofFault.SIGNATURE
    head, _, signature = OURS.proof("POST", TOKEN_URL).split(".")
    body = {"jti": "1", "htm": "POST", "htu": TOKEN_URL, "iat": NOW // 1000}
    assert fault(f"{head}.{b64(body)}.{signature}") is ProofFault.SIGNATURE


@requirement("rfc9449:4.3:htm")
@pytest.mark.parametrize("method", ["GET", "post", "POST ", "", None, 1, ["POST"]])
def test_a_proof_for_another_method_is_refused(method):
    assert fault(OURS.proof("POST", TOKEN_URL, htm=method)) is ProofFault.METHOD


@requirement("rfc9449:4.3:htu")
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/token", "http://as.test/token", "https://as.test/token/",
        "https://as.test/Token", "https://as.test:8443/token", "https://as.test/par",
        "https://as.test@evil.test/token", "https://u@as.test/token", "https://as.test",
        "https://as.test//token", "/token", "", "https://as.test/to%6",
        "https://as.test/tokén", "https://as.test/%2Ftoken", "ftp://as.test/token",
        "https://as.test\\@evil.test/token", "https://as.test:x/token", None, 3, ["https://as.test"],
    ],
)  # fmt: skip
def test_a_proof_for_another_address_is_refused(url):
    assert fault(OURS.proof("POST", TOKEN_URL, htu=url)) is ProofFault.ADDRESS


@requirement("rfc9449:4.3:htu-normal")
@pytest.mark.parametrize(
    "url",
    [
        "HTTPS://AS.test:443/token", "https://as.test/token?x=1", "https://as.test/token#y",
        "https://as.test/%74oken", "https://as.test/a/../token", "https://as.test/./token",
    ],
)  # fmt: skip
def test_another_spelling_of_the_same_address_is_good(url):
    assert check(OURS.proof("POST", url)).jkt == OURS.jkt


@requirement("rfc9449:4.3:iat")
def test_a_proof_from_the_past_or_the_future_is_refused():
    old = OURS.proof("POST", TOKEN_URL)
    check(old, now=NOW + MAX_AGE * 1000 - 1)
    assert fault(old, now=NOW + MAX_AGE * 1000) is ProofFault.TIME
    check(old, now=NOW - AHEAD * 1000)
    assert fault(old, now=NOW - AHEAD * 1000 - 1) is ProofFault.TIME
    # Made in stock by who had the key for a moment (§11.2).
    assert fault(OURS.proof("POST", TOKEN_URL, iat=NOW // 1000 + 86_400)) is ProofFault.TIME
    for strange in ("now", True, -1, 2**53, [1]):
        found = fault(OURS.proof("POST", TOKEN_URL, iat=strange))
        assert found in {ProofFault.MALFORMED, ProofFault.TIME}
    assert fault(OURS.proof("POST", TOKEN_URL, iat=None)) is ProofFault.CLAIM


@pytest.mark.parametrize("jti", [None, "", 7, "x" * 257, ["a"]])
def test_a_proof_without_a_name_is_refused(jti):
    assert fault(OURS.proof("POST", TOKEN_URL, jti=jti)) is ProofFault.CLAIM


def test_a_name_belongs_to_its_key():
    one = check(OURS.proof("POST", TOKEN_URL, jti="same"))
    again = check(OURS.proof("POST", TOKEN_URL, jti="same", more="x"))
    other = check(THEIRS.proof("POST", TOKEN_URL, jti="same"))
    assert one.use == again.use
    # Else a stranger could use up the names of others.
    assert one.use != other.use


@requirement("rfc9449:4.3:ath")
def test_a_proof_for_another_token_is_refused():
    check(OURS.proof("POST", TOKEN_URL, token="abc"), access_token="abc")
    for token in ("abd", "", "ABC"):
        found = fault(OURS.proof("POST", TOKEN_URL, token=token), access_token="abc")
        assert found is ProofFault.TOKEN
    # A proof for the token endpoint is none for a resource.
    assert fault(OURS.proof("POST", TOKEN_URL), access_token="abc") is ProofFault.TOKEN
    for strange in ("é", 5, ["x"], ath("abc") + "="):
        found = fault(OURS.proof("POST", TOKEN_URL, ath=strange), access_token="abc")
        assert found is ProofFault.TOKEN


@requirement("rfc9449:4.3:nonce")
def test_a_nonce_is_asked_for_only_of_a_proof_that_is_good_otherwise():
    wants = {"nonce_fits": lambda nonce: nonce == "fresh"}
    assert check(OURS.proof("POST", TOKEN_URL, nonce="fresh"), **wants).jkt == OURS.jkt
    for nonce in (None, "old", "", 5, "x" * 300):
        with pytest.raises(NonceWanted):
            check(OURS.proof("POST", TOKEN_URL, nonce=nonce), **wants)
    assert fault(OURS.proof("GET", TOKEN_URL), **wants) is ProofFault.METHOD


def test_a_duplicate_member_is_refused():
    head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": OURS.key.as_dict(private=False)}
    body = f'{{"jti":"1","htm":"GET","htm":"POST","htu":"{TOKEN_URL}","iat":{NOW // 1000}}}'
    proof = jws.serialize_compact(head, body.encode(), OURS.key, algorithms=["ES256"])
    assert fault(proof) is ProofFault.MALFORMED


@requirement("x1:unknown-cnf-refused")
@pytest.mark.parametrize(
    "cnf",
    [
        None, {}, "x", [], {"x5t#S256": "A" * 43}, {"jkt": "short"}, {"jkt": None},
        {"jkt": "A" * 43, "x5t#S256": "A" * 43}, {"jwk": {}}, {"jkt": "A" * 42 + "B"},
    ],
)  # fmt: skip
def test_a_binding_that_we_cannot_check_is_refused(cnf):
    with pytest.raises(InvalidProof):
        bound_key({"cnf": cnf})
    assert bound_key({}) is None
    assert bound_key({"cnf": {"jkt": OURS.jkt}}) == OURS.jkt


@given(st.text(max_size=60))
def test_no_text_is_a_proof_or_breaks_the_reader(text):
    assert fault(text) in set(ProofFault)


@given(st.text(max_size=40))
def test_an_address_has_one_normal_form(tail):
    normal = normal_address(f"https://as.test/{tail}")
    if normal is not None:
        assert normal_address(normal) == normal
        assert normal.startswith("https://as.test/")
