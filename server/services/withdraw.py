"""Taking authority back: revoke, narrow, and undo what delegated calls left behind (X9, X12)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from authz.relations import RelationTuple
from server.delegation.lifecycle import close_delegation, narrow_delegation
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.delegation import Delegation, Detail
from server.domain.people import OPERATOR, Role, User, UserStatus
from server.domain.registry import Resource
from server.domain.unit import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who takes back: the person, or an administrator for anybody."""

    user: User
    as_admin: bool = False
    reason: str = ""
    """In the administrator's words, for the audit."""


class NotYours:
    """There is no such delegation for this person; whether there is one at all is not said."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """How many delegations and effects this call ended; none the second time."""

    closed: int
    undone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """All that stays after narrowing; what is not named goes for good."""

    scopes: Collection[str]
    objects: Collection[str]
    hand_over: Collection[str]
    downstream: Collection[str]
    """Edges as `edge_value` names them."""
    sharing: bool
    expires_at: int | None = None
    """An earlier end (Unix ms), or none to leave it."""


def edge_value(edge: tuple[str, str, str, str]) -> str:
    """Name a downstream edge in a form."""
    return " ".join(edge)


async def revoke(
    core: Core, grant_id: str, by: By, *, undo: Collection[str] = ()
) -> Revoked | NotYours:
    """Close a delegation with all below it, and undo the named effects, in one unit."""
    now = core.clock.now()

    def work(tx: Unit) -> Revoked | NotYours:
        value = _theirs(core, tx, grant_id, by)
        if value is None:
            return NotYours()
        below = core.rows.delegations.below(tx, value)
        undone = sum(
            _undo(core, tx, row, effect_id, by, now) for row in below for effect_id in undo
        )
        closed = close_delegation(core, tx, value, reason=_why(by), audit=_record(by, value, now))
        return Revoked(len(closed), undone)

    return await core.store.write(work)


async def undo_effect(core: Core, grant_id: str, effect_id: str, by: By) -> bool | NotYours:
    """Take back one tuple that a call under this delegation, or one below it, has written.

    True for the one call that did it.
    """
    now = core.clock.now()

    def work(tx: Unit) -> bool | NotYours:
        value = _theirs(core, tx, grant_id, by)
        if value is None:
            return NotYours()
        below = core.rows.delegations.below(tx, value)
        return any(_undo(core, tx, row, effect_id, by, now) for row in below)

    return await core.store.write(work)


async def narrow(core: Core, grant_id: str, keep: Keep, by: By) -> bool | NotYours:
    """Take away everything that is not kept, here and below, for good (X9).

    False if the delegation had ended, or if nothing was taken away.
    """
    now = core.clock.now()

    def work(tx: Unit) -> bool | NotYours:
        value = _theirs(core, tx, grant_id, by)
        if value is None:
            return NotYours()
        return narrow_in(core, tx, value, keep, _record(by, value, now), cut=True)

    return await core.store.write(work)


def narrow_in(
    core: Core, tx: Unit, value: Delegation, keep: Keep, record: AuditRecord, *, cut: bool
) -> bool:
    """Narrow as `narrow` does, in a unit of a caller who may; `cut` marks what a person took."""
    rows = core.rows.delegations.below(tx, value)
    value = core.rows.delegations.get(tx, value.id) or value
    found = {uri: core.rows.resources.get(tx, uri) for uri in value.resources}
    smaller = _kept(value, keep, found)
    if smaller == value or not value.live(record.at):
        return False
    marked = replace(
        smaller,
        details=value.details,
        expires_at=value.expires_at,
        cut=cut or value.cut,
        # An agent that gives its time back says nothing in the person's name.
        shortened=value.shortened or (cut and smaller.expires_at < value.expires_at),
    )
    done = narrow_delegation(
        core, tx, marked,
        details=smaller.details, expires_at=smaller.expires_at, audit=record,
    )  # fmt: skip
    if done:
        _below(core, tx, rows, smaller, set(value.allow_agents), record)
    return done


def _kept(value: Delegation, keep: Keep, resources: Mapping[str, Resource | None]) -> Delegation:
    return replace(
        value,
        details=tuple(_cut(d, keep, resources[d.resource]) for d in value.details),
        allow_agents=tuple(a for a in value.allow_agents if a in keep.hand_over),
        allow_edges=tuple(e for e in value.allow_edges if edge_value(e) in keep.downstream),
        allow_sharing=value.allow_sharing and keep.sharing,
        expires_at=min(value.expires_at, keep.expires_at or value.expires_at),
    )


def _cut(detail: Detail, keep: Keep, resource: Resource | None) -> Detail:
    scopes = frozenset(s for s in detail.scopes if s in keep.scopes)
    if resource is not None:
        # Whoever takes reading away takes changing too, where changing includes it.
        scopes = resource.whole(scopes, detail.scopes)
    return replace(
        detail,
        scopes=scopes,
        objects=tuple(o for o in detail.objects if o in keep.objects),
    )


def _below(
    core: Core,
    tx: Unit,
    rows: list[Delegation],
    parent: Delegation,
    were_allowed: set[str],
    record: AuditRecord,
) -> None:
    """Take from the hops below what their ancestor may no longer pass on."""
    dropped = were_allowed - set(parent.allow_agents)
    for row in rows:
        if row.id == parent.id or row.revoked_at is not None:
            continue
        now_row = core.rows.delegations.get(tx, row.id)
        if now_row is None or now_row.revoked_at is not None:
            continue
        if now_row.agent_id in dropped:
            close_delegation(core, tx, now_row, reason="hand_over_withdrawn", audit=record)
            continue
        smaller = replace(
            now_row,
            allow_agents=tuple(a for a in now_row.allow_agents if a not in dropped),
            allow_edges=tuple(e for e in now_row.allow_edges if e in parent.allow_edges),
            allow_sharing=now_row.allow_sharing and parent.allow_sharing,
        )
        if smaller != now_row:
            core.rows.delegations.narrow(tx, smaller)


async def allow_again(core: Core, grant_id: str, by: By) -> bool | NotYours:
    """Let a trusted issuer vouch again for what was revoked; nothing comes back by itself.

    A person lifts their own revocations, an administrator every one. False if none was lifted.
    """
    now = core.clock.now()

    def work(tx: Unit) -> bool | NotYours:
        value = _theirs(core, tx, grant_id, by)
        if value is None:
            return NotYours()
        core.rows.users.held(tx, value.user_id)
        beside = core.rows.delegations.vouched_for(tx, value.user_id, value.agent_id)
        lifted = [row for row in beside if _may_lift(row, value, by, now)]
        for row in lifted:
            core.rows.delegations.lift(tx, row)
        if lifted and value.origin is not None:
            record = replace(_record(by, value, now), tag=AuditTag.DELEGATION_LIFTED)
            core.rows.audit.record(tx, record)
        return bool(lifted)

    return await core.store.write(work)


def _may_lift(row: Delegation, value: Delegation, by: By, now: int) -> bool:
    """Tell whether a row was ended, for the same resources, by somebody who may be overruled."""
    reasons = {"user", "admin"} if by.as_admin else {"user"}
    return row.taken_back(now, reasons) and not row.resources.isdisjoint(value.resources)


def _theirs(core: Core, tx: Unit, grant_id: str, by: By) -> Delegation | None:
    """Read the delegation in the unit itself, and the right to touch it."""
    value = core.rows.delegations.get(tx, grant_id)
    if by.as_admin and by.user.id == OPERATOR.id:
        return value
    actor = core.rows.users.get(tx, by.user.id)
    if value is None or actor is None or actor.status is not UserStatus.ACTIVE:
        return None
    allowed = actor.role is Role.ADMIN if by.as_admin else value.user_id == actor.id
    return value if allowed else None


def _undo(core: Core, tx: Unit, row: Delegation, effect_id: str, by: By, now: int) -> bool:
    gone = core.rows.effects.undo(tx, row.id, effect_id, now)
    if gone is None:
        return False
    subject, relation, object_ = gone
    core.relations.write(tx, [], [RelationTuple(subject, relation, object_)], on_missing="ignore")
    core.rows.audit.record(
        tx,
        replace(
            _record(by, row, now),
            tag=AuditTag.EFFECT_UNDONE,
            object=object_,
            detail={"relation": relation, "effect": effect_id, "by": by.user.id},
        ),
    )
    return True


def _why(by: By) -> str:
    return "admin" if by.as_admin else "user"


def _record(by: By, value: Delegation, now: int) -> AuditRecord:
    return AuditRecord(
        tag=AuditTag.DELEGATION_REVOKED,
        outcome=Outcome.DONE,
        at=now,
        user_id=value.user_id,
        agents=(value.agent_id,),
        client_id=value.client_id,
        grant_id=value.id,
        detail={"by": by.user.id},
        personal={"why": by.reason} if by.reason else {},
    )
