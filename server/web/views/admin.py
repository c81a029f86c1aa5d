"""The administrator's console: agents, delegations, people and the audit trail of everyone."""

from dataclasses import dataclass
from typing import Literal

from server.web.views.delegation import DelegationRow
from server.web.views.frame import ONE_PAGE, AgentBadge, Frame, Paging


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRow:
    """One agent in the list. `live` counts live delegations; `last_used_at` Unix ms or None."""

    agent: AgentBadge
    purpose: str
    live: int
    last_used_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminAgentsPage:
    """`admin/agents`: searched by GET with `q` and `status`; echoes both. `action`: own path.

    `register_action`: where the form for a new agent posts `csrf`, `name` and `purpose`, or None.
    """

    frame: Frame
    action: str
    rows: tuple[AgentRow, ...]
    query: str = ""
    status: Literal["", "active", "suspended", "retired"] = ""
    register_action: str | None = None
    paging: Paging = ONE_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class CeilingRow:
    """The most an agent may ever hold on one service.

    `scopes`: as sentences. `objects`: labels of the roots it is kept to; empty: no such limit.
    """

    service: str
    host: str
    scopes: tuple[str, ...]
    objects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentClient:
    """An OAuth client of an agent. `method`: how it authenticates, in words."""

    client_id: str
    name: str
    method: str
    status: Literal["active", "disabled"] = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminAgentPage:
    """`admin/agent`. `metadata`: (label, value) such as ("Model", "…"), ("Version", "…").

    `not_before`: tokens issued before it are refused (Unix ms, 0: never set). The three links
    lead to `preview` pages; None where it cannot be done (a retired agent stays retired).
    `owner_action`: where the form posts `csrf` and `owner` (e-mail or id; empty: nobody), None
    to leave it out. `problem`: why the owner was not accepted.
    """

    frame: Frame
    agent: AgentBadge
    uri: str
    purpose: str
    created_at: int
    not_before: int
    ceiling: tuple[CeilingRow, ...]
    clients: tuple[AgentClient, ...]
    delegations: tuple[DelegationRow, ...]
    metadata: tuple[tuple[str, str], ...] = ()
    delegations_url: str | None = None
    audit_url: str | None = None
    suspend_url: str | None = None
    resume_url: str | None = None
    retire_url: str | None = None
    owner_action: str | None = None
    owner_email: str = ""
    problem: str | None = None
    back_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminDelegationsPage:
    """`admin/delegations`: who consented to what and when it was last used.

    Searched by GET with `q` and `status`.
    """

    frame: Frame
    action: str
    rows: tuple[DelegationRow, ...]
    query: str = ""
    status: Literal["", "live", "paused", "expired", "revoked"] = ""
    paging: Paging = ONE_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """One person.

    `live` counts live delegations. `change_url`: link to the preview that disables or enables,
    with its words in `change`; None for oneself. `audit_url`: the trail of this person.
    """

    user_id: str
    name: str
    email: str
    is_admin: bool
    status: Literal["active", "disabled"]
    created_at: int
    live: int
    last_seen_at: int | None = None
    change_url: str | None = None
    change: str = ""
    audit_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminPeoplePage:
    """`admin/people`: searched by GET with `q`."""

    frame: Frame
    action: str
    rows: tuple[PersonRow, ...]
    query: str = ""
    paging: Paging = ONE_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One record. `what`: the tag in words; `tag`: the tag itself (`token:exchange:issued`).

    `person`: e-mail, or "" when erased or none. `agents`: names, the acting one first.
    `reason`: closed reason of a refusal, else "". `why_url`: where the
    graph's part in a decision is explained. `sealed`: it is in the sealed chain already.
    """

    audit_id: str
    at: int
    what: str
    tag: str
    outcome: Literal["done", "refused"]
    person: str = ""
    agents: tuple[str, ...] = ()
    client: str = ""
    grant_id: str = ""
    grant_url: str | None = None
    target: str = ""
    reason: str = ""
    why_url: str | None = None
    sealed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminAuditPage:
    """`admin/audit`: filtered by GET with `person`, `agent`, `delegation`; echoes all three.

    `unsealed`: how many records of the whole trail are not sealed yet. `problem`: why the
    filter was not understood, else None.
    """

    frame: Frame
    action: str
    rows: tuple[AuditRow, ...]
    person: str = ""
    agent: str = ""
    delegation: str = ""
    unsealed: int = 0
    problem: str | None = None
    paging: Paging = ONE_PAGE
