"""Forged, confused and hostile tokens (RFC 8725, and the CVEs of JOSE libraries)."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from authz.jose import (
    Fault,
    InvalidToken,
    KeySet,
    from_jwk,
    split,
    to_jwk,
    verify_jws,
)
from authz.jose.algorithms import sign
from authz.jose.strict_json import parse_object
from tests.keys.material import b64, rsa_key, segment

OURS = ec.generate_private_key(ec.SECP256R1())
THEIRS = ec.generate_private_key(ec.SECP256R1())
EDWARDS = ed25519.Ed25519PrivateKey.generate()
RSA = rsa_key(2048)
KEYS = KeySet(
    [
        from_jwk({**to_jwk(OURS.public_key()), "kid": "ours"}),
        from_jwk({**to_jwk(EDWARDS.public_key()), "kid": "edwards"}),
        from_jwk({**to_jwk(RSA.public_key()), "kid": "rsa"}),
    ]
)
ALL = ("ES256", "EdDSA", "RS256")
HEADER = {"alg": "ES256", "kid": "ours", "typ": "at+jwt"}
CLAIMS = {"iss": "https://as.test", "sub": "usr_1"}


def signed(header: Any = None, payload: Any = None, key: Any = OURS, alg: str = "ES256") -> str:
    message = f"{segment(header or HEADER)}.{segment(CLAIMS if payload is None else payload)}"
    return f"{message}.{b64(sign(alg, key, message.encode()))}"


def verify(token: str, **changes: Any) -> Any:
    return verify_jws(token, KEYS, **{"typ": "at+jwt", "algorithms": ALL, **changes})


def refusal(token: str, **changes: Any) -> Fault:
    with pytest.raises(InvalidToken) as refused:
        verify(token, **changes)
    return refused.value.reason


def test_control_an_honest_token_is_accepted():
    assert verify(signed()) == CLAIMS
    assert verify(signed({**HEADER, "kid": "rsa", "alg": "RS256"}, key=RSA, alg="RS256")) == CLAIMS


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, 0, ["ES256"], {}, True])
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_a_token_without_a_real_algorithm_is_refused(alg, signature):
    token = f"{segment({**HEADER, 'alg': alg})}.{segment(CLAIMS)}.{signature}"
    assert refusal(token) in {Fault.ALGORITHM_REFUSED, Fault.MALFORMED}


def _public_forms() -> list[bytes]:
    public = OURS.public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    der = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return [pem, pem.strip(), der, json.dumps(to_jwk(public)).encode(), b"", b"secret"]


@pytest.mark.parametrize("secret", _public_forms(), ids=range(6))
@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_our_public_key_is_not_an_hmac_secret(secret, alg):
    message = f"{segment({**HEADER, 'alg': alg})}.{segment(CLAIMS)}"
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[alg]
    token = f"{message}.{b64(hmac.new(secret, message.encode(), digest).digest())}"
    assert refusal(token) is Fault.ALGORITHM_REFUSED
    # Even a caller who lists it gets no HMAC: the key decides.
    assert refusal(token, algorithms=(*ALL, alg)) is Fault.ALGORITHM_REFUSED


@pytest.mark.parametrize(
    ("kid", "alg", "key"),
    [("ours", "RS256", RSA), ("rsa", "ES256", OURS), ("edwards", "ES256", OURS),
     ("ours", "EdDSA", EDWARDS), ("rsa", "EdDSA", EDWARDS)],
)  # fmt: skip
def test_the_header_does_not_choose_the_algorithm_of_a_key(kid, alg, key):
    token = signed({**HEADER, "kid": kid, "alg": alg}, key=key, alg=alg)
    assert refusal(token) is Fault.ALGORITHM_REFUSED


def test_a_sibling_algorithm_of_the_same_rsa_key_is_refused():
    token = signed({**HEADER, "kid": "rsa", "alg": "PS256"}, key=RSA, alg="PS256")
    assert refusal(token, algorithms=(*ALL, "PS256")) is Fault.ALGORITHM_REFUSED


def test_an_algorithm_that_the_caller_does_not_accept_is_refused():
    assert refusal(signed(), algorithms=("RS256",)) is Fault.ALGORITHM_REFUSED


@pytest.mark.parametrize(
    "extra",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": False},
        {"crit": ["b64"], "b64": True},
        {"b64": False},
        {"b64": True},
        {"crit": []},
        {"crit": None},
        {"crit": "b64"},
        {"jwk": to_jwk(OURS.public_key())},
        {"jwk": None},
        {"jku": "https://as.test/jwks"},
        {"x5u": "https://as.test/cert"},
        {"x5c": ["AAAA"]},
        {"zip": "DEF"},
        {"enc": "A256GCM"},
    ],
)
def test_extensions_and_keys_inside_the_token_are_refused_even_if_well_signed(extra):
    assert refusal(signed({**HEADER, **extra})) is Fault.HEADER_REFUSED


def test_a_key_that_the_attacker_brings_along_is_not_used():
    attacker = {**HEADER, "jwk": to_jwk(THEIRS.public_key())}
    assert refusal(signed(attacker, key=THEIRS)) is Fault.HEADER_REFUSED
    without_kid = {"alg": "ES256", "typ": "at+jwt", "jwk": to_jwk(THEIRS.public_key())}
    assert refusal(signed(without_kid, key=THEIRS), kid_required=False) is Fault.HEADER_REFUSED


@pytest.mark.parametrize("kid", ["unknown", "../../ours", "ours\u0000", "OURS", " ours", "x" * 257])
def test_an_unknown_key_id_is_refused(kid):
    assert refusal(signed({**HEADER, "kid": kid})) in {
        Fault.KEY_UNKNOWN, Fault.HEADER_REFUSED, Fault.MALFORMED,
    }  # fmt: skip


@pytest.mark.parametrize("kid", [None, 1, ["ours"], {"kid": "ours"}, True, ""])
@pytest.mark.parametrize("kid_required", [True, False])
def test_a_key_id_of_another_type_is_refused(kid, kid_required):
    token = signed({**HEADER, "kid": kid})
    assert refusal(token, kid_required=kid_required) is Fault.HEADER_REFUSED


def test_without_a_key_id_only_the_one_key_of_the_algorithm_is_tried_and_only_if_asked():
    token = signed({"alg": "ES256", "typ": "at+jwt"})
    assert refusal(token) is Fault.HEADER_REFUSED
    assert verify(token, kid_required=False) == CLAIMS
    two = KeySet([*KEYS, from_jwk(to_jwk(THEIRS.public_key()))])
    with pytest.raises(InvalidToken, match="key_unknown"):
        verify_jws(token, two, typ="at+jwt", algorithms=ALL, kid_required=False)


@pytest.mark.parametrize(
    "typ",
    ["JWT", "dpop+jwt", "client-authentication+jwt", "oauth-id-jag+jwt", "logout+jwt",
     "secevent+jwt", "", None, 1, ["at+jwt"], "at+jwt ", "application/", "text/at+jwt"],
)  # fmt: skip
def test_one_kind_of_token_never_passes_as_another(typ):
    assert refusal(signed({**HEADER, "typ": typ})) is Fault.TYPE_REFUSED


def test_a_token_without_a_type_is_refused():
    assert refusal(signed({"alg": "ES256", "kid": "ours"})) is Fault.TYPE_REFUSED


@pytest.mark.parametrize("typ", ["application/at+jwt", "AT+JWT", "Application/At+Jwt"])
def test_the_two_spellings_of_a_media_type_are_one(typ):
    assert verify(signed({**HEADER, "typ": typ})) == CLAIMS


def test_every_flipped_bit_of_the_signature_is_noticed():
    message, _, signature = signed().rpartition(".")
    raw = bytearray(split(f"{message}.{signature}").signature)
    for byte in range(len(raw)):
        bent = bytearray(raw)
        bent[byte] ^= 1 << byte % 8
        assert refusal(f"{message}.{b64(bytes(bent))}") is Fault.SIGNATURE_WRONG


@pytest.mark.parametrize(
    "signature",
    [b"\0" * 64, b"\0" * 63, b"\0" * 65, b"\xff" * 64, b"\0", b"0" * 128,
     b"\0" * 31 + b"\1" + b"\0" * 31 + b"\1"],
)  # fmt: skip
def test_degenerate_signatures_are_refused(signature):
    # CVE-2022-21449: r = s = 0.
    message, _, _ = signed().rpartition(".")
    assert refusal(f"{message}.{b64(signature)}") is Fault.SIGNATURE_WRONG


def test_a_der_signature_is_not_a_jose_signature():
    from cryptography.hazmat.primitives import hashes

    message, _, _ = signed().rpartition(".")
    der = OURS.sign(message.encode(), ec.ECDSA(hashes.SHA256()))
    assert refusal(f"{message}.{b64(der)}") is Fault.SIGNATURE_WRONG


def test_a_changed_payload_or_header_is_noticed():
    header, _, signature = signed().split(".")
    assert refusal(f"{header}.{segment({'sub': 'usr_2'})}.{signature}") is Fault.SIGNATURE_WRONG
    other = segment({**HEADER, "typ": "application/at+jwt"})
    assert refusal(f"{other}.{segment(CLAIMS)}.{signature}") is Fault.SIGNATURE_WRONG


def test_another_spelling_of_the_same_signature_is_refused():
    token = signed()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(token[-1])
    for unused_bits in range(1, 16):
        assert refusal(token[:-1] + alphabet[last ^ unused_bits]) is Fault.MALFORMED


def _malformed() -> list[str]:
    token = signed()
    header, payload, signature = token.split(".")
    return [
        "", ".", "..", "...", header, f"{header}.{payload}", f"{token}.", f".{token}",
        f"{token}.{signature}.{signature}", f"{header}..{signature}", f".{payload}.{signature}",
        f"{header}.{payload}.", f"{token}=", f"{header}=.{payload}.{signature}", f" {token}",
        f"{token}\n", token.replace(".", " .", 1), f"{header}.{payload}+.{signature}",
        f"{header}.{payload}/.{signature}", f"{token}\u00e9", f"{token}\x00", f"{token}\ud800",
        "A." + token.split(".", 1)[1], f"AAAAA.{payload}.{signature}", "{}", token.encode().hex(),
        json.dumps({"protected": header, "payload": payload, "signature": signature}),
    ]  # fmt: skip


@pytest.mark.parametrize("token", _malformed())
def test_what_is_not_exactly_three_canonical_parts_is_refused(token):
    assert refusal(token) is Fault.MALFORMED


BAD_JSON = [
    b"", b"null", b"[]", b'"text"', b"1", b"{", b"{}{}", b"{'a':1}", b'{"a":1,}', b"\xef\xbb\xbf{}",
    b'{"a":"\xff"}', b'{"a":"\xc0\xaf"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\\ud800"}', b'{"a":NaN}',
    b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":"\\u0000"}', b'{"\\u0000":1}', b'{"a":"\x00"}',
    b'{"a":' + b"9" * 5000 + b"}", "{}".encode("utf-16"), "{}".encode("utf-32"),
]  # fmt: skip


@pytest.mark.parametrize("raw", BAD_JSON)
def test_a_payload_that_is_not_one_clean_json_object_is_refused(raw):
    if raw:
        assert refusal(signed(payload=raw)) is Fault.MALFORMED


@pytest.mark.parametrize("raw", BAD_JSON)
def test_a_header_that_is_not_one_clean_json_object_is_refused(raw):
    assert refusal(f"{b64(raw)}.{segment(CLAIMS)}.AAAA") is Fault.MALFORMED


@pytest.mark.parametrize(
    "raw",
    [b'{"sub":"usr_1","sub":"usr_2"}', b'{"act":{"sub":"a","sub":"b"}}',
     b'{"sub":"usr_1","s\\u0075b":"usr_2"}', b'{"a":[{"b":1,"b":1}]}'],
)  # fmt: skip
def test_duplicate_members_are_refused_however_they_are_spelled(raw):
    assert refusal(signed(payload=raw)) is Fault.DUPLICATE_MEMBER


def test_a_duplicate_algorithm_in_the_header_is_refused():
    header = b'{"alg":"ES256","kid":"ours","typ":"at+jwt","alg":"none"}'
    assert refusal(signed(header)) is Fault.DUPLICATE_MEMBER


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [17, 200, 1000])
def test_deep_nesting_is_refused_before_it_is_parsed(opening, depth):
    closing = b"]" if opening == b"[" else b"}"
    inner = b'{"a":' + opening * depth + b"1" + closing * depth + b"}"
    assert refusal(signed(payload=inner)) is Fault.TOO_DEEP
    assert refusal(signed(payload=inner[:-depth])) is Fault.TOO_DEEP
    assert refusal(f"{b64(inner)}.{segment(CLAIMS)}.AAAA") is Fault.TOO_DEEP


def test_brackets_inside_texts_and_wide_documents_are_not_depth():
    claims = {"text": '[{"' * 40, "wide": [{} for _ in range(100)]}
    assert verify(signed(payload=claims)) == claims


def test_a_giant_token_is_refused_before_it_is_read():
    assert refusal("A" * 10_000_000) is Fault.TOO_LARGE
    assert refusal(signed(payload={"pad": "x" * 9000})) is Fault.TOO_LARGE
    assert verify(signed(payload={"pad": "x" * 9000}), max_bytes=16_384)


@given(st.text(max_size=300))
def test_any_text_is_refused_and_nothing_else_happens(text):
    assert refusal(text) in Fault


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=80))
def test_any_three_byte_strings_are_refused_and_nothing_else_happens(header, payload, signature):
    assert refusal(f"{b64(header)}.{b64(payload)}.{b64(signature)}") in Fault


def test_an_error_never_repeats_the_token():
    secret = "very-secret-claim"
    token = signed(payload={"sub": secret}, key=THEIRS)
    with pytest.raises(InvalidToken) as refused:
        verify(token)
    assert secret not in str(refused.value)
    assert token.split(".")[1] not in repr(refused.value)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("end", ["", "\\"])
def test_a_string_that_is_never_closed_costs_no_more_than_its_length(end):
    # Scanned anew from each escaped quote, this would take a quarter of an hour.
    bomb = b'{"a":' + b"[" * 80 + b'"' + b'\\"' * 300_000 + end.encode()
    with pytest.raises(InvalidToken):
        parse_object(bomb)
