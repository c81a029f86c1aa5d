"""Approvals in SQL: each is answered once and used once, whoever races."""

from typing import Any

from sqlalchemy import and_, bindparam, case, func, insert, or_, select, update

from authz.tx import Row, Tx
from server.domain.approvals import Approval, ApprovalKind, ApprovalStatus, Asked, Crowd
from server.domain.audit import Cursor
from server.domain.delegation import Detail
from server.domain.unit import Unit
from server.storage.rows import END_OF_TIME, before, dump, load, names
from server.storage.tables.approval import approval as a
from server.storage.turns import take_turns

_PENDING = ApprovalStatus.PENDING.value
_APPROVED = ApprovalStatus.APPROVED.value
_DENIED = ApprovalStatus.DENIED.value
_USED = ApprovalStatus.USED.value
_ALL = select(
    a.c.id,
    a.c.kind,
    a.c.user_id,
    a.c.client_id,
    a.c.grant_id,
    a.c.document,
    a.c.status,
    a.c.created_at,
    a.c.expires_at,
    a.c.answered_at,
    a.c.used_at,
    a.c.new_grant_id,
)
_OPEN = or_(a.c.status == _PENDING, a.c.status == _APPROVED)
_WAITS = and_(a.c.status == _PENDING, a.c.expires_at > bindparam("now"))
_GET = _ALL.where(a.c.id == bindparam("id"))
_NEWEST = (
    _ALL.where(a.c.binding == bindparam("binding"))
    # What is open comes first, whatever else happened in the same millisecond.
    .order_by(case((_OPEN, 0), else_=1), a.c.created_at.desc(), a.c.id.desc())
    .limit(1)
)
_OF_USER = (
    _ALL.where(a.c.user_id == bindparam("user_id"))
    .order_by(a.c.created_at.desc(), a.c.id.desc())
    .limit(bindparam("limit"))
)
_PENDING_OF_USER = _OF_USER.where(_WAITS)
_COUNT_PENDING = select(func.count()).where(a.c.user_id == bindparam("user_id"), _WAITS)
_ANSWERED_OF_USER = _OF_USER.where(or_(a.c.status != _PENDING, a.c.expires_at <= bindparam("now")))
_PAGE = (
    _ALL.where(before(a.c.created_at, a.c.id), or_(bindparam("pending_only") == 0, _WAITS))
    .order_by(a.c.created_at.desc(), a.c.id.desc())
    .limit(bindparam("limit"))
)
_OWN = a.c.agent_id == bindparam("agent_id")
_CROWD = select(
    func.count().filter(_OWN, _WAITS),
    func.count().filter(_WAITS),
    func.count().filter(
        _OWN,
        or_(a.c.status == _DENIED, a.c.withheld == 1),
        a.c.answered_at > bindparam("denied_since"),
    ),
    func.count().filter(
        _OWN,
        or_(and_(a.c.status != _APPROVED, a.c.status != _USED), a.c.withheld == 1),
        a.c.created_at > bindparam("since"),
    ),
).where(a.c.user_id == bindparam("user_id"), a.c.created_at > bindparam("since"))
_LAPSE = (
    update(a)
    .where(
        a.c.binding == bindparam("key"),
        _OPEN,
        or_(a.c.expires_at <= bindparam("now"), a.c.created_at < bindparam("asked_since")),
    )
    .values(status=ApprovalStatus.EXPIRED.value)
)
_ADD = insert(a)
_ANSWER = (
    update(a)
    .where(
        a.c.id == bindparam("key"),
        a.c.status == _PENDING,
        a.c.expires_at > bindparam("now"),
    )
    .values(
        status=bindparam("answer"),
        answered_at=bindparam("now"),
        expires_at=bindparam("until"),
        new_grant_id=bindparam("grant"),
        withheld=bindparam("withheld"),
    )
    .returning(a.c.id)
)
_USE = (
    update(a)
    .where(
        a.c.binding == bindparam("key"),
        a.c.status == _APPROVED,
        a.c.expires_at > bindparam("now"),
        a.c.created_at >= bindparam("asked_since"),
    )
    .values(status=_USED, used_at=bindparam("now"))
    .returning(a.c.id)
)


class Approvals:
    """Questions to people, and their answers."""

    def get(self, tx: Tx, approval_id: str) -> Approval | None:
        """Return an approval, whatever became of it, or none."""
        rows = tx.fetch(_GET, {"id": approval_id})
        return _value(rows[0]) if rows else None

    def latest(self, tx: Tx, binding: str) -> Approval | None:
        """Return the open approval of exactly this, or else the newest one, or none."""
        rows = tx.fetch(_NEWEST, {"binding": binding})
        return _value(rows[0]) if rows else None

    def pending(self, tx: Tx, user_id: str, now: int, limit: int) -> list[Approval]:
        """Return what waits for a person, newest first."""
        params = {"user_id": user_id, "now": now, "limit": limit}
        return [_value(row) for row in tx.fetch(_PENDING_OF_USER, params)]

    def count_pending(self, tx: Tx, user_id: str, now: int) -> int:
        """Count what waits for a person."""
        return int(tx.fetch(_COUNT_PENDING, {"user_id": user_id, "now": now})[0][0])

    def answered(self, tx: Tx, user_id: str, now: int, limit: int) -> list[Approval]:
        """Return what a person was asked and what no longer waits, newest first."""
        params = {"user_id": user_id, "now": now, "limit": limit}
        return [_value(row) for row in tx.fetch(_ANSWERED_OF_USER, params)]

    def page(
        self, tx: Tx, *, now: int, pending_only: bool, before: Cursor | None, limit: int
    ) -> tuple[list[Approval], Cursor | None]:
        """Return a page of everybody's approvals, newest first, and where the next one begins."""
        at, last_id = before or END_OF_TIME
        params = {
            "at": at, "last_id": last_id, "now": now,
            "pending_only": int(pending_only), "limit": limit + 1,
        }  # fmt: skip
        rows = [_value(row) for row in tx.fetch(_PAGE, params)]
        shown = rows[:limit]
        more = len(rows) > limit and shown
        return shown, (shown[-1].created_at, shown[-1].id) if more else None

    def crowd(
        self, tx: Unit, user_id: str, agent_id: str, *, now: int, denied_since: int, since: int
    ) -> Crowd:
        """Count questions to a person; others to them wait for this unit, so it is exact.

        `since` bounds how far back is looked at all: nothing waits for longer.
        """
        take_turns(tx, [f"approval {user_id}"])
        params = {
            "user_id": user_id, "agent_id": agent_id, "now": now,
            "denied_since": denied_since, "since": since,
        }  # fmt: skip
        return Crowd(*tx.fetch(_CROWD, params)[0])

    def lapse(self, tx: Unit, binding: str, *, now: int, asked_since: int) -> None:
        """Write down that the time of such a question, or of its yes, is over."""
        tx.execute(_LAPSE, {"key": binding, "now": now, "asked_since": asked_since})

    def add(self, tx: Unit, value: Approval) -> None:
        """Store a new question."""
        asked = value.asked
        tx.execute(
            _ADD,
            {
                "id": value.id,
                "kind": asked.kind.value,
                "user_id": asked.user_id,
                "agent_id": asked.agent_id,
                "client_id": asked.client_id,
                "grant_id": asked.grant_id,
                "binding": asked.binding,
                "document": _document(asked),
                "status": value.stored.value,
                "created_at": value.created_at,
                "expires_at": value.expires_at,
                "answered_at": value.answered_at,
                "used_at": value.used_at,
                "new_grant_id": value.new_grant_id,
                "withheld": 0,
            },
        )

    def answer(
        self,
        tx: Unit,
        approval_id: str,
        status: ApprovalStatus,
        *,
        now: int,
        expires_at: int,
        new_grant_id: str | None = None,
        withheld: bool = False,
    ) -> bool:
        """Answer a question that waits; true for exactly one caller.

        `withheld`: something was left off, so that it counts as a no in a crowd.
        """
        params = {
            "key": approval_id, "answer": status.value, "now": now, "until": expires_at,
            "grant": new_grant_id, "withheld": int(withheld),
        }  # fmt: skip
        return bool(tx.fetch(_ANSWER, params))

    def use(self, tx: Unit, binding: str, *, now: int, asked_since: int) -> str | None:
        """Use up the yes to exactly this; its id for exactly one caller, none for all others.

        What was asked before `asked_since` counts for nothing: the agent was withdrawn since.
        """
        rows = tx.fetch(_USE, {"key": binding, "now": now, "asked_since": asked_since})
        return rows[0][0] if rows else None


def _document(asked: Asked) -> str:
    return dump(
        {
            "agents": asked.agents,
            "details": [
                {"resource": d.resource, "scopes": names(d.scopes), "objects": d.objects}
                for d in asked.details
            ],
            "relation": asked.relation,
            "tool": asked.tool,
            "arguments_hash": asked.arguments_hash,
            "summary": asked.summary,
            "lasts": asked.lasts,
            "max_age": asked.max_age,
        }
    )


def _value(row: Row) -> Approval:
    (found, kind, user_id, client_id, grant_id, document, status, created_at, expires_at,
     answered_at, used_at, new_grant_id) = row  # fmt: skip
    x: dict[str, Any] = load(document)
    details = tuple(
        Detail(resource=e["resource"], scopes=frozenset(e["scopes"]), objects=tuple(e["objects"]))
        for e in x["details"]
    )
    return Approval(
        id=found,
        asked=Asked(
            **{**x, "agents": tuple(x["agents"]), "details": details},
            kind=ApprovalKind(kind),
            user_id=user_id,
            client_id=client_id,
            grant_id=grant_id,
        ),
        stored=ApprovalStatus(status),
        created_at=created_at,
        expires_at=expires_at,
        answered_at=answered_at,
        used_at=used_at,
        new_grant_id=new_grant_id,
    )
