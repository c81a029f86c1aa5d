"""RFC 7523 §3: a client authenticates with an assertion that it signed."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import ECKey

from authz.jose import Fault, InvalidToken, KeySet, from_jwk, to_jwk
from authz.jose.algorithms import sign
from server.protocol.client_assertion import (
    ClientAssertion,
    unverified_issuer,
    unverified_kid,
    verify_client_assertion,
)
from tests.keys.material import NOW, b64, segment

ISSUER = "https://as.test/t/acme"
TOKEN_ENDPOINT = f"{ISSUER}/token"
SECONDS = NOW // 1000
KEY = ec.generate_private_key(ec.SECP256R1())
KEYS = KeySet([from_jwk({**to_jwk(KEY.public_key()), "kid": "k1"})])
HEADER = {"alg": "ES256", "kid": "k1", "typ": "client-authentication+jwt"}
CLAIMS = {
    "iss": "cli_1", "sub": "cli_1", "aud": ISSUER, "jti": "once", "exp": SECONDS + 60,
    "iat": SECONDS,
}  # fmt: skip


def assertion(claims: Any = None, header: Any = None, key: Any = KEY) -> str:
    """Sign the usual assertion with changes; a change to `...` leaves the member out."""
    parts = [{**HEADER, **(header or {})}, {**CLAIMS, **(claims or {})}]
    kept = [{name: v for name, v in part.items() if v is not ...} for part in parts]
    message = f"{segment(kept[0])}.{segment(kept[1])}"
    return f"{message}.{b64(sign('ES256', key, message.encode()))}"


def verify(token: str, **changes: Any) -> ClientAssertion:
    expected = {"client_id": "cli_1", "keys": KEYS, "audience": ISSUER, "now": NOW}
    return verify_client_assertion(token, **{**expected, **changes})


def refusal(token: str, **changes: Any) -> Fault:
    with pytest.raises(InvalidToken) as refused:
        verify(token, **changes)
    return refused.value.reason


def test_a_good_assertion_proves_the_client_and_says_until_when_its_jti_is_kept():
    proof = verify(assertion())
    assert (proof.client_id, proof.jti) == ("cli_1", "once")
    # A replay at the last moment that the leeway allows must still be known.
    assert refusal(assertion(), now=proof.expires_at) is Fault.EXPIRED
    assert verify(assertion(), now=proof.expires_at - 1).jti == "once"


@pytest.mark.parametrize("typ", ["client-authentication+jwt", "JWT", ..., "application/jwt"])
def test_the_explicit_type_the_old_one_and_none_are_accepted(typ):
    assert verify(assertion(header={"typ": typ})).jti == "once"


@pytest.mark.parametrize("typ", ["at+jwt", "dpop+jwt", "logout+jwt", "oauth-id-jag+jwt", None])
def test_a_token_of_another_kind_is_no_assertion(typ):
    assert refusal(assertion(header={"typ": typ})) is Fault.TYPE_REFUSED


def test_an_assertion_of_an_independent_library_is_accepted():
    pem = KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    token = joserfc_jwt.encode({"alg": "ES256"}, CLAIMS, ECKey.import_key(pem))
    assert verify(token).jti == "once"


def test_a_client_with_one_key_may_leave_its_name_out():
    assert verify(assertion(header={"kid": ...})).jti == "once"
    assert unverified_kid(assertion(header={"kid": ...})) is None


def test_the_client_can_be_named_by_the_assertion_alone():
    assert unverified_issuer(assertion()) == "cli_1"
    assert unverified_kid(assertion()) == "k1"


@pytest.mark.parametrize(
    "audience",
    [TOKEN_ENDPOINT, f"{ISSUER}/", "https://other-as.test", [ISSUER, "https://other-as.test"],
     [ISSUER, ISSUER], [], "", None, ..., 1],
)  # fmt: skip
def test_an_assertion_for_another_audience_is_worthless(audience):
    assert refusal(assertion({"aud": audience})) is Fault.AUDIENCE_WRONG


def test_an_array_with_our_issuer_alone_names_one_audience():
    assert verify(assertion({"aud": [ISSUER]})).jti == "once"


def test_another_audience_is_a_policy_of_the_client_and_then_the_only_one():
    assert verify(assertion({"aud": TOKEN_ENDPOINT}), audience=TOKEN_ENDPOINT).jti == "once"
    assert refusal(assertion(), audience=TOKEN_ENDPOINT) is Fault.AUDIENCE_WRONG


@pytest.mark.parametrize("issuer", ["cli_2", "", None, ..., 1, ISSUER, ["cli_1"]])
def test_the_issuer_is_the_client(issuer):
    assert refusal(assertion({"iss": issuer})) is Fault.ISSUER_WRONG


def test_the_subject_is_the_client():
    assert refusal(assertion({"sub": "cli_2"})) is Fault.ISSUER_WRONG
    assert refusal(assertion({"sub": ...})) is Fault.CLAIM_MISSING
    assert refusal(assertion({"sub": 1})) is Fault.CLAIM_TYPE


@pytest.mark.parametrize("jti", ["", None, 1, ["once"], "x" * 257])
def test_the_jti_is_a_short_text(jti):
    assert refusal(assertion({"jti": jti})) is Fault.CLAIM_TYPE


def test_the_jti_is_required():
    assert refusal(assertion({"jti": ...})) is Fault.CLAIM_MISSING


@pytest.mark.parametrize(
    ("claims", "fault"),
    [
        ({"exp": ...}, Fault.CLAIM_MISSING),
        ({"exp": SECONDS - 30}, Fault.EXPIRED),
        ({"exp": SECONDS + 331}, Fault.LIFETIME_TOO_LONG),
        ({"exp": SECONDS + 86_400}, Fault.LIFETIME_TOO_LONG),
        ({"iat": SECONDS + 31}, Fault.NOT_YET_VALID),
        ({"nbf": SECONDS + 31}, Fault.NOT_YET_VALID),
        ({"iat": SECONDS - 86_400}, Fault.LIFETIME_TOO_LONG),
        ({"nbf": SECONDS - 86_400, "iat": ...}, Fault.LIFETIME_TOO_LONG),
        ({"exp": SECONDS + 5, "nbf": SECONDS + 20}, Fault.LIFETIME_TOO_LONG),
        ({"exp": str(SECONDS + 60)}, Fault.CLAIM_TYPE),
        ({"iat": True}, Fault.CLAIM_TYPE),
    ],
)
def test_an_assertion_is_young_and_short_lived(claims, fault):
    assert refusal(assertion(claims)) is fault


def test_iat_and_nbf_are_optional_and_clocks_may_differ_a_little():
    assert verify(assertion({"iat": ...})).jti == "once"
    assert (
        verify(assertion({"iat": SECONDS + 30, "nbf": SECONDS + 30, "exp": SECONDS + 330})).jti
        == "once"
    )


def test_the_key_of_another_client_does_not_sign_for_this_one():
    other = ec.generate_private_key(ec.SECP256R1())
    assert refusal(assertion(key=other)) is Fault.SIGNATURE_WRONG
    theirs = KeySet([from_jwk({**to_jwk(other.public_key()), "kid": "k1"})])
    assert refusal(assertion(), keys=theirs) is Fault.SIGNATURE_WRONG


def test_a_client_without_keys_cannot_authenticate():
    assert refusal(assertion(), keys=KeySet([])) is Fault.KEY_UNKNOWN


@pytest.mark.parametrize(
    "token", ["", "a.b.c", "é", "..", "A" * 20_000, assertion({"iss": 1}), assertion({"iss": ""})]
)
def test_an_assertion_without_a_readable_issuer_is_refused(token):
    with pytest.raises(InvalidToken):
        unverified_issuer(token)
