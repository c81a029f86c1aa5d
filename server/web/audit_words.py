"""The audit's closed vocabulary in words that people read."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from server.domain.audit import AuditRecord, AuditTag

TAG_WORDS: Final[Mapping[AuditTag, str]] = MappingProxyType(
    {
        AuditTag.CLIENT_TOKEN: "Got a token as itself",
        AuditTag.CODE_ISSUED: "Was let in through its application",
        AuditTag.CODE_TOKEN: "Got its first token",
        AuditTag.REFRESH_TOKEN: "Renewed its token",
        AuditTag.EXCHANGE: "Got a token for a service",
        AuditTag.ASSERTION_TOKEN: "Got a token by the word of an identity provider",
        AuditTag.WORKLOAD_TOKEN: "Got a token as the workload that it is",
        AuditTag.IDENTITY_ASSERTED: "Took the person's identity to another server",
        AuditTag.HANDOVER: "Handed work on",
        AuditTag.IMPERSONATION: "Acted as the person",
        AuditTag.TOKEN_REVOKED: "Token revoked",
        AuditTag.CODE_REPLAYED: "Tried to use a code again",
        AuditTag.REFRESH_REPLAYED: "Tried to use an old refresh token",
        AuditTag.DECISION: "Used a service",
        AuditTag.SEARCH: "Listed what may be done",
        AuditTag.RELATIONS: "Changed who may reach something",
        AuditTag.EFFECT_UNDONE: "A change of access was undone",
        AuditTag.DELEGATION_CREATED: "Allowed",
        AuditTag.DELEGATION_NARROWED: "Allowed less from then on",
        AuditTag.DELEGATION_REPLACED: "Replaced by a newer permission",
        AuditTag.DELEGATION_REVOKED: "Revoked",
        AuditTag.DELEGATION_LIFTED: "May be allowed again",
        AuditTag.CONSENT_REMEMBERED: "Allowed to know the account",
        AuditTag.CONSENT_REMOVED: "Application removed",
        AuditTag.CONSENT_DENIED: "Not allowed at consent",
        AuditTag.SIGNED_UP: "Signed up",
        AuditTag.SIGNED_IN: "Signed in",
        AuditTag.SIGN_IN_REFUSED: "Sign-in refused",
        AuditTag.SIGNED_OUT: "Signed out",
        AuditTag.USER_CHANGED: "Account changed",
        AuditTag.CLIENT_CHANGED: "Client changed",
        AuditTag.AGENT_CHANGED: "Agent changed",
        AuditTag.RESOURCE_CHANGED: "Service changed",
        AuditTag.ISSUER_CHANGED: "Trusted issuer changed",
        AuditTag.IDENTITY_LINKED: "Identity linked",
        AuditTag.IDENTITY_UNLINKED: "Identity unlinked",
        AuditTag.KEY_CHANGED: "Signing key changed",
        AuditTag.LINK_USED: "One-time link used",
    }
)

_WHY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "insufficient_scope": "this action was not allowed to it",
        "consent_scope": "this action was not allowed to it",
        "consent_object": "you did not allow it this thing",
        "user_relation": "you may not do this yourself",
        "ceiling_scope": "this agent may never do this",
        "ceiling_resource": "this agent may never use this service",
        "ceiling_object": "this agent may never reach this thing",
        "delegation_revoked": "it was revoked",
        "delegation_expired": "its time was over",
        "session_ended": "you had signed out",
        "agent_suspended": "the agent was suspended",
        "agent_retired": "the agent was retired",
        "user_disabled": "the account was disabled",
        "wrong_audience": "the token was for another service",
        "chain_mismatch": "the chain of agents was not the recorded one",
        "token_expired": "the token had expired",
        "token_revoked": "the token was revoked",
    }
)

_ENDED: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "user": ("You revoked it.", "The person revoked it."),
        "admin": ("An administrator revoked it.", "An administrator revoked it."),
        "session_ended": ("It ended when you signed out.", "It ended with the session."),
        "replaced": ("A newer permission replaced it.", "A newer permission replaced it."),
        "issuer_removed": (
            "Your organisation's identity provider is not trusted here any more.",
            "The identity provider behind it is not trusted any more.",
        ),
        "issuer_changed": (
            "An administrator changed what your organisation's identity provider may allow.",
            "What the identity provider behind it may allow was changed.",
        ),
        "identity_unlinked": (
            "Your account is not linked to that identity any more.",
            "The person's account is not linked to that identity any more.",
        ),
        "hand_over_withdrawn": (
            "You took the permission to hand work to this agent away.",
            "The person took the permission to hand work to this agent away.",
        ),
    }
)


def action_words(record: AuditRecord) -> str:
    """Say what happened; a decision names its tool."""
    tool = record.detail.get("tool", "")
    words = TAG_WORDS.get(record.tag, record.tag.value)
    return f"{words} ({tool})" if tool else words


def refusal_words(reason: str | None) -> str:
    """Say why something was refused; a reason without words of its own stands for itself."""
    return _WHY.get(reason or "", (reason or "").replace("_", " "))


def ended_words(reason: str | None, *, as_admin: bool) -> str:
    """Say how a delegation ended; without a reason its time was over."""
    if reason is None:
        return "Its time is over."
    own, other = _ENDED.get(reason, ("It was revoked.", "It was revoked."))
    return other if as_admin else own
