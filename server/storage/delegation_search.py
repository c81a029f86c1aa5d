"""Lists of delegations, page by page, by person, agent, state or words."""

from typing import Any

from sqlalchemy import Select, and_, bindparam, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from authz.tx import Tx
from server.domain.delegation import DelegationPage, DelegationQuery, State
from server.storage.delegation_rows import COLUMNS, delegation_value
from server.storage.rows import END_OF_TIME, before
from server.storage.tables.delegation import delegation as d
from server.storage.tables.people import user
from server.storage.tables.registry import agent

MAX_SCANNED = 20_000
"""Rows that one page looks through at most for a rare match; the next page goes on from there."""

_STANDS = and_(d.c.revoked_at.is_(None), d.c.expires_at > bindparam("now"))


def _wants(standing: State, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(bindparam("standing") == standing.value, condition)


def _page(*where: ColumnElement[bool]) -> tuple[Select[Any], Select[Any]]:
    """Return the statement of one page, and the one that tells where its scan ended."""
    scanned = (
        select(d.c.id, d.c.created_at)
        .where(before(d.c.created_at, d.c.id), *where)
        .order_by(d.c.created_at.desc(), d.c.id.desc())
        .limit(bindparam("scan"))
        .subquery()
    )
    page = (
        select(*COLUMNS)
        .join(scanned, scanned.c.id == d.c.id)
        .outerjoin(user, user.c.id == d.c.user_id)
        .outerjoin(agent, agent.c.id == d.c.agent_id)
        .where(
            or_(bindparam("roots") == 0, d.c.parent_id.is_(None)),
            or_(
                bindparam("text") == "", d.c.id == bindparam("text"),
                d.c.user_id == bindparam("text"), d.c.agent_id == bindparam("text"),
                d.c.client_id == bindparam("text"),
                user.c.email_key.like(bindparam("pattern"), escape="\\"),
                func.lower(agent.c.name).like(bindparam("pattern"), escape="\\"),
                d.c.document.like(bindparam("pattern"), escape="\\"),
            ),
            or_(
                bindparam("standing") == "",
                _wants(State.STANDING, _STANDS),
                _wants(State.LIVE, and_(_STANDS, agent.c.status == "active")),
                _wants(State.PAUSED, and_(_STANDS, agent.c.status != "active")),
                _wants(
                    State.EXPIRED,
                    and_(d.c.revoked_at.is_(None), d.c.expires_at <= bindparam("now")),
                ),
                _wants(State.REVOKED, d.c.revoked_at.is_not(None)),
                _wants(
                    State.ENDED,
                    or_(d.c.revoked_at.is_not(None), d.c.expires_at <= bindparam("now")),
                ),
            ),
        )
        .order_by(d.c.created_at.desc(), d.c.id.desc())
        .limit(bindparam("limit"))
    )  # fmt: skip
    order = (scanned.c.created_at.desc(), scanned.c.id.desc())
    last = select(*scanned.c).order_by(*order).offset(bindparam("skip")).limit(1)
    return page, last


# Each runs along the index of its first condition.
_OF_USER = _page(d.c.user_id == bindparam("user_id"))
_OF_AGENT = _page(d.c.agent_id == bindparam("agent_id"))
_OF_BOTH = _page(d.c.user_id == bindparam("user_id"), d.c.agent_id == bindparam("agent_id"))
_OF_ALL = _page()
_COUNT = select(func.count()).where(_STANDS)
_COUNT_OF_USER = _COUNT.where(d.c.user_id == bindparam("user_id"))
_COUNT_OF_AGENT = _COUNT.where(d.c.agent_id == bindparam("agent_id"))


class DelegationSearch:
    """Questions to all delegations."""

    def page(self, tx: Tx, query: DelegationQuery, *, now: int, limit: int) -> DelegationPage:
        """Return at most `limit` delegations before a place, newest first."""
        page, scan_end = {
            (True, True): _OF_BOTH, (True, False): _OF_USER, (False, True): _OF_AGENT,
            (False, False): _OF_ALL,
        }[bool(query.user_id), bool(query.agent_id)]  # fmt: skip
        at, last_id = query.before or END_OF_TIME
        text = query.text.casefold()
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        params: dict[str, object] = {
            "user_id": query.user_id, "agent_id": query.agent_id, "text": text,
            "pattern": f"%{escaped}%", "standing": query.state.value,
            "roots": int(query.roots_only), "now": now, "at": at, "last_id": last_id,
            "scan": MAX_SCANNED, "limit": limit, "skip": MAX_SCANNED - 1,
        }  # fmt: skip
        rows = tuple(delegation_value(row) for row in tx.fetch(page, params))
        if len(rows) == limit:
            return DelegationPage(rows=rows, older=(rows[-1].created_at, rows[-1].id))
        ended = tx.fetch(scan_end, params)
        older = (int(ended[0][1]), str(ended[0][0])) if ended else None
        return DelegationPage(rows=rows, older=older)

    def count_live(self, tx: Tx, now: int, *, user_id: str = "", agent_id: str = "") -> int:
        """Count what stands of one person or of one agent."""
        statement = _COUNT_OF_USER if user_id else _COUNT_OF_AGENT
        return int(
            tx.fetch(statement, {"now": now, "user_id": user_id, "agent_id": agent_id})[0][0]
        )
