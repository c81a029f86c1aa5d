"""The ports of the tools: what the server does for a caller, known by the token it came with.

A caller is the `jti` of a token that the edge verified. The desk reads its own record of it, so
that nothing a tool was told decides who asks. Each method raises `Refusal`.
"""

from dataclasses import dataclass
from typing import Protocol

from mcp_tools.tools.answers import (
    AccessRequest,
    Approvals,
    Delegations,
    Denied,
    Events,
    Explanation,
    Permission,
    Released,
    Ticket,
    Token,
    Whoami,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A call that an agent thinks of making at a resource."""

    resource: str
    scopes: frozenset[str]
    relation: str | None
    object: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of authority to hand on."""

    resource: str
    scopes: tuple[str, ...]
    objects: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What is to be given up of a delegation; nothing named is nothing given up."""

    scopes: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()
    expires_in: int | None = None
    """Seconds from now; an end that is later than the present one changes nothing."""

    @property
    def empty(self) -> bool:
        """Tell whether nothing is named."""
        return not self.scopes and not self.objects and self.expires_in is None


class AgentDesk(Protocol):
    """For an agent, with a user's delegation or as itself."""

    async def whoami(self, jti: str) -> Whoami: ...
    async def delegations(self, jti: str, *, ended: bool, cursor: str | None) -> Delegations: ...
    async def check(self, jti: str, wanted: Wanted) -> Permission: ...
    async def explain(self, jti: str, evaluation_id: str) -> Explanation: ...
    async def exchange(
        self, jti: str, resource: str, scopes: frozenset[str] | None, grant_id: str | None
    ) -> Token: ...
    async def hand_on(self, jti: str, agent_id: str, parts: tuple[Part, ...]) -> Ticket: ...
    async def release(self, jti: str, grant_id: str, cut: Cut | None) -> Released: ...


class AccessDesk(Protocol):
    """For an agent that needs more than it holds."""

    async def ask(self, jti: str, parts: tuple[Part, ...], why: str) -> AccessRequest: ...
    async def status(self, jti: str, approval_id: str) -> AccessRequest: ...


class PersonDesk(Protocol):
    """For a person, about their own delegations alone."""

    async def delegations(self, jti: str, *, ended: bool, cursor: str | None) -> Delegations: ...
    async def narrow(self, jti: str, grant_id: str, cut: Cut) -> Released: ...
    async def revoke(self, jti: str, grant_id: str) -> Released: ...
    async def activity(self, jti: str, *, grant_id: str, cursor: str | None) -> Events: ...
    async def approvals(self, jti: str) -> Approvals: ...
    async def deny(self, jti: str, approval_id: str) -> Denied: ...


class AdminDesk(Protocol):
    """For an administrator, about everyone's."""

    async def delegations(
        self, jti: str, *, text: str, user_id: str, agent_id: str, ended: bool, cursor: str | None
    ) -> Delegations: ...
    async def revoke(self, jti: str, grant_id: str, why: str) -> Released: ...
    async def audit(
        self, jti: str, *, user_id: str, agent_id: str, grant_id: str, cursor: str | None
    ) -> Events: ...


@dataclass(frozen=True, slots=True)
class Desks:
    """All that the tools stand on."""

    agents: AgentDesk
    access: AccessDesk
    people: PersonDesk
    admins: AdminDesk
