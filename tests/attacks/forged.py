"""Forged copies of a good token, one trick each; none of them may pass for the token."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from authz.jose import from_jwk, to_jwk
from authz.jose.algorithms import sign
from tests.keys.material import b64, segment

THEIRS = ec.generate_private_key(ec.SECP256R1())
_THEIR_JWK = {**to_jwk(THEIRS.public_key()), "kid": "theirs", "alg": "ES256", "use": "sig"}


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Take a compact JWS apart: header, payload, signature."""
    header, payload, signature = token.split(".")
    read = [
        json.loads(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4))) for p in (header, payload)
    ]
    return read[0], read[1], signature


def by_them(header: dict[str, Any], payload: Any) -> str:
    """Sign with a key of the attacker."""
    message = f"{segment(header)}.{segment(payload)}"
    return f"{message}.{b64(sign('ES256', THEIRS, message.encode()))}"


def by_hmac(header: dict[str, Any], payload: Any, secret: bytes) -> str:
    """Sign with a shared secret."""
    message = f"{segment(header)}.{segment(payload)}"
    return f"{message}.{b64(hmac.digest(secret, message.encode(), hashlib.sha256))}"


def forgeries(token: str, jwk: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (trick, token) for a token that the private half of `jwk` signed."""
    header, payload, signature = parts_of(token)
    head, body, _ = token.split(".")
    for alg in ("none", "None", "NONE", "", None):
        for tail in ("", signature):
            yield (
                f"alg {alg!r} with {tail[:3]!r}",
                f"{segment({**header, 'alg': alg})}.{body}.{tail}",
            )
    public = from_jwk(jwk).public_key
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for secret in (pem, json.dumps(jwk).encode(), b""):
        yield "HS256 with the public key", by_hmac({**header, "alg": "HS256"}, payload, secret)
    own = {**header, "kid": "theirs"}
    yield "their key under our kid", by_them(header, payload)
    yield "their key in jwk", by_them({**own, "jwk": _THEIR_JWK}, payload)
    yield "our kid, their key in jwk", by_them({**header, "jwk": _THEIR_JWK}, payload)
    yield "jku", by_them({**own, "jku": "http://127.0.0.1:9/keys"}, payload)
    yield "x5u", by_them({**own, "x5u": "http://127.0.0.1:9/cert"}, payload)
    yield "x5c", by_them({**own, "x5c": ["AAAA"]}, payload)
    for kid in ("../../../../dev/null", "' OR 1=1 --", "", "x" * 5000, None, 1, [header.get("kid")],
                {"a": 1}, "\u0000", "\N{SNOWMAN}"):  # fmt: skip
        yield f"kid {str(kid)[:20]!r}", by_them({**header, "kid": kid}, payload)
    for name, more in (
        ("crit", {"crit": ["exp"]}), ("crit of b64", {"crit": ["b64"], "b64": False}),
        ("crit that is empty", {"crit": []}), ("another alg", {"alg": "ES384"}), ("zip", {"zip": "DEF"}),
        ("typ of another kind", {"typ": "logout+jwt"}),
    ):  # fmt: skip
        yield name, f"{segment({**header, **more})}.{body}.{signature}"
    for name, value in (("sub", "usr_other"), ("aud", "https://other.example"), ("exp", 99999999999),
                        ("jti", "tok_other"), ("act", {"sub": "agt_other"}), ("scope", "docs:delete")):  # fmt: skip
        yield f"{name} changed", f"{head}.{segment({**payload, name: value})}.{signature}"
    yield "no signature", f"{head}.{body}."
    yield "a signature of zeros", f"{head}.{body}.{b64(bytes(64))}"
    yield "half a signature", f"{head}.{body}.{signature[:43]}"
    yield "padding", f"{token}=="
    yield "another spelling of the end", token[:-1] + ("B" if token[-1] == "A" else "A")
    yield "a fourth part", f"{token}.AAAA"
    yield "five parts", f"{token}.AAAA.AAAA"
    yield "standard base64", f"{head}.{body}.{signature[:-2]}+/"
    yield "a payload of nothing", f"{head}..{signature}"
    yield "a list for a payload", by_them(header, [payload])
    yield "deep", by_them(header, json.loads("[" * 200 + "]" * 200))
    twice = b64(b'{"alg":"none",' + json.dumps(header).encode()[1:])
    yield "a header with alg twice", f"{twice}.{body}.{signature}"
    yield "letters of another alphabet", f"{head}.{body}.\N{CYRILLIC SMALL LETTER A}{signature[1:]}"
    yield "a space inside", f"{head}.{body[:9]} {body[9:]}.{signature}"
    yield "giant", f"{head}.{'A' * 20_000}.{signature}"
    yield "dots", ".."
    yield "a JSON token", json.dumps({"protected": head, "payload": body, "signature": signature})
