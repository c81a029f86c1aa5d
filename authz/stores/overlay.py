"""A request's own tuples over stored ones: OpenFGA's contextual tuples."""

from collections.abc import Sequence

from authz.model.subject import Subject
from authz.stores.protocol import EdgeRow, HolderRow, TupleReader, Wanted


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
    ) -> list[tuple[str, HolderRow]]:
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
    ) -> list[tuple[str, HolderRow]]:
        """Return the tuples of the first `limit` objects of both."""
        asked = (user_type, user_relation, ids, object_type, relations, after, limit)
        rows = _joined(self._over.held_behind(*asked), self._under.held_behind(*asked))
        page = set(sorted({row[1] for _, row in rows})[:limit])
        return [(user_id, row) for user_id, row in rows if row[1] in page]

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


def _joined(
    over: list[tuple[str, HolderRow]], under: list[tuple[str, HolderRow]]
) -> list[tuple[str, HolderRow]]:
    known = {(user_id, row[:3]) for user_id, row in over}
    return over + [(u, row) for u, row in under if (u, row[:3]) not in known]
