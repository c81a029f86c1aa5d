"""A refusal is a value (DESIGN 3.4): what is said, to whom it may be said, and what it does."""

from dataclasses import dataclass
from enum import StrEnum

from authz.decision import Advice


class ClientFault(StrEnum):
    """Why a client did not authenticate: for our counters and logs, never for the client."""

    SEVERAL_METHODS = "several_methods"
    NO_CREDENTIAL = "no_credential"
    PUBLIC_CLIENT = "public_client"
    SCHEME = "scheme"
    MALFORMED = "malformed_credential"
    TWO_CLIENT_IDS = "two_client_ids"
    UNKNOWN_CLIENT = "unknown_client"
    DISABLED_CLIENT = "disabled_client"
    WRONG_METHOD = "wrong_method"
    WRONG_SECRET = "wrong_secret"
    ASSERTION_TYPE = "assertion_type"
    NO_KEYS = "no_keys"
    BAD_ASSERTION = "bad_assertion"
    REPLAYED = "assertion_replayed"
    DOCUMENT = "document_gone"
    NOT_TRUSTED = "not_trusted"


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
    retry_after: int | None = None
    """Answer with `Retry-After`, in seconds (RFC 9110 §10.2.3)."""
    client_fault: ClientFault | None = None
    """Why a client did not authenticate, where `reason` says no more than that."""


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
