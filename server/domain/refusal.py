"""A refusal is a value (DESIGN 3.4): what is said, to whom it may be said, and what it does."""

from dataclasses import dataclass

from authz.decision import Advice


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An OAuth error (RFC 6749 §5.2): `description` is public, `detail` is for the audit only."""

    error: str
    reason: str
    description: str
    status: int = 400
    advice: Advice = Advice.STOP
    detail: str = ""
    redirectable: bool = True
    authenticate: bool = False
    """Answer with `WWW-Authenticate: Basic` (RFC 6749 §5.2)."""


def invalid_request(reason: str, description: str, *, detail: str = "") -> Refused:
    """Refuse a request that is malformed or carries an unacceptable token (RFC 8693 §2.2.2)."""
    return Refused(error="invalid_request", reason=reason, description=description, detail=detail)


def invalid_grant(reason: str, description: str, *, detail: str = "") -> Refused:
    """Refuse a code or refresh token (RFC 6749 §5.2)."""
    return Refused(
        error="invalid_grant",
        reason=reason,
        description=description,
        detail=detail,
        advice=Advice.CONSENT,
    )


def invalid_client(reason: str, *, detail: str = "", basic: bool = False) -> Refused:
    """Refuse a client that did not authenticate; the same words for every cause."""
    return Refused(
        error="invalid_client",
        reason="invalid_client",
        description="Client authentication failed.",
        status=401,
        detail=f"{reason} {detail}".strip(),
        redirectable=False,
        authenticate=basic,
    )


def invalid_scope(reason: str, description: str, *, detail: str = "") -> Refused:
    """Refuse a scope that is unknown, malformed, or of which nothing is left."""
    return Refused(error="invalid_scope", reason=reason, description=description, detail=detail)


def invalid_target(reason: str, description: str, *, detail: str = "") -> Refused:
    """Refuse a resource or audience (RFC 8707 §2)."""
    return Refused(error="invalid_target", reason=reason, description=description, detail=detail)
