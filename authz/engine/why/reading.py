"""Readers that watch what is read: how much, so that it can end, and what, so that it is told."""

from collections.abc import Sequence

from authz.engine.query import State
from authz.model.subject import Subject
from authz.stores.protocol import EdgeRow, TupleReader, Wanted
from authz.stores.watched import Watched


class Counted(Watched):
    """Reads from a store, and counts the tuples."""

    def __init__(self, store: TupleReader) -> None:
        super().__init__(store)
        self.count = 0

    def after(self, asked: int, found: int) -> None:
        self.count += found


class Recorded(Counted):
    """Reads from a store, and keeps the tuples by object and relation."""

    def __init__(self, store: TupleReader) -> None:
        super().__init__(store)
        self.rows: dict[State, dict[EdgeRow, None]] = {}

    def related(self, wanted: Wanted, ids: Sequence[str], user: Subject) -> list[EdgeRow]:
        rows = super().related(wanted, ids, user)
        for row in rows:
            self.rows.setdefault((wanted.object_type, row[0], row[1]), {})[row] = None
        return rows
