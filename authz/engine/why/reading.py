"""Readers that watch what is read: how much, so that it can end, and what, so that it is told."""

from collections.abc import Sequence

from authz.engine.query import State
from authz.model.subject import Subject
from authz.stores.protocol import EdgeRow, Held, HeldPage, TupleReader, Wanted


class Counted:
    """Reads from a store, and counts the tuples."""

    def __init__(self, store: TupleReader) -> None:
        self._store = store
        self.count = 0

    def related(self, wanted: Wanted, ids: Sequence[str], user: Subject) -> list[EdgeRow]:
        rows = self._store.related(wanted, ids, user)
        self.count += len(rows)
        return rows

    def held(
        self,
        user_type: str,
        user_relation: str,
        ids: Sequence[str],
        object_types: Sequence[str],
        relations: Sequence[str],
    ) -> list[Held]:
        rows = self._store.held(user_type, user_relation, ids, object_types, relations)
        self.count += len(rows)
        return rows

    def held_behind(
        self,
        user_type: str,
        user_relation: str,
        ids: Sequence[str],
        object_type: str,
        relations: Sequence[str],
        after: str,
        limit: int,
    ) -> HeldPage:
        page = self._store.held_behind(
            user_type, user_relation, ids, object_type, relations, after, limit
        )
        self.count += len(page.rows)
        return page

    def holders(
        self,
        object_type: str,
        ids: Sequence[str],
        relations: Sequence[str],
        user_type: str,
        after: str,
        limit: int,
    ) -> list[EdgeRow]:
        rows = self._store.holders(object_type, ids, relations, user_type, after, limit)
        self.count += len(rows)
        return rows


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
