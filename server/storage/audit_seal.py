"""Sealing, reading and checking the audit trail in SQL (`server.domain.audit_trail`)."""

from typing import Final

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from authz.tx import Row, Tx, insert_ignore
from server.domain.audit_trail import Head, PersonalFacts, TrailRow
from server.domain.unit import Unit
from server.storage.tables.audit import audit, audit_head, audit_lease, audit_personal

_LEASE: Final = 1

_FACTS = (
    audit.c.id,
    audit.c.at,
    audit.c.tag,
    audit.c.outcome,
    audit.c.reason,
    audit.c.user_id,
    audit.c.agents,
    audit.c.client_id,
    audit.c.grant_id,
    audit.c.resource,
    audit.c.object,
    audit.c.request_id,
    audit.c.detail,
    audit.c.salt,
)
_NAMES: Final = tuple(str(column.name) for column in _FACTS)
_REST = (audit.c.personal_commitment, audit.c.seal_seq, audit.c.seal)
_PERSONAL = (audit_personal.c.document, audit_personal.c.salt.label("personal_salt"))
_WHOLE = select(*_FACTS, *_REST, *_PERSONAL).select_from(
    audit.outerjoin(audit_personal, audit_personal.c.audit_id == audit.c.id)
)

_LEASE_ADD = insert_ignore(audit_lease)
_LEASE_TAKE = (
    update(audit_lease)
    .where(
        audit_lease.c.id == _LEASE,
        or_(audit_lease.c.holder == bindparam("me"), audit_lease.c.expires_at <= bindparam("now")),
    )
    .values(holder=bindparam("me"), expires_at=bindparam("until"))
)
_LEASE_DROP = delete(audit_lease).where(
    audit_lease.c.id == _LEASE, audit_lease.c.holder == bindparam("me")
)
_LAST = (
    select(audit.c.seal_seq, audit.c.seal)
    .where(audit.c.seal_seq.is_not(None))
    .order_by(audit.c.seal_seq.desc())
    .limit(1)
)
_UNSEALED = (
    select(*_FACTS, *_REST)
    .where(audit.c.seal_seq.is_(None))
    .order_by(audit.c.at, audit.c.id)
    .limit(bindparam("limit"))
)
_SEAL = (
    update(audit)
    .where(audit.c.id == bindparam("key"), audit.c.seal_seq.is_(None))
    .values(seal_seq=bindparam("seq"), seal=bindparam("new_seal"))
)
_HEAD_ADD = insert(audit_head)
_HEAD = select(
    audit_head.c.seal_seq,
    audit_head.c.at,
    audit_head.c.seal,
    audit_head.c.kid,
    audit_head.c.leaves,
    audit_head.c.signature,
)
_HEADS = _HEAD.where(
    audit_head.c.seal_seq > bindparam("after"), audit_head.c.seal_seq <= bindparam("upto")
).order_by(audit_head.c.seal_seq)
_HEADS_AFTER = (
    _HEAD.where(audit_head.c.seal_seq > bindparam("after"))
    .order_by(audit_head.c.seal_seq)
    .limit(bindparam("limit"))
)
_NEWEST_HEAD = _HEAD.order_by(audit_head.c.seal_seq.desc()).limit(1)
_PAGE = (
    _WHOLE.where(audit.c.seal_seq > bindparam("after"))
    .order_by(audit.c.seal_seq)
    .limit(bindparam("limit"))
)
_COUNT = select(func.count(audit.c.seal_seq), func.count())


class SqlAuditTrail:
    """The trail in the tables `audit`, `audit_personal`, `audit_head` and `audit_lease`."""

    def take_lease(self, tx: Unit, holder: str, now: int, until: int) -> bool:
        tx.execute(_LEASE_ADD, {"id": _LEASE, "holder": "", "expires_at": 0})
        return tx.execute(_LEASE_TAKE, {"me": holder, "now": now, "until": until}) == 1

    def drop_lease(self, tx: Unit, holder: str) -> None:
        tx.execute(_LEASE_DROP, {"me": holder})

    def last_seal(self, tx: Tx) -> tuple[int, str] | None:
        rows = tx.fetch(_LAST)
        return (int(rows[0][0]), rows[0][1]) if rows else None

    def unsealed(self, tx: Tx, limit: int) -> list[TrailRow]:
        return [_row((*row, None, None)) for row in tx.fetch(_UNSEALED, {"limit": limit})]

    def seal(self, tx: Unit, seals: list[tuple[str, int, str]], head: Head) -> bool:
        rows = [{"key": audit_id, "seq": seq, "new_seal": seal} for audit_id, seq, seal in seals]
        if tx.execute_many(_SEAL, rows) != len(seals):
            return False
        tx.execute(
            _HEAD_ADD,
            {
                "seal_seq": head.seal_seq,
                "at": head.at,
                "seal": head.seal,
                "kid": head.kid,
                "leaves": head.leaves,
                "signature": head.signature,
            },
        )
        return True

    def page(self, tx: Tx, after: int, limit: int) -> tuple[list[TrailRow], list[Head]]:
        rows = [_row(row) for row in tx.fetch(_PAGE, {"after": after, "limit": limit})]
        if rows:
            upto = rows[-1].seal_seq
            heads = tx.fetch(_HEADS, {"after": after, "upto": upto})
        else:
            heads = tx.fetch(_HEADS_AFTER, {"after": after, "limit": limit})
        return rows, [_head(row) for row in heads]

    def newest_head(self, tx: Tx) -> Head | None:
        rows = tx.fetch(_NEWEST_HEAD)
        return _head(rows[0]) if rows else None

    def count(self, tx: Tx) -> tuple[int, int]:
        sealed, every = tx.fetch(_COUNT)[0]
        return int(sealed), int(every) - int(sealed)


def _row(row: Row) -> TrailRow:
    facts = dict(zip(_NAMES, row, strict=False))
    commitment, seal_seq, seal, document, salt = row[len(_NAMES) :]
    return TrailRow(
        facts=facts,
        personal_commitment=commitment,
        seal_seq=seal_seq,
        seal=seal,
        personal=None if document is None else PersonalFacts(document=document, salt=salt),
    )


def _head(row: Row) -> Head:
    return Head(
        seal_seq=row[0], at=row[1], seal=row[2], kid=row[3], leaves=row[4], signature=row[5]
    )
