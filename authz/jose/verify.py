"""RFC 7515 §5.2 and RFC 8725: the one place where a signature becomes a reason to believe."""

from collections.abc import Collection, Mapping
from typing import Any, Final, NewType

from authz.jose import algorithms as signatures
from authz.jose.compact import MAX_TOKEN, UnverifiedJws, split
from authz.jose.errors import Fault, InvalidToken
from authz.jose.jwk import MAX_KID, VerificationKey
from authz.jose.keys import KeySource
from authz.jose.strict_json import parse_object

VerifiedPayload = NewType("VerifiedPayload", Mapping[str, Any])
"""Claims whose signature is good. Who wrote them is known; whether they hold is `check_claims`."""

ANY_TYPE_ABSENT: Final = ""
"""Stands in a set of types for a header without `typ`."""

# RFC 7515 §4.1.11: we understand no extension, so any `crit` is refused, and so is `b64`
# (RFC 7797) with or without it. Keys and addresses of keys inside a token are an attacker's wish.
_REFUSED: Final = ("crit", "b64", "jwk", "jku", "x5u", "x5c", "zip", "enc")


def verify_jws(
    token: str,
    keys: KeySource,
    *,
    typ: str | Collection[str],
    algorithms: Collection[str],
    kid_required: bool = True,
    max_bytes: int = MAX_TOKEN,
) -> VerifiedPayload:
    """Verify a compact JWS and return its claims; raises `InvalidToken`.

    `typ` is the type (or the types) that the caller expects, lower case, without `application/`;
    `algorithms` those that the caller accepts; the key decides which of them is used. With
    `kid_required=False` a token without `kid` is tried with the one key of its algorithm.
    """
    jws = split(token, max_bytes=max_bytes)
    return verify_split(jws, keys, typ=typ, algorithms=algorithms, kid_required=kid_required)


def verify_split(
    jws: UnverifiedJws,
    keys: KeySource,
    *,
    typ: str | Collection[str],
    algorithms: Collection[str],
    kid_required: bool = True,
) -> VerifiedPayload:
    """Verify a token that is already taken apart, as `verify_jws`."""
    header = jws.header
    for name in _REFUSED:
        if name in header:
            raise InvalidToken(Fault.HEADER_REFUSED, name)
    # RFC 8725 §3.11: one kind of JWT never passes as another.
    if not _type_fits(header.get("typ", ANY_TYPE_ABSENT), typ):
        raise InvalidToken(Fault.TYPE_REFUSED, "typ")
    alg = header.get("alg")
    if type(alg) is not str or alg not in algorithms:
        raise InvalidToken(Fault.ALGORITHM_REFUSED, "alg")
    key = _choose(header, keys, alg, kid_required=kid_required)
    # RFC 8725 §3.1: the key says which algorithm, the header may only agree.
    if key.alg != alg:
        raise InvalidToken(Fault.ALGORITHM_REFUSED, "alg")
    if not signatures.verify(key.alg, key.public_key, jws.signing_input, jws.signature):
        raise InvalidToken(Fault.SIGNATURE_WRONG)
    return VerifiedPayload(parse_object(jws.payload))


def _choose(
    header: Mapping[str, Any], keys: KeySource, alg: str, *, kid_required: bool
) -> VerificationKey:
    kid = header.get("kid")
    if kid is None and "kid" not in header and not kid_required:
        key = keys.only(alg)
    elif type(kid) is str and 0 < len(kid) <= MAX_KID:
        key = keys.find(kid)
    else:
        raise InvalidToken(Fault.HEADER_REFUSED, "kid")
    if key is None:
        raise InvalidToken(Fault.KEY_UNKNOWN, "kid")
    return key


def _type_fits(found: object, expected: str | Collection[str]) -> bool:
    if found == expected:
        return True
    if type(found) is not str:
        return False
    # RFC 7515 §4.1.9: media types, so case does not count and `application/` may be left out.
    name = found.lower().removeprefix("application/")
    return name == expected if isinstance(expected, str) else name in expected
