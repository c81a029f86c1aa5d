"""What a delegation is, for the person who gave it, an administrator, or an agent's owner."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from authz.tx import Tx
from server.domain.audit import AuditEntry, AuditFilter, Cursor
from server.domain.core import Core
from server.domain.delegation import Delegation, DelegationQuery, Effect, State
from server.domain.people import User
from server.domain.registry import Agent, Resource, Status

PAGE = 25
"""Rows of a page."""
MOST_LIVE = 200
"""Standing delegations that "my agents" shows at once."""

Condition = Literal["live", "paused", "expired", "revoked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The things that delegations mention, loaded once for a page."""

    agents: Mapping[str, Agent]
    people: Mapping[str, User]
    """Delegators, and the owners of agents."""
    resources: Mapping[str, Resource]
    last_use: Mapping[str, int]
    ended_sessions: frozenset[str]

    def owner_of(self, agent_id: str) -> User | None:
        """Return whoever answers for an agent, or none."""
        agent = self.agents.get(agent_id)
        return self.people.get(agent.owner_id) if agent and agent.owner_id else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Delegations with what they mention; `hops` counts what hangs below each."""

    rows: tuple[Delegation, ...]
    names: Names
    hops: Mapping[str, int]
    conditions: Mapping[str, Condition]
    older: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One delegation with everything that is shown of it."""

    delegation: Delegation
    tree: tuple[Delegation, ...]
    names: Names
    conditions: Mapping[str, Condition]
    person: User
    client_name: str
    labels: Mapping[str, str]
    effects: tuple[Effect, ...]
    """Of this delegation and of all below it."""
    entries: tuple[AuditEntry, ...]
    live_tokens: int
    """Of this delegation and of all below it."""
    now: int
    """When it was looked at (Unix ms)."""

    @property
    def below(self) -> tuple[Delegation, ...]:
        """Return the delegation itself and all that descends from it."""
        return tuple(row for row in self.tree if self.delegation.id in row.path)


async def my_delegations(core: Core, user_id: str, before: Cursor | None) -> tuple[Listed, Listed]:
    """Return what stands of a person's delegations, and a page of those that ended."""
    now = core.clock.now()

    def load(tx: Tx) -> tuple[Listed, Listed]:
        query = core.rows.delegations.page
        standing = query(
            tx, DelegationQuery(user_id=user_id, state=State.STANDING, roots_only=True),
            now=now, limit=MOST_LIVE,
        )  # fmt: skip
        ended = query(
            tx,
            DelegationQuery(
                user_id=user_id, state=State.ENDED, roots_only=True, before=before
            ),
            now=now, limit=PAGE,
        )  # fmt: skip
        return listed(core, tx, standing.rows), listed(core, tx, ended.rows, ended.older)

    return await core.store.read(load)


async def search_delegations(core: Core, query: DelegationQuery, limit: int = PAGE) -> Listed:
    """Return a page of everyone's delegations."""
    now = core.clock.now()

    def load(tx: Tx) -> Listed:
        page = core.rows.delegations.page(tx, query, now=now, limit=limit)
        return listed(core, tx, page.rows, page.older)

    return await core.store.read(load)


async def review_delegation(
    core: Core, grant_id: str, *, reader: User, as_admin: bool
) -> Review | None:
    """Return a delegation for its own person, or for anyone if `as_admin` (the caller checks).

    Somebody else's is exactly as an unknown one.
    """
    now = core.clock.now()

    def load(tx: Tx) -> Review | None:
        value = core.rows.delegations.get(tx, grant_id)
        if value is None or (not as_admin and value.user_id != reader.id):
            return None
        person = core.rows.users.get(tx, value.user_id)
        if person is None:
            return None
        tree = core.rows.delegations.tree(tx, value.path[0])
        below = [row for row in tree if value.id in row.path]
        ids = [row.id for row in below]
        client = core.rows.clients.get(tx, value.client_id)
        roots = {name for row in tree for d in row.details for name in d.objects}
        effects = [effect for grant in ids for effect in core.rows.effects.of(tx, grant)]
        mentioned = roots | {effect.object for effect in effects}
        entries = core.rows.audit.search(
            tx, AuditFilter(grant_id=value.id), before=None, limit=PAGE
        ).entries
        names = _names(core, tx, tree, allowed=value.allow_agents)
        return Review(
            delegation=value,
            tree=tuple(tree),
            names=names,
            conditions=_conditions(core, tx, tree, names),
            person=person,
            client_name=client.name if client else value.client_id,
            labels=core.rows.resources.labels(tx, sorted(mentioned)),
            effects=tuple(sorted(effects, key=lambda e: (e.created_at, e.id))),
            entries=entries,
            live_tokens=core.rows.tokens.count_live(tx, ids, now),
            now=now,
        )

    return await core.store.read(load)


def listed(core: Core, tx: Tx, rows: Iterable[Delegation], older: Cursor | None = None) -> Listed:
    """Load what some delegations mention."""
    shown = tuple(rows)
    names = _names(core, tx, shown, allowed={a for row in shown for a in row.allow_agents})
    trees = {row.id: core.rows.delegations.tree(tx, row.path[0]) for row in shown}
    return Listed(
        rows=shown,
        names=names,
        hops={
            grant_id: sum(grant_id in other.path for other in tree) - 1
            for grant_id, tree in trees.items()
        },
        conditions=_conditions(core, tx, shown, names),
        older=older,
    )


def pseudonym(key: bytes, agent_id: str, user_id: str) -> str:
    """Name a person for an agent's owner: the same for one agent, another for each (X10)."""
    digest = hmac.new(key, f"{agent_id}\x00{user_id}".encode(), hashlib.sha256).hexdigest()
    return f"person {digest[:10]}"


def _names(core: Core, tx: Tx, rows: Iterable[Delegation], allowed: Iterable[str] = ()) -> Names:
    rows = tuple(rows)
    agents = {
        agent_id: agent
        for agent_id in sorted({row.agent_id for row in rows} | set(allowed))
        if (agent := core.rows.agents.get(tx, agent_id)) is not None
    }
    wanted = {row.user_id for row in rows} | {a.owner_id for a in agents.values() if a.owner_id}
    people = {
        user_id: user
        for user_id in sorted(wanted)
        if (user := core.rows.users.get(tx, user_id)) is not None
    }
    uris = {d.resource for row in rows for d in row.details}
    uris |= {edge[2] for row in rows for edge in row.allow_edges}
    now = core.clock.now()
    sessions = {row.sid for row in rows if row.sid}
    return Names(
        agents=agents,
        people=people,
        resources={
            uri: resource
            for uri in sorted(uris)
            if (resource := core.rows.resources.get(tx, uri)) is not None
        },
        last_use=core.rows.audit.last_use(tx, [row.id for row in rows]),
        ended_sessions=frozenset(
            sid
            for sid in sessions
            if (found := core.rows.sessions.get(tx, sid)) is None or not found.alive(now)
        ),
    )


def _conditions(
    core: Core, tx: Tx, rows: Iterable[Delegation], names: Names
) -> dict[str, Condition]:
    """Tell how each delegation stands, its path included (X11)."""
    found: dict[str, Condition] = {}
    known = {row.id: row for row in rows}
    for row in known.values():
        path = [
            step
            for grant_id in row.path
            if (step := known.get(grant_id) or core.rows.delegations.get(tx, grant_id))
        ]
        found[row.id] = _worst(core, tx, path, names)
    return found


def _worst(core: Core, tx: Tx, path: list[Delegation], names: Names) -> Condition:
    now = core.clock.now()
    if any(step.revoked_at is not None for step in path):
        return "revoked"
    if any(now >= step.expires_at or step.sid in names.ended_sessions for step in path):
        return "expired"
    for step in path:
        agent = names.agents.get(step.agent_id) or core.rows.agents.get(tx, step.agent_id)
        if agent is None or agent.status is not Status.ACTIVE:
            return "paused"
    return "live"
