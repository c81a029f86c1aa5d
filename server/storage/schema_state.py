"""What a running store knows of its schema, its last event and whether it takes writes."""

from sqlalchemy import Text, column, func, select, table, update

from authz.tx import Tx
from server.domain.unit import Unit
from server.storage.tables.audit import audit
from server.storage.tables.changes import security_head

_APPLIED = select(column("version_num", Text)).select_from(table("alembic_version"))
_TOUCH = update(security_head).values(seq=security_head.c.seq)
_NEWEST = select(func.max(audit.c.at))
_OLDEST_UNSEALED = select(func.min(audit.c.at)).where(audit.c.seal_seq.is_(None))


def applied_in(tx: Tx) -> frozenset[str]:
    """Return the newest applied migration of each branch."""
    return frozenset(str(row[0]) for row in tx.fetch(_APPLIED))


def touch(tx: Unit) -> None:
    """Write what is there already: a page that has to reach the disk."""
    tx.execute(_TOUCH)


def newest_event(tx: Tx) -> int | None:
    """Return the time of the newest audit row (Unix ms), or none."""
    at = tx.fetch(_NEWEST)[0][0]
    return None if at is None else int(at)


def oldest_unsealed(tx: Tx) -> int | None:
    """Return the time of the oldest audit row that is not sealed (Unix ms), or none."""
    at = tx.fetch(_OLDEST_UNSEALED)[0][0]
    return None if at is None else int(at)
