"""Is everything that a token rests on still alive? Asked at every use (X9, X10, X11)."""

from dataclasses import dataclass

from authz.decision import Denied, Reason
from server.domain.core import Core
from server.domain.delegation import Delegation
from server.domain.people import User, UserStatus
from server.domain.registry import Agent, Client, Status
from server.domain.tokens import TokenKind, TokenRecord
from server.domain.unit import ChangeKey


@dataclass(frozen=True, slots=True)
class Standing:
    """A token that is alive, with the rows that it rests on.

    `path` runs from the root delegation to the token's own; `agents` likewise, so the current
    actor is last. `depends` names every cached row that was believed.
    """

    record: TokenRecord
    client: Client
    user: User | None
    path: tuple[Delegation, ...]
    agents: tuple[Agent, ...]
    depends: frozenset[ChangeKey]

    @property
    def chain(self) -> tuple[str, ...]:
        """Return the actor chain, current actor first."""
        return tuple(agent.id for agent in reversed(self.agents))

    def act(self) -> dict[str, object] | None:
        """Build the `act` claim from the path, never from a token (X4, RFC 8693 §4.1)."""
        return act_claim(self.chain)


def act_claim(chain: tuple[str, ...]) -> dict[str, object] | None:
    """Nest an actor chain, current actor first, as RFC 8693 §4.1 does."""
    claim: dict[str, object] | None = None
    for agent_id in reversed(chain):
        claim = {"sub": agent_id} if claim is None else {"sub": agent_id, "act": claim}
    return claim


async def standing(core: Core, record: TokenRecord, now: int) -> Standing | Denied:
    """Load and check everything that the token of `record` rests on.

    A kind that acts for a user needs the user; `delegated` and `handover` need their whole path.
    """
    if record.revoked_at is not None:
        return Denied(Reason.TOKEN_REVOKED)
    if now >= record.expires_at:
        return Denied(Reason.TOKEN_EXPIRED)
    depends: set[ChangeKey] = {("token", record.jti), ("client", record.client_id)}
    client = await core.snapshot.client(record.client_id)
    if client is None or client.status is not Status.ACTIVE:
        return Denied(Reason.CLIENT_DISABLED)
    if record.kind is TokenKind.AGENT_SELF:
        depends.add(("agent", record.sub))
        agent = await core.snapshot.agent(record.sub)
        refused = _agent_standing(agent, record.issued_at)
        if refused is not None or agent is None:
            return refused or Denied(Reason.AGENT_RETIRED)
        return Standing(record, client, None, (), (agent,), frozenset(depends))
    depends.add(("user", record.sub))
    user = await core.snapshot.user(record.sub)
    if user is None or user.status is not UserStatus.ACTIVE:
        return Denied(Reason.USER_DISABLED)
    if record.sid is not None:
        depends.add(("session", record.sid))
        if not await session_alive(core, record.sid, now):
            return Denied(Reason.SESSION_ENDED)
    if record.kind not in (TokenKind.DELEGATED, TokenKind.HANDOVER):
        return Standing(record, client, user, (), (), frozenset(depends))
    found = await path_standing(core, record.grant_id, now, issued_at=record.issued_at)
    if isinstance(found, Denied):
        return found
    if found.path[-1].user_id != record.sub:
        return Denied(Reason.CHAIN_MISMATCH, "delegator")
    depends |= found.depends
    return Standing(record, client, user, found.path, found.agents, frozenset(depends))


@dataclass(frozen=True, slots=True)
class PathStanding:
    """A live path of delegations and its agents, root first."""

    path: tuple[Delegation, ...]
    agents: tuple[Agent, ...]
    depends: frozenset[ChangeKey]


async def path_standing(
    core: Core, grant_id: str | None, now: int, *, issued_at: int
) -> PathStanding | Denied:
    """Check every row from the root to `grant_id`: delegation, agent, session, consent client.

    `issued_at` is when the token that relies on the path was minted; an agent's `not_before`
    kills what is older.
    """
    leaf = await core.snapshot.delegation(grant_id) if grant_id else None
    if leaf is None:
        return Denied(Reason.DELEGATION_UNKNOWN)
    depends: set[ChangeKey] = set()
    rows: list[Delegation] = []
    agents: list[Agent] = []
    for step in leaf.path:
        depends.add(("delegation", step))
        row = leaf if step == leaf.id else await core.snapshot.delegation(step)
        if row is None:
            return Denied(Reason.DELEGATION_UNKNOWN)
        refused = await _row_standing(core, row, now, depends)
        if refused is not None:
            return refused
        depends.add(("agent", row.agent_id))
        agent = await core.snapshot.agent(row.agent_id)
        refused = _agent_standing(agent, issued_at)
        if refused is not None or agent is None:
            return refused or Denied(Reason.AGENT_RETIRED)
        rows.append(row)
        agents.append(agent)
    if any(row.user_id != leaf.user_id for row in rows):
        return Denied(Reason.CHAIN_MISMATCH, "delegators differ")
    return PathStanding(tuple(rows), tuple(agents), frozenset(depends))


async def _row_standing(
    core: Core, row: Delegation, now: int, depends: set[ChangeKey]
) -> Denied | None:
    if row.revoked_at is not None:
        return Denied(Reason.DELEGATION_REVOKED, row.id)
    if now >= row.expires_at:
        return Denied(Reason.DELEGATION_EXPIRED, row.id)
    if row.extends is not None:
        # What stands beside another delegation never outlives it.
        depends.add(("delegation", row.extends))
        base = await core.snapshot.delegation(row.extends)
        if base is None or not base.live(now):
            return Denied(Reason.DELEGATION_REVOKED, row.extends)
    if row.sid is not None:
        depends.add(("session", row.sid))
        if not await session_alive(core, row.sid, now):
            return Denied(Reason.SESSION_ENDED)
    depends.add(("client", row.client_id))
    client = await core.snapshot.client(row.client_id)
    if client is None or client.status is not Status.ACTIVE:
        return Denied(Reason.CLIENT_DISABLED, row.client_id)
    return None


def _agent_standing(agent: Agent | None, issued_at: int) -> Denied | None:
    if agent is None or agent.status is Status.RETIRED:
        return Denied(Reason.AGENT_RETIRED, agent.id if agent else "")
    if agent.status is not Status.ACTIVE:
        return Denied(Reason.AGENT_SUSPENDED, agent.id)
    if issued_at < agent.not_before:
        return Denied(Reason.AGENT_NOT_BEFORE, agent.id)
    return None


async def session_alive(core: Core, sid: str, now: int) -> bool:
    """Tell whether a browser session still stands."""
    session = await core.snapshot.session(sid)
    return session is not None and session.alive(now)
