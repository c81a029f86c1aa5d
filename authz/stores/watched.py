"""A reader that watches how much is read: the base of those that count it or end it."""

from collections.abc import Sequence

from authz.model.subject import Subject
from authz.stores.protocol import EdgeRow, Held, HeldPage, TupleReader, Wanted


class Watched:
    """Reads from `source`, and calls `before` and `after` around every read."""

    __slots__ = ("_source",)

    def __init__(self, source: TupleReader) -> None:
        self._source = source

    def before(self) -> None:
        """Look at what comes; what it raises stops the read."""

    def after(self, asked: int, found: int) -> None:
        """Hear of how many objects or users a read asked, and how many tuples it returned."""
        raise NotImplementedError

    def related(self, wanted: Wanted, ids: Sequence[str], user: Subject) -> list[EdgeRow]:
        """Return the wanted tuples of the objects `ids`."""
        self.before()
        rows = self._source.related(wanted, ids, user)
        self.after(len(ids), len(rows))
        return rows

    def held(
        self,
        user_type: str,
        user_relation: str,
        ids: Sequence[str],
        object_types: Sequence[str],
        relations: Sequence[str],
    ) -> list[Held]:
        """Return what the users `ids` hold."""
        self.before()
        rows = self._source.held(user_type, user_relation, ids, object_types, relations)
        self.after(len(ids), len(rows))
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
        """Return a page of what the users hold."""
        self.before()
        page = self._source.held_behind(
            user_type, user_relation, ids, object_type, relations, after, limit
        )
        self.after(len(ids), len(page.rows))
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
        """Return a page of the tuples that name users of a type."""
        self.before()
        rows = self._source.holders(object_type, ids, relations, user_type, after, limit)
        self.after(len(ids), len(rows))
        return rows
