"""Reading the audit trail: filtered, page by page, and when a delegation was last used."""

from typing import Any

from sqlalchemy import Select, bindparam, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from authz.tx import Row, Tx, in_json
from server.domain.audit import (
    AuditEntry,
    AuditFilter,
    AuditPage,
    AuditRecord,
    AuditTag,
    Cursor,
    Outcome,
)
from server.storage.rows import END_OF_TIME, before, dump, load
from server.storage.tables.audit import audit as a

MAX_SCANNED = 20_000
"""Rows that one page looks through at most for a rare match; the next page goes on from there."""

_USES = dump(
    [
        AuditTag.CODE_TOKEN,
        AuditTag.REFRESH_TOKEN,
        AuditTag.EXCHANGE,
        AuditTag.HANDOVER,
        AuditTag.DECISION,
        AuditTag.RELATIONS,
    ]
)
_COLUMNS = (
    a.c.id,
    a.c.at,
    a.c.tag,
    a.c.outcome,
    a.c.reason,
    a.c.user_id,
    a.c.agents,
    a.c.client_id,
    a.c.grant_id,
    a.c.resource,
    a.c.object,
    a.c.request_id,
    a.c.detail,
    a.c.seal_seq,
)
# One row from the end of an index, rather than max() over all events of a busy delegation.
_LAST_USE = (
    select(a.c.at)
    .where(
        a.c.grant_id == bindparam("grant_id"),
        a.c.outcome == Outcome.DONE.value,
        in_json(a.c.tag, "tags"),
    )
    .order_by(a.c.at.desc())
    .limit(1)
)
_ONE = select(*_COLUMNS).where(a.c.id == bindparam("id"))
_UNSEALED = select(func.count()).where(a.c.seal_seq.is_(None))


def _page(*where: ColumnElement[bool]) -> tuple[Select[Any], Select[Any]]:
    """Return the statement of one page, and the one that tells where its scan ended."""
    scanned = (
        select(*_COLUMNS)
        .where(before(a.c.at, a.c.id), *where)
        .order_by(a.c.at.desc(), a.c.id.desc())
        .limit(bindparam("scan"))
        .subquery()
    )
    order = (scanned.c.at.desc(), scanned.c.id.desc())
    page = (
        select(*scanned.c)
        .where(
            or_(bindparam("user_id") == "", scanned.c.user_id == bindparam("user_id")),
            or_(bindparam("agent") == "", scanned.c.agents.like(bindparam("agent"), escape="\\")),
        )
        .order_by(*order)
        .limit(bindparam("limit"))
    )
    last = select(scanned.c.at, scanned.c.id).order_by(*order).offset(bindparam("skip")).limit(1)
    return page, last


# Each runs along the index of its first condition.
_OF_GRANT = _page(a.c.grant_id == bindparam("grant_id"))
_OF_USER = _page(a.c.user_id == bindparam("user_id"))
_OF_ALL = _page()


class AuditReading:
    """Questions to the audit trail."""

    def get(self, tx: Tx, audit_id: str) -> AuditEntry | None:
        """Return an event by its id, or none."""
        return next(iter(_entries(tx.fetch(_ONE, {"id": audit_id}))), None)

    def last_use(self, tx: Tx, grant_ids: list[str]) -> dict[str, int]:
        """Return when each delegation was last used (Unix ms); one that never was is left out."""
        found: dict[str, int] = {}
        for grant_id in grant_ids:
            rows = tx.fetch(_LAST_USE, {"grant_id": grant_id, "tags": _USES})
            if rows:
                found[grant_id] = int(rows[0][0])
        return found

    def search(
        self, tx: Tx, wanted: AuditFilter, *, before: Cursor | None, limit: int
    ) -> AuditPage:
        """Return at most `limit` events before a place, newest first."""
        page, scan_end = _OF_ALL
        if wanted.grant_id:
            page, scan_end = _OF_GRANT
        elif wanted.user_id:
            page, scan_end = _OF_USER
        scan = MAX_SCANNED if wanted.agent_id or (wanted.grant_id and wanted.user_id) else limit
        at, last_id = before or END_OF_TIME
        params: dict[str, object] = {
            "at": at, "last_id": last_id, "scan": scan, "limit": limit,
            "user_id": wanted.user_id, "grant_id": wanted.grant_id,
            "agent": _pattern(wanted.agent_id),
        }  # fmt: skip
        rows = tx.fetch(page, params)
        if len(rows) == limit:
            return AuditPage(entries=_entries(rows), older=(int(rows[-1][1]), rows[-1][0]))
        params["skip"] = scan - 1
        ended = tx.fetch(scan_end, params)
        older = (int(ended[0][0]), ended[0][1]) if ended else None
        return AuditPage(entries=_entries(rows), older=older)

    def unsealed(self, tx: Tx) -> int:
        """Count the events that are not in the sealed chain yet."""
        return int(tx.fetch(_UNSEALED)[0][0])


def _pattern(agent_id: str) -> str:
    """Find an id among the quoted ones of a JSON array; `_` and `%` stand for themselves."""
    if not agent_id:
        return ""
    quoted = dump(agent_id).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{quoted}%"


def _entries(rows: list[Row]) -> tuple[AuditEntry, ...]:
    return tuple(
        AuditEntry(
            id=r[0],
            sealed=r[13] is not None,
            record=AuditRecord(
                at=int(r[1]), tag=AuditTag(r[2]), outcome=Outcome(r[3]), reason=r[4],
                user_id=r[5], agents=tuple(load(r[6])), client_id=r[7], grant_id=r[8],
                resource=r[9], object=r[10], request_id=r[11],
                detail=load(r[12]),
            ),
        )
        for r in rows
    )  # fmt: skip
