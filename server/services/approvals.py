"""Approvals for the person who answers, the agent that waits and the administrator who looks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from authz.decision import Denied
from authz.tx import Tx
from server.delegation.approval_standing import approval_standing
from server.delegation.approvals import FRESH, record_of
from server.domain.approvals import Approval, ApprovalKind, ApprovalStatus
from server.domain.audit import AuditTag, Cursor
from server.domain.core import Core
from server.domain.people import User, UserStatus
from server.domain.registry import Agent, Client, Resource
from server.domain.unit import ChangeKey, StaleSnapshotError, Unit
from server.services.escalation import (
    NOTHING_PICKED,
    Grown,
    NotGrown,
    Picked,
    grow,
    hold_base,
    may_grow,
)

SHOWN: Final = 50
"""Approvals of a list."""
NOTHING: Final = Picked(frozenset(), frozenset())
RERUNS: Final = 3
"""Answers to one question, if what it rests on changes under way."""


class Answer(StrEnum):
    """What became of a person's answer."""

    APPROVED = "approved"
    DENIED = "denied"
    ANSWERED_BEFORE = "answered_before"
    EXPIRED = "expired"
    ENDED = "ended"
    """The delegation, the agent or its client has ended: there is nothing to allow any more."""
    NOT_HELD = "not_held"
    """More was asked for than the person could give now."""
    NOTHING_PICKED = "nothing_picked"
    """A yes to more, of which nothing was left on."""
    SIGN_IN = "sign_in"
    """A yes to this needs a fresher sign-in."""
    UNKNOWN = "unknown"
    """There is none, or it is another person's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The things that approvals mention, loaded once for a page."""

    agents: Mapping[str, Agent]
    owners: Mapping[str, User]
    """Whoever answers for an agent, by the agent's id."""
    people: Mapping[str, User]
    clients: Mapping[str, Client]
    resources: Mapping[str, Resource]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Approvals with what they mention. `older` is where the next page begins, if there is one."""

    rows: tuple[Approval, ...]
    names: Names
    now: int
    older: Cursor | None = None


async def my_approvals(core: Core, user_id: str) -> tuple[Listed, Listed]:
    """Return what waits for a person, and what they were asked lately."""
    now = core.clock.now()

    def load(tx: Tx) -> tuple[Listed, Listed]:
        waiting = core.rows.approvals.pending(tx, user_id, now, SHOWN)
        earlier = core.rows.approvals.answered(tx, user_id, now, SHOWN)
        return _listed(core, tx, waiting, now), _listed(core, tx, earlier, now)

    return await core.store.read(load)


async def pending_count(core: Core, user_id: str) -> int:
    """Count what waits for a person."""
    now = core.clock.now()
    return await core.store.read(lambda tx: core.rows.approvals.count_pending(tx, user_id, now))


async def my_approval(core: Core, approval_id: str, user_id: str) -> Listed | None:
    """Return one approval for its own person; somebody else's is as an unknown one."""
    now = core.clock.now()

    def load(tx: Tx) -> Listed | None:
        found = core.rows.approvals.get(tx, approval_id)
        if found is None or found.asked.user_id != user_id:
            return None
        return _listed(core, tx, [found], now)

    return await core.store.read(load)


async def search_approvals(
    core: Core, *, pending_only: bool = False, before: Cursor | None = None, limit: int = SHOWN
) -> Listed:
    """Return a page of everybody's approvals, for an administrator (the caller checks)."""
    now = core.clock.now()

    def load(tx: Tx) -> Listed:
        rows, older = core.rows.approvals.page(
            tx, now=now, pending_only=pending_only, before=before, limit=limit
        )
        return _listed(core, tx, rows, now, older)

    return await core.store.read(load)


async def answer_approval(
    core: Core,
    approval_id: str,
    *,
    user_id: str,
    sid: str,
    yes: bool,
    picked: Picked = NOTHING,
) -> Answer:
    """Take a person's answer, once: of two at a time the first counts.

    `picked` is what they left on where an agent asked for more.

    `sid` is the browser session in which they answer; no token answers anything (X10).
    Raises `UnavailableError`, `GraphUnavailable`, `StaleSnapshotError`.
    """
    for _ in range(RERUNS):
        revision = await core.snapshot.refresh()
        try:
            return await _answer(core, approval_id, user_id, sid, revision, picked, yes=yes)
        except StaleSnapshotError:
            continue
    raise StaleSnapshotError


async def _answer(
    core: Core,
    approval_id: str,
    user_id: str,
    sid: str,
    revision: int,
    picked: Picked,
    *,
    yes: bool,
) -> Answer:
    now = core.clock.now()
    seen = await core.store.read(lambda tx: core.rows.approvals.get(tx, approval_id))
    if seen is None or seen.asked.user_id != user_id:
        return Answer.UNKNOWN
    depends: frozenset[ChangeKey] = frozenset()
    growing: Grown | None = None
    if yes and seen.status(now) is ApprovalStatus.PENDING:
        standing = await approval_standing(core, seen, now)
        if isinstance(standing, Denied):
            return Answer.ENDED
        depends = standing
        if seen.asked.kind is ApprovalKind.ESCALATION:
            found = await may_grow(core, seen, picked)
            if isinstance(found, NotGrown):
                nothing = found.reason == NOTHING_PICKED
                return Answer.NOTHING_PICKED if nothing else Answer.NOT_HELD
            growing = found
            # What it may be, and whether it can be undone, was read of these.
            depends |= {("resource", d.resource) for d in found.delegation.details}

    def unit(tx: Unit) -> Answer:
        tx.guard(revision, depends)
        if growing is not None:
            hold_base(core, tx, growing)
        session = core.rows.sessions.get(tx, sid)
        user = core.rows.users.get(tx, user_id)
        if session is None or session.user_id != user_id or not session.alive(now):
            return Answer.SIGN_IN
        if user is None or user.status is not UserStatus.ACTIVE:
            return Answer.SIGN_IN
        age = seen.asked.max_age
        if growing is not None:
            age = FRESH if growing.destroys else None
        if yes and age is not None and now - session.auth_time > age * 1000:
            return Answer.SIGN_IN
        done = core.rows.approvals.answer(
            tx, seen.id, ApprovalStatus.APPROVED if yes else ApprovalStatus.DENIED,
            now=now, expires_at=now + seen.asked.lasts * 1000,
            new_grant_id=growing.delegation.id if growing is not None else None,
            withheld=growing is not None and growing.withheld,
        )  # fmt: skip
        if not done:
            current = core.rows.approvals.get(tx, seen.id)
            over = current is None or current.stored in (
                ApprovalStatus.PENDING, ApprovalStatus.EXPIRED,
            )  # fmt: skip
            return Answer.EXPIRED if over else Answer.ANSWERED_BEFORE
        # From here on nothing can refuse.
        tag = AuditTag.APPROVAL_GIVEN if yes else AuditTag.APPROVAL_DENIED
        core.rows.audit.record(tx, record_of(_given(seen, growing), tag, now))
        if growing is not None:
            grow(core, tx, growing, now)
        return Answer.APPROVED if yes else Answer.DENIED

    return await core.store.write(unit)


def _given(seen: Approval, growing: Grown | None) -> Approval:
    """Return what the trail tells of: of a yes to more, what was given and not what was asked."""
    if growing is None:
        return seen
    made = growing.delegation
    return replace(seen, asked=replace(seen.asked, details=made.details), new_grant_id=made.id)


def _listed(
    core: Core, tx: Tx, rows: Iterable[Approval], now: int, older: Cursor | None = None
) -> Listed:
    shown = tuple(rows)
    agents = {
        agent_id: agent
        for agent_id in dict.fromkeys(a for row in shown for a in row.asked.agents)
        if (agent := core.rows.agents.get(tx, agent_id)) is not None
    }
    objects = {o for row in shown for d in row.asked.details for o in d.objects}
    uris = dict.fromkeys(d.resource for row in shown for d in row.asked.details)
    names = Names(
        agents=agents,
        owners={
            agent.id: owner
            for agent in agents.values()
            if agent.owner_id and (owner := core.rows.users.get(tx, agent.owner_id)) is not None
        },
        people={
            user_id: user
            for user_id in dict.fromkeys(row.asked.user_id for row in shown)
            if (user := core.rows.users.get(tx, user_id)) is not None
        },
        clients={
            client_id: client
            for client_id in dict.fromkeys(row.asked.client_id for row in shown)
            if (client := core.rows.clients.get(tx, client_id)) is not None
        },
        resources={
            uri: found for uri in uris if (found := core.rows.resources.get(tx, uri)) is not None
        },
        labels=core.rows.resources.labels(tx, sorted(objects)),
    )
    return Listed(rows=shown, names=names, now=now, older=older)
