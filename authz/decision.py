"""A decision is a value with its reason, never a bare bool (DESIGN, vocabulary)."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a call or an exchange is refused: a closed list, on the wire and in the audit."""

    TOKEN_INVALID = "token_invalid"
    TOKEN_EXPIRED = "token_expired"
    TOKEN_REVOKED = "token_revoked"
    WRONG_AUDIENCE = "wrong_audience"
    WRONG_KIND = "wrong_kind"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    USER_DISABLED = "user_disabled"
    SESSION_ENDED = "session_ended"
    CLIENT_DISABLED = "client_disabled"
    AGENT_SUSPENDED = "agent_suspended"
    AGENT_RETIRED = "agent_retired"
    AGENT_NOT_BEFORE = "agent_not_before"
    DELEGATION_UNKNOWN = "delegation_unknown"
    DELEGATION_REVOKED = "delegation_revoked"
    DELEGATION_EXPIRED = "delegation_expired"
    CHAIN_MISMATCH = "chain_mismatch"
    CEILING_SCOPE = "ceiling_scope"
    CEILING_RESOURCE = "ceiling_resource"
    CEILING_OBJECT = "ceiling_object"
    CONSENT_SCOPE = "consent_scope"
    CONSENT_OBJECT = "consent_object"
    USER_RELATION = "user_relation"
    PRINCIPAL_NOT_ACCEPTED = "principal_not_accepted"
    APPROVAL_REQUIRED = "approval_required"
    APPROVAL_DENIED = "approval_denied"
    TOO_MANY_APPROVALS = "too_many_approvals"
    PROOF_REQUIRED = "proof_required"
    CHECKER_UNAVAILABLE = "checker_unavailable"


@dataclass(frozen=True, slots=True)
class Denied:
    """No, and why. `detail` is for the audit only."""

    reason: Reason
    detail: str = ""


class Advice(StrEnum):
    """What a client should do after a refusal."""

    RETRY = "retry"
    CONSENT = "consent"
    STOP = "stop"


_CONSENT = {
    Reason.SESSION_ENDED,
    Reason.DELEGATION_UNKNOWN,
    Reason.DELEGATION_REVOKED,
    Reason.DELEGATION_EXPIRED,
    Reason.INSUFFICIENT_SCOPE,
    Reason.CONSENT_SCOPE,
    Reason.CONSENT_OBJECT,
}
_RETRY = {
    Reason.TOKEN_EXPIRED,
    # The person is asked already; the same call goes through once they said yes.
    Reason.APPROVAL_REQUIRED,
    Reason.TOO_MANY_APPROVALS,
    Reason.CHECKER_UNAVAILABLE,
}


def advice(reason: Reason) -> Advice:
    """Tell what helps: the same call again, a fresh consent, or nothing."""
    if reason in _RETRY:
        return Advice.RETRY
    return Advice.CONSENT if reason in _CONSENT else Advice.STOP
