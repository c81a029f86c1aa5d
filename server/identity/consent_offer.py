"""What a person may be asked to allow: never more than was asked, than they hold, than the ceiling.

The same function makes the page and checks what was posted, so that they cannot differ.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from authz.tx import Tx
from server.delegation.coverage import contradicts, delegate_of, wants_delegation
from server.domain.core import Core
from server.domain.delegation import Delegation
from server.domain.interactions import AuthorizationRequest
from server.domain.registry import Agent, Client, Resource, Scope, Status

OIDC_SCOPES: Final = frozenset({"openid", "profile", "email"})
MAX_PICKED: Final = 50
"""Objects of one consent."""

Edge = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One asked detail: the scopes of a resource, on some objects.

    `objects` are the asked ones; with none asked, the person picks freely. `plain` are the scopes
    and object types that no earlier section has: they stand by their name in a form, others with
    the number of their section behind it, so that a tick never counts twice.
    """

    number: int
    resource: Resource
    scopes: tuple[Scope, ...]
    objects: tuple[str, ...]
    plain: frozenset[str]

    def scope_key(self, name: str) -> str:
        """Return the value that stands for a scope of this section in a form."""
        return name if name in self.plain else f"{name}#{self.number}"

    def object_key(self, name: str) -> str:
        """Return the value that stands for an object of this section in a form."""
        return name if name.partition(":")[0] in self.plain else f"{name}#{self.number}"

    def object_of(self, key: str) -> str | None:
        """Return the object that a form's value stands for, or none if it is another section's."""
        name = key.removesuffix(f"#{self.number}")
        kinds = {pickable.type for pickable in self.resource.pickable}
        # No object has a `#` in its name, so what is left of one is another section's number.
        fits = "#" not in name and name.partition(":")[0] in kinds
        return name if fits and self.object_key(name) == key else None

    def names_of(self, keys: Collection[str]) -> list[str]:
        """Return the objects of this section that a form's values stand for, in their order."""
        return [name for key in sorted(keys) if (name := self.object_of(key)) is not None]

    def with_included(self, picked: frozenset[str], agent: Agent | None) -> frozenset[str]:
        """Add what the picked scopes include, as far as the agent may ever hold it."""
        closed = self.resource.closed(picked)
        return closed if agent is None else closed & self.resource.closed(agent.ceiling.scopes)

    @property
    def objects_matter(self) -> bool:
        """Tell whether the resource has objects that could be picked."""
        return bool(self.resource.pickable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Everything that could be allowed. `agent` is none if it would be made by this consent."""

    client: Client
    agent: Agent | None
    delegates: bool
    sections: tuple[Section, ...]
    identity: frozenset[str]
    """Of `openid`, `profile`, `email`: what the client would learn."""
    offline: bool
    hand_overs: tuple[Agent, ...]
    max_depth: int
    edges: tuple[Edge, ...]
    earlier: tuple[Delegation, ...]
    """Live delegations of the same pair and client that a new one would replace."""

    @property
    def bounds(self) -> tuple[Agent | None, tuple[Section, ...]]:
        """Return what decides which objects may be picked."""
        return self.agent, self.sections


@dataclass(frozen=True, slots=True)
class NoOffer:
    """The request cannot be put to anybody any more: client or agent has changed meanwhile."""

    reason: str


def make_offer(
    core: Core, tx: Tx, request: AuthorizationRequest, user_id: str, now: int
) -> Offer | NoOffer:
    """Say what may be asked of this person, by the registry as of now."""
    client = core.rows.clients.get(tx, request.client_id)
    if client is None or client.status is not Status.ACTIVE:
        return NoOffer("client_disabled")
    if contradicts(request, client):
        return NoOffer("client_changed")
    agent_id = delegate_of(request, client)
    agent = core.rows.agents.get(tx, agent_id) if agent_id is not None else None
    if agent_id is not None and (agent is None or agent.status is not Status.ACTIVE):
        return NoOffer("agent_suspended")
    sections = _sections(core, tx, request, agent)
    asked = frozenset(request.scope.split())
    return Offer(
        client=client,
        agent=agent,
        delegates=wants_delegation(request, client),
        sections=sections,
        identity=asked & OIDC_SCOPES,
        offline="offline_access" in asked,
        hand_overs=_hand_overs(core, tx, request),
        max_depth=request.max_depth,
        edges=_edges(sections),
        earlier=_earlier(core, tx, request, agent, user_id, now),
    )


def _sections(
    core: Core, tx: Tx, request: AuthorizationRequest, agent: Agent | None
) -> tuple[Section, ...]:
    sections: list[Section] = []
    taken: set[str] = set()
    for number, detail in enumerate(request.details):
        resource = core.rows.resources.get(tx, detail.resource)
        if resource is None or (agent is not None and resource.id not in agent.ceiling.resources):
            continue
        names = detail.scopes & resource.scopes.keys()
        if agent is not None:
            names &= resource.closed(agent.ceiling.scopes)
        new = (names | {pickable.type for pickable in resource.pickable}) - taken
        taken |= new
        sections.append(
            Section(
                number=number,
                resource=resource,
                scopes=tuple(scope for scope in resource.scopes.values() if scope.name in names),
                objects=detail.objects,
                plain=frozenset(new),
            )
        )
    return tuple(sections)


def _hand_overs(core: Core, tx: Tx, request: AuthorizationRequest) -> tuple[Agent, ...]:
    found = [core.rows.agents.get(tx, agent_id) for agent_id in request.hand_overs]
    return tuple(a for a in found if a is not None and a.status is Status.ACTIVE)


def _edges(sections: tuple[Section, ...]) -> tuple[Edge, ...]:
    """Return the registered ways on that start at an offered scope (X6)."""
    edges = [
        (section.resource.id, edge.scope, edge.to_resource, edge.to_scope)
        for section in sections
        for edge in section.resource.edges
        if any(scope.name == edge.scope for scope in section.scopes)
    ]
    return tuple(dict.fromkeys(edges))


def _earlier(
    core: Core,
    tx: Tx,
    request: AuthorizationRequest,
    agent: Agent | None,
    user_id: str,
    now: int,
) -> tuple[Delegation, ...]:
    """Return what a new delegation takes the place of: the same pair, client and a resource."""
    if agent is None:
        return ()
    asked = {detail.resource for detail in request.details}
    return tuple(
        row
        for row in core.rows.delegations.of_pair(tx, user_id, agent.id)
        if row.live(now)
        and len(row.path) == 1
        and row.client_id == request.client_id
        and (not row.resources or not asked or not asked.isdisjoint(row.resources))
    )
