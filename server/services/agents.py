"""Agents as an administrator or their owner sees them: listed, reviewed, suspended, retired."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from authz.tx import Tx
from server.domain.audit import AuditRecord, AuditTag, Cursor, Outcome
from server.domain.core import Core
from server.domain.delegation import Delegation, DelegationQuery, State
from server.domain.people import User
from server.domain.registry import Agent, Ceiling, Client, Resource, Status
from server.domain.unit import Unit
from server.identity.accounts import NotAllowed, is_admin_now
from server.services.review import Listed, listed

SHOWN = 50
"""Delegations on the page of one agent, and in the preview of what stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLine:
    """An agent in a list. `last_use` (Unix ms) is that of its newest delegations, or none."""

    agent: Agent
    owner: User | None
    live: int
    last_use: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReview:
    """One agent with all that is shown of it; `standing` counts every standing delegation."""

    agent: Agent
    owner: User | None
    clients: tuple[Client, ...]
    resources: Mapping[str, Resource]
    labels: Mapping[str, str]
    delegations: Listed
    standing: int
    live_tokens: int


async def search_agents(
    core: Core, text: str, *, status: str = "", before: Cursor | None = None, limit: int
) -> list[AgentLine]:
    """Return agents whose name contains `text`, or whose id or owner it is, newest first."""

    def load(tx: Tx) -> list[AgentLine]:
        found = core.rows.agents.search(tx, text, limit, status=status, before=before)
        return [_line(core, tx, agent) for agent in found]

    return await core.store.read(load)


async def agents_of_owner(core: Core, owner_id: str) -> list[AgentLine]:
    """Return the agents that a person answers for."""
    return await core.store.read(
        lambda tx: [_line(core, tx, agent) for agent in core.rows.agents.owned_by(tx, owner_id)]
    )


async def review_agent(
    core: Core, agent_id: str, *, owned_by: str | None = None
) -> AgentReview | None:
    """Return an agent; with `owned_by`, one of somebody else is as an unknown one."""
    now = core.clock.now()

    def load(tx: Tx) -> AgentReview | None:
        agent = core.rows.agents.get(tx, agent_id)
        if agent is None or (owned_by is not None and agent.owner_id != owned_by):
            return None
        rows = _standing(core, tx, agent_id, now)
        uris = sorted(agent.ceiling.resources)
        return AgentReview(
            agent=agent,
            owner=_owner(core, tx, agent),
            clients=tuple(core.rows.clients.of_agent(tx, agent_id)),
            resources={uri: found for uri in uris if (found := core.rows.resources.get(tx, uri))},
            labels=core.rows.resources.labels(tx, list(agent.ceiling.object_roots)),
            delegations=listed(core, tx, rows),
            standing=core.rows.delegations.count_live(tx, now, agent_id=agent_id),
            live_tokens=core.rows.tokens.count_live(tx, [row.id for row in rows], now),
        )

    return await core.store.read(load)


async def set_agent_status(
    core: Core,
    agent_id: str,
    status: Status,
    *,
    admin: User,
    kill_tokens: bool = False,
    reason: str = "",
) -> bool | NotAllowed:
    """Suspend, resume or retire an agent; false if that changes nothing.

    Suspending stops every use at once. Resuming brings it back, unless `kill_tokens`: then
    tokens issued before now stay dead (X2, `not_before`). Who is retired stays retired.
    """
    now = core.clock.now()

    def work(tx: Unit) -> bool | NotAllowed:
        if not is_admin_now(core, tx, admin.id):
            return NotAllowed()
        agent = core.rows.agents.held(tx, agent_id)
        if agent is None:
            return NotAllowed()
        if agent.status is status or agent.status is Status.RETIRED:
            return False
        not_before = now if kill_tokens else agent.not_before
        core.rows.agents.update(tx, replace(agent, status=status, not_before=not_before))
        _record(core, tx, agent_id, admin, now, change=status.value, why=reason)
        return True

    return await core.store.write(work)


async def set_owner(
    core: Core, agent_id: str, owner_id: str | None, *, admin: User
) -> bool | NotAllowed:
    """Give an agent to somebody, or to nobody; false if there is no such person."""
    now = core.clock.now()

    def work(tx: Unit) -> bool | NotAllowed:
        if not is_admin_now(core, tx, admin.id):
            return NotAllowed()
        agent = core.rows.agents.held(tx, agent_id)
        if agent is None:
            return NotAllowed()
        if owner_id is not None and core.rows.users.get(tx, owner_id) is None:
            return False
        provisional = agent.provisional and owner_id is None
        core.rows.agents.update(tx, replace(agent, owner_id=owner_id, provisional=provisional))
        _record(core, tx, agent_id, admin, now, change="owner")
        return True

    return await core.store.write(work)


async def register_agent(core: Core, *, user: User, name: str, purpose: str) -> Agent | NotAllowed:
    """Let a person register an agent of their own, where the policy allows it.

    Its ceiling is empty: an administrator says what it may ever hold.
    """
    agent = Agent(
        id=core.entropy.id("agt"), name=name.strip(), owner_id=user.id, purpose=purpose.strip(),
        ceiling=Ceiling(), created_at=core.clock.now(),
    )  # fmt: skip

    def work(tx: Unit) -> Agent | NotAllowed:
        if not (core.policy.user_agents or is_admin_now(core, tx, user.id)):
            return NotAllowed()
        core.rows.agents.add(tx, agent)
        _record(core, tx, agent.id, user, agent.created_at, change="registered")
        return agent

    return await core.store.write(work)


def _standing(core: Core, tx: Tx, agent_id: str, now: int) -> tuple[Delegation, ...]:
    query = DelegationQuery(agent_id=agent_id, state=State.STANDING)
    return core.rows.delegations.page(tx, query, now=now, limit=SHOWN).rows


def _line(core: Core, tx: Tx, agent: Agent) -> AgentLine:
    now = core.clock.now()
    newest = core.rows.delegations.of_agent(tx, agent.id, 10)
    uses = core.rows.audit.last_use(tx, [row.id for row in newest])
    return AgentLine(
        agent=agent,
        owner=_owner(core, tx, agent),
        live=core.rows.delegations.count_live(tx, now, agent_id=agent.id),
        last_use=max(uses.values(), default=None),
    )


def _owner(core: Core, tx: Tx, agent: Agent) -> User | None:
    return core.rows.users.get(tx, agent.owner_id) if agent.owner_id else None


def _record(
    core: Core, tx: Unit, agent_id: str, by: User, now: int, *, change: str, why: str = ""
) -> None:
    core.rows.audit.record(
        tx,
        AuditRecord(
            tag=AuditTag.AGENT_CHANGED,
            outcome=Outcome.DONE,
            at=now,
            reason=change,
            agents=(agent_id,),
            user_id=by.id,
            detail={"by": by.id},
            personal={"why": why} if why else {},
        ),
    )
