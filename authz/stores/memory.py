"""Tuples in memory, under the same contract: for tests, and for tuples of one request alone."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from authz.model.subject import Subject, TupleKey
from authz.stores.pages import whole_objects
from authz.stores.planning import plan_write
from authz.stores.protocol import (
    Change,
    EdgeRow,
    Filter,
    Held,
    HeldPage,
    NewTuple,
    StoredTuple,
    Wanted,
)
from authz.stores.selection import order_of


class MemoryTuples:
    """The tuples of one store, without a database. Not for several threads that write."""

    def __init__(self, tuples: Iterable[NewTuple] = ()) -> None:
        self._revision = 0
        self._tuples: dict[TupleKey, StoredTuple] = {}
        self._by_relation: dict[tuple[str, str, str], dict[TupleKey, None]] = defaultdict(dict)
        self._by_user: dict[tuple[str, str, str], dict[TupleKey, None]] = defaultdict(dict)
        self._log: list[Change] = []
        for new in tuples:
            self._add(new, 0)

    def related(self, wanted: Wanted, ids: Sequence[str], user: Subject) -> list[EdgeRow]:
        """Return the wanted tuples of the objects `ids`."""
        rows: list[EdgeRow] = []
        for object_id in ids:
            for name in wanted.direct:
                rows += self._direct(wanted.object_type, object_id, name, user)
            for names, usersets in ((wanted.usersets, True), (wanted.tuplesets, False)):
                for name in names:
                    for key in self._by_relation.get((wanted.object_type, object_id, name), ()):
                        if bool(key.user_relation) is usersets:
                            rows.append(self._row(key))
        return rows

    def held(
        self,
        user_type: str,
        user_relation: str,
        ids: Sequence[str],
        object_types: Sequence[str],
        relations: Sequence[str],
    ) -> list[Held]:
        """Return, with the user's id, what the users `ids` hold by one of `relations`."""
        found: list[Held] = []
        for user_id in ids:
            for key in self._by_user.get((user_type, user_id, user_relation), ()):
                if key.relation in relations and key.object_type in object_types:
                    kept = self._tuples[key]
                    row = (
                        key.object_type,
                        key.object_id,
                        key.relation,
                        kept.condition,
                        kept.context,
                    )
                    found.append((user_id, row))
        return found

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
        """Return a page of what the users hold, behind `after`."""
        found = self.held(user_type, user_relation, ids, (object_type,), relations)
        behind = sorted((h for h in found if h[1][1] > after), key=lambda held: held[1][1])
        page = whole_objects(behind, limit)
        if page is None:
            first = behind[0][1][1]
            page = HeldPage([held for held in behind if held[1][1] == first], first)
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
        """Return the tuples of the first `limit` plain users behind `after`."""
        found = [
            key
            for object_id in ids
            for name in relations
            for key in self._by_relation.get((object_type, object_id, name), ())
            if key.user_type == user_type and not key.user_relation and key.user_id > after
        ]
        named = set(sorted({key.user_id for key in found})[:limit])
        return [self._row(key) for key in found if key.user_id in named]

    def revision(self) -> int:
        """Return the number of the last write."""
        return self._revision

    def write(
        self,
        writes: Sequence[NewTuple],
        deletes: Sequence[TupleKey],
        now: int,
        *,
        ignore_duplicates: bool = False,
        replace_duplicates: bool = False,
        ignore_missing: bool = False,
    ) -> int:
        """Apply deletions, then additions, all or nothing; return the new revision."""
        touched = [*deletes, *(new.key for new in writes)]
        found = {
            key: NewTuple(key, kept.condition, kept.context)
            for key in touched
            if (kept := self._tuples.get(key)) is not None
        }
        added, removed = plan_write(
            found,
            writes,
            deletes,
            ignore_duplicates=ignore_duplicates,
            replace_duplicates=replace_duplicates,
            ignore_missing=ignore_missing,
        )
        self._revision += 1
        for old in removed:
            self._remove(old, now)
        for new in added:
            self._add(new, now)
            self._log.append(Change(self._revision, False, *new, now))
        return self._revision

    def delete_matching(self, matching: Filter, now: int) -> int:
        """Delete every tuple that matches; return how many there were."""
        gone = list(self._matching(matching))
        self._revision += 1
        for kept in gone:
            self._remove(NewTuple(kept.key, kept.condition, kept.context), now)
        return len(gone)

    def read(
        self, matching: Filter, limit: int, after: TupleKey | None = None
    ) -> list[StoredTuple]:
        """Return matching tuples in key order, from behind `after`."""
        order = attrgetter(*order_of([n for n, value in matching._asdict().items() if value]))
        found = self._matching(matching)
        if after is not None:
            found = (kept for kept in found if order(kept.key) > order(after))
        return sorted(found, key=lambda kept: order(kept.key))[:limit]

    def changes(self, after: int, limit: int) -> list[Change]:
        """Return what changed behind `after`, oldest first, at most `limit` entries."""
        return [change for change in self._log if change.revision > after][:limit]

    def _direct(
        self, object_type: str, object_id: str, relation: str, user: Subject
    ) -> Iterator[EdgeRow]:
        for user_id in {user.id} if user.relation else {user.id, "*"}:
            key = TupleKey(object_type, object_id, relation, user.type, user_id, user.relation)
            if key in self._tuples:
                yield self._row(key)

    def _row(self, key: TupleKey) -> EdgeRow:
        kept = self._tuples[key]
        user = (key.user_type, key.user_id, key.user_relation)
        return (key.object_id, key.relation, *user, kept.condition, kept.context)

    def _matching(self, matching: Filter) -> Iterator[StoredTuple]:
        given = {name: value for name, value in matching._asdict().items() if value}
        if "object_type" not in given and "user_type" not in given:
            raise ValueError("a filter names the object's type or the user's")
        for key, kept in self._tuples.items():
            if all(getattr(key, name) == value for name, value in given.items()):
                yield kept

    def _add(self, new: NewTuple, now: int) -> None:
        key = new.key
        self._tuples[key] = StoredTuple(key, new.condition, new.context, now)
        self._by_relation[key.object_type, key.object_id, key.relation][key] = None
        self._by_user[key.user_type, key.user_id, key.user_relation][key] = None

    def _remove(self, old: NewTuple, now: int) -> None:
        key = old.key
        del self._tuples[key]
        del self._by_relation[key.object_type, key.object_id, key.relation][key]
        del self._by_user[key.user_type, key.user_id, key.user_relation][key]
        self._log.append(Change(self._revision, True, *old, now))
