"""A reader with a budget: many questions together may read so much, and no more."""

from collections.abc import Sequence

from authz.errors import ResolutionTooComplex
from authz.model.subject import Subject
from authz.stores.protocol import EdgeRow, Held, HeldPage, TupleReader, Wanted


class Metered:
    """Counts objects asked for and tuples returned; behind `budget` every read is refused.

    Each read raises ResolutionTooComplex (2002) once the ones before it have spent the budget.
    """

    __slots__ = ("_left", "_source")

    def __init__(self, source: TupleReader, budget: int) -> None:
        self._source = source
        self._left = budget

    def related(self, wanted: Wanted, ids: Sequence[str], user: Subject) -> list[EdgeRow]:
        """Return the wanted tuples of the objects `ids`."""
        self._afford()
        rows = self._source.related(wanted, ids, user)
        self._left -= len(ids) + len(rows)
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
        self._afford()
        rows = self._source.held(user_type, user_relation, ids, object_types, relations)
        self._left -= len(ids) + len(rows)
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
        self._afford()
        page = self._source.held_behind(
            user_type, user_relation, ids, object_type, relations, after, limit
        )
        self._left -= len(ids) + len(page.rows)
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
        self._afford()
        rows = self._source.holders(object_type, ids, relations, user_type, after, limit)
        self._left -= len(ids) + len(rows)
        return rows

    def _afford(self) -> None:
        if self._left <= 0:
            raise ResolutionTooComplex("the batch reads more than the limit: ask for less at once")
