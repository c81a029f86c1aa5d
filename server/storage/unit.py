"""What every adapter's unit of work does alike: publish changes and guard a snapshot."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.sql.elements import ClauseElement

from authz.tx import Row, Tx
from server.domain.unit import ChangeKey, StaleSnapshotError
from server.storage.tables.changes import security_change, security_head

HEAD = select(security_head.c.seq)
BUMP = (
    update(security_head)
    .values(seq=security_head.c.seq + bindparam("count"))
    .returning(security_head.c.seq)
)
PUBLISH = insert(security_change)
SINCE_LIMITED = (
    select(security_change.c.kind, security_change.c.entry_id)
    .where(security_change.c.seq > bindparam("after"))
    .limit(bindparam("limit"))
)
SINCE = select(security_change.c.kind, security_change.c.entry_id).where(
    security_change.c.seq > bindparam("after")
)


class UnitBase:
    """A transaction with `changed` and `guard`; adapters add `fetch` and `execute`."""

    dialect: str

    def __init__(self, *, read_only: bool = False) -> None:
        """Start with nothing changed; `read_only` only for one view of what is committed."""
        self.read_only = read_only
        self._changes: list[ChangeKey] = []

    def _head(self) -> int:
        return int(self.fetch(HEAD)[0][0])

    def _bump(self, count: int) -> int:
        return int(self.fetch(BUMP, {"count": count})[0][0])

    def fetch(self, statement: ClauseElement, params: Mapping[str, Any] | None = None) -> list[Row]:
        """Run a statement that returns rows."""
        raise NotImplementedError

    def execute(self, statement: ClauseElement, params: Mapping[str, Any] | None = None) -> int:
        """Run a statement and return how many rows it touched."""
        raise NotImplementedError

    def execute_many(self, statement: ClauseElement, rows: Sequence[Mapping[str, object]]) -> int:
        """Run a statement once for each row and return how many rows it touched in all."""
        return sum(self.execute(statement, row) for row in rows)

    def changed(self, kind: str, entry_id: str) -> None:
        """Publish, at the end of this unit, that a cached entry changed."""
        self._changes.append((kind, entry_id))

    def guard(self, revision: int, depends: frozenset[ChangeKey]) -> None:
        """Raise `StaleSnapshotError` if an entry of `depends` may have changed after `revision`."""
        head = self._head()
        if head == revision:
            return
        changes = self.fetch(SINCE, {"after": revision})
        # Numbers have no gaps: fewer rows than numbers means that some were purged unseen. A head
        # behind the caller's means that the database was put back from a backup.
        if head < revision or len(changes) < head - revision or not depends.isdisjoint(changes):
            raise StaleSnapshotError

    def publish(self) -> None:
        """Write the changes; last before the commit, so that `seq` is in commit order."""
        if not self._changes:
            return
        changes = list(dict.fromkeys(self._changes))
        self._changes.clear()
        head = self._bump(len(changes))
        first = head - len(changes) + 1
        self.execute_many(
            PUBLISH,
            [
                {"seq": first + n, "kind": kind, "entry_id": entry_id}
                for n, (kind, entry_id) in enumerate(changes)
            ],
        )


def changes_since(tx: Tx, after: int, limit: int) -> tuple[int, list[ChangeKey]]:
    """Return the head and at most `limit` changes after `after`, from one consistent read.

    Fewer changes than `head - after` (and than `limit`) means that older ones were purged: the
    caller cannot know what changed and forgets everything.
    """
    head = tx.fetch(HEAD)[0][0]
    rows = tx.fetch(SINCE_LIMITED, {"after": after, "limit": limit})
    return int(head), [(row[0], row[1]) for row in rows]
