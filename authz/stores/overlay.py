"""A store as it would be: with a request's own tuples (OpenFGA's contextual), without others."""

from collections.abc import Sequence

from authz.model.subject import Subject, TupleKey
from authz.stores.protocol import EdgeRow, Held, HeldPage, TupleReader, Wanted


class Overlay:
    """Reads both; where both have a tuple, the request's stands (with its condition)."""

    __slots__ = ("_over", "_under")

    def __init__(self, under: TupleReader, over: TupleReader) -> None:
        self._under = under
        self._over = over

    def related(self, wanted: Wanted, ids: Sequence[str], user: Subject) -> list[EdgeRow]:
        """Return the wanted tuples of both."""
        over = self._over.related(wanted, ids, user)
        known = {row[:5] for row in over}
        under = self._under.related(wanted, ids, user)
        return over + [row for row in under if row[:5] not in known]

    def held(
        self,
        user_type: str,
        user_relation: str,
        ids: Sequence[str],
        object_types: Sequence[str],
        relations: Sequence[str],
    ) -> list[Held]:
        """Return what the users hold by either."""
        asked = (user_type, user_relation, ids, object_types, relations)
        return _joined(self._over.held(*asked), self._under.held(*asked))

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
        """Return the tuples of the objects that the pages of both have whole."""
        asked = (user_type, user_relation, ids, object_type, relations, after, limit)
        over, under = self._over.held_behind(*asked), self._under.held_behind(*asked)
        rows = _joined(over.rows, under.rows)
        last = min((end for end in (over.last, under.last) if end is not None), default=None)
        if last is None:
            return HeldPage(rows)
        return HeldPage([held for held in rows if held[1][1] <= last], last)

    def holders(
        self,
        object_type: str,
        ids: Sequence[str],
        relations: Sequence[str],
        user_type: str,
        after: str,
        limit: int,
    ) -> list[EdgeRow]:
        """Return the tuples of the first `limit` plain users of both."""
        over = self._over.holders(object_type, ids, relations, user_type, after, limit)
        known = {row[:5] for row in over}
        under = self._under.holders(object_type, ids, relations, user_type, after, limit)
        rows = over + [row for row in under if row[:5] not in known]
        # Whoever is among the first of both is among the first of each that names them.
        named = set(sorted({row[3] for row in rows})[:limit])
        return [row for row in rows if row[3] in named]


class Without:
    """Reads all but some tuples: the store as it would be without them."""

    __slots__ = ("_gone", "_under")

    def __init__(self, under: TupleReader, gone: frozenset[TupleKey]) -> None:
        self._under = under
        self._gone = gone

    def related(self, wanted: Wanted, ids: Sequence[str], user: Subject) -> list[EdgeRow]:
        """Return the wanted tuples that are left."""
        rows = self._under.related(wanted, ids, user)
        return [row for row in rows if TupleKey(wanted.object_type, *row[:5]) not in self._gone]

    def held(
        self,
        user_type: str,
        user_relation: str,
        ids: Sequence[str],
        object_types: Sequence[str],
        relations: Sequence[str],
    ) -> list[Held]:
        """Return what the users hold by the tuples that are left."""
        rows = self._under.held(user_type, user_relation, ids, object_types, relations)
        return self._left(rows, user_type, user_relation)

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
        """Return the tuples of a page that are left; it may be empty, and not the last."""
        page = self._under.held_behind(
            user_type, user_relation, ids, object_type, relations, after, limit
        )
        return page._replace(rows=self._left(page.rows, user_type, user_relation))

    def _left(self, rows: list[Held], user_type: str, user_relation: str) -> list[Held]:
        return [
            (user_id, row)
            for user_id, row in rows
            if TupleKey(*row[:3], user_type, user_id, user_relation) not in self._gone
        ]

    def holders(
        self,
        object_type: str,
        ids: Sequence[str],
        relations: Sequence[str],
        user_type: str,
        after: str,
        limit: int,
    ) -> list[EdgeRow]:
        """Return the tuples of the first `limit` plain users that are left."""
        # So many more as could go with what is hidden.
        asked = limit + len(self._gone)
        rows = self._under.holders(object_type, ids, relations, user_type, after, asked)
        left = [row for row in rows if TupleKey(object_type, *row[:5]) not in self._gone]
        named = set(sorted({row[3] for row in left})[:limit])
        return [row for row in left if row[3] in named]


def _joined(over: list[Held], under: list[Held]) -> list[Held]:
    known = {(user_id, row[:3]) for user_id, row in over}
    return over + [(u, row) for u, row in under if (u, row[:3]) not in known]
