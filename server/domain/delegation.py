"""A delegation: the stored, revocable outcome of a consent (DESIGN 1, EXCHANGE X4, X9)."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from server.domain.audit import Cursor

RESERVED_RELATIONS = frozenset({"consented", "ceiling"})
"""Relations of the delegation itself: only Mandate writes them (X10)."""

EVERYTHING = "*"
"""Stands among the objects of a detail for all that the person may reach at the resource.

Only the policy of a trusted issuer gives it; the person's own right is asked as ever (X11).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One piece of authority: these scopes at this resource, on these objects and below them.

    Travels as an `authorization_details` element of type `mandate` (RFC 9396). `objects` are
    graph objects (`folder:1`); none means that calls which name an object are refused.
    """

    resource: str
    scopes: frozenset[str]
    objects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """What one user allows one agent. `path` runs from the root delegation to this one."""

    id: str
    user_id: str
    agent_id: str
    client_id: str
    """The client through which the consent was given."""
    details: tuple[Detail, ...]
    path: tuple[str, ...]
    purpose: str = ""
    allow_agents: tuple[str, ...] = ()
    """Agents that this one may hand work to (X4)."""
    allow_edges: tuple[tuple[str, str, str, str], ...] = ()
    """Downstream edges shown at consent: (resource, scope, to_resource, to_scope) (X6)."""
    max_depth: int = 0
    """How many further hops may follow this one."""
    allow_sharing: bool = False
    """Calls may give rights to people outside the consent (X12)."""
    via: str | None = None
    """The resource whose server went on downstream with this row (X6); none for any other row."""
    cut: bool = False
    """The person took something from this very row: handing on again gives no more (X9)."""
    sid: str | None = None
    """The session with which the delegation ends; none with `offline_access` (X9)."""
    created_at: int
    expires_at: int
    revoked_at: int | None = None
    revoked_reason: str | None = None
    origin: str | None = None
    """The trusted issuer whose policy stands in for the person's consent; none: they consented.

    Such a row only stands behind tokens that were got with an assertion of that issuer.
    """
    shortened: bool = False
    """The person set an earlier end: when it comes, no issuer vouches on until they let it."""
    lifted: bool = False
    """Taken back once, but the person or an administrator lets the issuer vouch again."""

    @property
    def parent_id(self) -> str | None:
        """Return the delegation above this one, if any."""
        return self.path[-2] if len(self.path) > 1 else None

    @property
    def resources(self) -> frozenset[str]:
        """Return every resource that some detail names."""
        return frozenset(d.resource for d in self.details)

    def everything_at(self, resource: str, scopes: frozenset[str]) -> bool:
        """Tell whether `scopes` may be used on all that the person may reach at `resource`."""
        return any(
            d.resource == resource and scopes <= d.scopes and EVERYTHING in d.objects
            for d in self.details
        )

    def scopes_at(self, resource: str) -> frozenset[str]:
        """Return the scopes held at `resource`, over all details."""
        return frozenset(s for d in self.details if d.resource == resource for s in d.scopes)

    def reach(self, resource: str, via: str | None = None) -> frozenset[str]:
        """Return what a row below may hold at `resource`: what is held here itself.

        For a row that went on downstream `via` a resource it is what that one's edges lead to,
        each only while the scope that it starts from is still held (X6). Never both: an edge is
        the resource server's way, not the next agent's.
        """
        if via is None:
            return self.scopes_at(resource)
        held = self.scopes_at(via)
        return frozenset(
            to_scope
            for source, scope, target, to_scope in self.allow_edges
            if source == via and target == resource and scope in held
        )

    def taken_back(self, now: int, reasons: Collection[str] = ("user", "admin")) -> bool:
        """Tell whether somebody ended what an issuer vouched for, so that it stays ended (X9)."""
        if self.origin is None or self.lifted:
            return False
        over = self.shortened and "user" in reasons and now >= self.expires_at
        return self.revoked_reason in reasons or over

    def live(self, now: int) -> bool:
        """Tell whether this row by itself is alive; its parents and session count as well."""
        return self.revoked_at is None and now < self.expires_at


def consent_subject(grant_id: str, number: int) -> str:
    """Return the graph subject of one detail of a delegation (`consent:dlg_x.0`)."""
    return f"consent:{grant_id}.{number}"


def only_ours(user: str, relation: str) -> bool:
    """Tell whether such a tuple belongs to a delegation or a ceiling: nobody else writes it (X10).

    A consent holds nothing else either: a module that lets it would widen what was agreed to.
    """
    return relation in RESERVED_RELATIONS or user.partition(":")[0] == "consent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A tuple that a delegated call wrote (X12)."""

    id: str
    grant_id: str
    resource_id: str
    subject: str
    relation: str
    object: str
    created_at: int
    undone_at: int | None = None


class State(StrEnum):
    """Which delegations a list shows, by how they stand now."""

    ANY = ""
    STANDING = "standing"
    """Neither revoked nor expired; the agent may be suspended."""
    LIVE = "live"
    PAUSED = "paused"
    """Standing, but the agent is suspended or retired."""
    EXPIRED = "expired"
    REVOKED = "revoked"
    ENDED = "ended"
    """Revoked or expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationQuery:
    """Which delegations are wanted; what is empty does not restrict."""

    user_id: str = ""
    agent_id: str = ""
    text: str = ""
    """An id, or part of the person's address, the agent's name or a resource's URI."""
    state: State = State.ANY
    roots_only: bool = False
    before: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationPage:
    """Delegations, newest first. `older` is where the next page begins, if there may be one."""

    rows: tuple[Delegation, ...]
    older: Cursor | None = None
