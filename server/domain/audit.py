"""What the audit trail records: a closed vocabulary that names the human and every agent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class AuditTag(StrEnum):
    """`subject:action`; the closed list of what can happen."""

    CLIENT_TOKEN = "token:client_credentials"
    CODE_TOKEN = "token:authorization_code"
    REFRESH_TOKEN = "token:refresh"
    EXCHANGE = "token:exchange"
    ASSERTION_TOKEN = "token:assertion"
    WORKLOAD_TOKEN = "token:workload"
    IDENTITY_ASSERTED = "token:identity_assertion"
    HANDOVER = "token:handover"
    IMPERSONATION = "token:impersonation"
    TOKEN_REVOKED = "token:revoked"
    CODE_ISSUED = "code:issued"
    CODE_REPLAYED = "code:replayed"
    REFRESH_REPLAYED = "refresh:replayed"
    DECISION = "decision:evaluated"
    SEARCH = "decision:searched"
    RELATIONS = "relations:written"
    EFFECT_UNDONE = "relations:undone"
    DELEGATION_CREATED = "delegation:created"
    DELEGATION_NARROWED = "delegation:narrowed"
    DELEGATION_REPLACED = "delegation:replaced"
    DELEGATION_REVOKED = "delegation:revoked"
    DELEGATION_LIFTED = "delegation:lifted"
    CONSENT_REMEMBERED = "consent:remembered"
    CONSENT_REMOVED = "consent:removed"
    CONSENT_DENIED = "consent:denied"
    SIGNED_UP = "user:signed_up"
    SIGNED_IN = "user:signed_in"
    SIGN_IN_REFUSED = "user:sign_in_refused"
    SIGNED_OUT = "user:signed_out"
    USER_CHANGED = "user:changed"
    CLIENT_CHANGED = "client:changed"
    AGENT_CHANGED = "agent:changed"
    RESOURCE_CHANGED = "resource:changed"
    ISSUER_CHANGED = "issuer:changed"
    IDENTITY_LINKED = "identity:linked"
    IDENTITY_UNLINKED = "identity:unlinked"
    KEY_CHANGED = "key:changed"
    LINK_USED = "link:used"


class Outcome(StrEnum):
    """How it ended."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One event. `agents` is the actor chain, current actor first. Never holds a secret."""

    tag: AuditTag
    outcome: Outcome
    at: int
    reason: str | None = None
    user_id: str | None = None
    agents: tuple[str, ...] = ()
    client_id: str | None = None
    grant_id: str | None = None
    resource: str | None = None
    object: str | None = None
    request_id: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)
    """Facts that are no personal data: a jti, a scope, a relation."""
    personal: Mapping[str, str] = field(default_factory=dict)
    """Facts that can be erased apart from the trail: an address, an e-mail."""


Cursor = tuple[int, str]
"""A place in a list that runs from new to old: the time (Unix ms) and id of its last row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which events are wanted; an empty id does not restrict."""

    user_id: str = ""
    agent_id: str = ""
    """Anywhere in the actor chain."""
    grant_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A stored event; `personal` is left out, since readers of the trail do not need it."""

    id: str
    record: AuditRecord
    sealed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Events, newest first. `older` is where the next page begins, if there may be one."""

    entries: tuple[AuditEntry, ...]
    older: Cursor | None = None
