"""RFC 7519 §4.1: the registered claims, checked against an injected time and never by a library."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NewType

from authz.jose.errors import Fault, InvalidToken
from authz.jose.verify import VerifiedPayload

CheckedClaims = NewType("CheckedClaims", Mapping[str, Any])
"""Claims of a known signer, for us, in force now."""

MAX_TEXT: Final = 2048
"""Characters of any one text claim that the caller requires."""
_LATEST: Final = 2**40
"""Seconds; a NumericDate beyond it (34,000 years) is an attack on arithmetic, not a date."""


class Audience(Enum):
    """How `aud` must name us (RFC 7519 §4.1.3)."""

    EXACT = "exact"
    """This very text; an array is refused (our own tokens)."""
    SOLE = "sole"
    """This text, or an array with it alone (assertions of clients)."""
    MEMBER = "member"
    """This text, or an array that contains it (tokens of other issuers)."""


def check_claims(
    payload: VerifiedPayload,
    *,
    issuer: str,
    audience: str,
    now: int,
    audience_form: Audience = Audience.EXACT,
    required: Mapping[str, type] | None = None,
    optional: Mapping[str, type] | None = None,
    leeway: int = 0,
    longest: int | None = None,
) -> CheckedClaims:
    """Check `iss`, `aud`, `exp`, `nbf`, `iat` and the named claims; raises `InvalidToken`.

    `now` is in Unix milliseconds; `leeway` (clock skew of another machine) and `longest` (the most
    that `exp` may lie ahead) are in seconds. `exp` is always required. `required` and `optional`
    map a claim to its JSON type; a required text must not be empty.
    """
    _types(payload, required or {}, optional or {})
    # RFC 7519 §4.1.1: a case-sensitive string, compared as it is.
    if payload.get("iss") != issuer:
        raise InvalidToken(Fault.ISSUER_WRONG, "iss")
    if not _names(payload.get("aud"), audience, audience_form):
        raise InvalidToken(Fault.AUDIENCE_WRONG, "aud")
    _times(payload, now=now, leeway=leeway, longest=longest)
    return CheckedClaims(payload)


def numeric_date(payload: Mapping[str, Any], name: str) -> float | None:
    """Return a NumericDate in seconds (RFC 7519 §2), None if absent; raises `InvalidToken`."""
    if name not in payload:
        return None
    value = payload[name]
    # bool is an int in Python and "true" is no time; NaN fails the comparison.
    if type(value) not in (int, float) or not 0 <= value < _LATEST:
        raise InvalidToken(Fault.CLAIM_TYPE, name)
    return float(value) if type(value) is float else value


def _types(
    payload: Mapping[str, Any], required: Mapping[str, type], optional: Mapping[str, type]
) -> None:
    for name, kind in required.items():
        if name not in payload:
            raise InvalidToken(Fault.CLAIM_MISSING, name)
        value = payload[name]
        if type(value) is not kind or (type(value) is str and not 0 < len(value) <= MAX_TEXT):
            raise InvalidToken(Fault.CLAIM_TYPE, name)
    for name, kind in optional.items():
        if name in payload and type(payload[name]) is not kind:
            raise InvalidToken(Fault.CLAIM_TYPE, name)


def _names(found: object, audience: str, form: Audience) -> bool:
    if type(found) is str:
        return found == audience
    if type(found) is not list or form is Audience.EXACT:
        return False
    if form is Audience.SOLE:
        return found == [audience]
    return audience in found


def _times(payload: Mapping[str, Any], *, now: int, leeway: int, longest: int | None) -> None:
    expires = numeric_date(payload, "exp")
    if expires is None:
        raise InvalidToken(Fault.CLAIM_MISSING, "exp")
    # RFC 7519 §4.1.4: on or after `exp` it MUST NOT be accepted.
    if now >= (expires + leeway) * 1000:
        raise InvalidToken(Fault.EXPIRED, "exp")
    if longest is not None and expires * 1000 > now + (longest + leeway) * 1000:
        raise InvalidToken(Fault.LIFETIME_TOO_LONG, "exp")
    for name in ("nbf", "iat"):
        since = numeric_date(payload, name)
        if since is not None and since * 1000 > now + leeway * 1000:
            raise InvalidToken(Fault.NOT_YET_VALID, name)
