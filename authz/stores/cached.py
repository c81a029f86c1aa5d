"""What reads of tuples answered, kept as long as it is true: a cache that cannot lie.

Every answer belongs to a revision of the store, which each write bumps in its own transaction. A
reader first reads the revision; if the cache stands at an older one, the changelog between the two
names the objects and users that were touched, and just their answers are dropped. So a write costs
no rebuild, and what any process committed is seen by the next read of every other.

Only transactions that cannot write may use it: the revision of an unfinished write may be undone,
and taken again by another write.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from authz.model.subject import Subject, TupleKey
from authz.stores.protocol import Change, EdgeRow, Held, HeldPage, TupleReader, Wanted
from authz.stores.verdicts import Verdicts

MOST_KEPT: Final = 40_000
"""Answers and rows of answers that are kept together; some 20 MiB of short ones when full."""
MOST_STORES: Final = 4
"""Stores whose answers a process keeps, where it serves many."""
LONGEST_ANSWER: Final = 500
"""Rows of one answer that is kept."""
MOST_CHANGES: Final = 5_000
"""Changes since the last read that are followed one by one; after more, all is forgotten."""
_IN_FLUX: Final = -1

_Key = tuple[str, ...]
_Row = TypeVar("_Row", EdgeRow, Held)


class Source(TupleReader, Protocol):
    """What is behind the cache: a reader that also tells what changed."""

    def changes(self, after: int, limit: int) -> list[Change]:
        """Return changes of revisions behind `after`, oldest first, at most `limit`."""
        ...


class Answers:
    """The answers of one store that are true at `revision`; shared by the threads of a process."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        """Keep at most `most` answers and rows; forget the ones that were asked longest ago."""
        self._most = most
        self._lock = threading.Lock()
        self._count = 0
        self._by_key: OrderedDict[_Key, dict[Hashable, tuple[Any, ...]]] = OrderedDict()
        """By object or user, which a change names, and then by question."""
        self.revision = 0
        self.verdicts = Verdicts()
        self._moves = 0
        """How often the revision changed: it may go back and come again."""

    def __len__(self) -> int:
        """Count the answers and their rows."""
        return self._count

    def catch_up(self, source: Source, revision: int) -> None:
        """Drop what was touched up to `revision`, as read in the transaction of `source`."""
        if revision == self.revision:
            return
        with self._lock:
            after = self.revision
            if revision == after:
                return
            # Nobody may believe an answer while some are wrong (`at`).
            self.revision = _IN_FLUX
            self._moves += 1
            try:
                changes = source.changes(after, MOST_CHANGES) if revision > after else None
            except BaseException:
                self._forget()
                raise
            if changes is None or len(changes) >= MOST_CHANGES:
                # An older snapshot than that of another thread, or a database that was put back
                # from a backup: what is kept may never have been.
                self._forget()
            else:
                for change in changes:
                    self._drop(change.key)
            self.revision = revision

    def at(self, revision: int, key: _Key, question: Hashable) -> tuple[Any, ...] | None:
        """Return an answer that is true at `revision`, if there is one."""
        moves = self._moves
        if self.revision != revision:
            return None
        kept = self._by_key.get(key)
        answer = None if kept is None else kept.get(question)
        # Taken between two looks at one stand of the cache: it cannot be of another.
        return answer if self._moves == moves else None

    def keep(
        self, revision: int, question: Hashable, answers: Mapping[_Key, tuple[Any, ...]]
    ) -> None:
        """Keep what was read at `revision`, unless the cache has moved on meanwhile."""
        with self._lock:
            if self.revision != revision:
                return
            for key, answer in answers.items():
                if len(answer) > LONGEST_ANSWER:
                    continue
                kept = self._by_key.get(key)
                if kept is None:
                    self._by_key[key] = {question: answer}
                    self._count += _weight(answer)
                    continue
                self._count += _weight(answer) - _weight(kept.get(question))
                kept[question] = answer
                self._by_key.move_to_end(key)
            while self._count > self._most:
                _, oldest = self._by_key.popitem(last=False)
                self._count -= sum(map(_weight, oldest.values()))

    def _drop(self, touched: TupleKey) -> None:
        for key in (
            (touched.object_type, touched.object_id),
            (touched.user_type, touched.user_relation, touched.user_id),
        ):
            self._count -= sum(map(_weight, self._by_key.pop(key, {}).values()))

    def _forget(self) -> None:
        self._by_key.clear()
        self._count = 0


def _weight(answer: tuple[Any, ...] | None) -> int:
    return 0 if answer is None else 1 + len(answer)


class AnswersOfStores:
    """The answers of the stores that were asked last, `MOST_STORES` of them."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._of: OrderedDict[str, Answers] = OrderedDict()

    def of(self, store: str) -> Answers:
        """Return the answers of a store, empty ones if it is new here."""
        with self._lock:
            answers = self._of.setdefault(store, Answers())
            self._of.move_to_end(store)
            if len(self._of) > MOST_STORES:
                self._of.popitem(last=False)
            return answers


class CachedTuples:
    """Reads at one revision: from the answers that are kept, or else from the store."""

    __slots__ = ("_answers", "_revision", "_source")

    def __init__(self, source: Source, answers: Answers, revision: int) -> None:
        """Read `source`, whose transaction cannot write and stands at `revision`."""
        answers.catch_up(source, revision)
        self._source = source
        self._answers = answers
        self._revision = revision

    def related(self, wanted: Wanted, ids: Sequence[str], user: Subject) -> list[EdgeRow]:
        """Return the wanted tuples of the objects `ids`."""
        # Without relations to hold directly, the answer is the same for every user.
        question = (wanted, user if wanted.direct else None)
        rows, lacking = self._kept([(wanted.object_type, i) for i in ids], question)
        if lacking:
            missing = [key[-1] for key in lacking]
            found = self._source.related(wanted, missing, user)
            self._keep(lacking, question, found)
            rows += found
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
        question = (tuple(object_types), tuple(relations))
        rows, lacking = self._kept([(user_type, user_relation, i) for i in ids], question)
        if lacking:
            missing = [key[-1] for key in lacking]
            found = self._source.held(user_type, user_relation, missing, object_types, relations)
            self._keep(lacking, question, found)
            rows += found
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
        """Return a page of what the users hold, which nobody asks for twice."""
        return self._source.held_behind(
            user_type, user_relation, ids, object_type, relations, after, limit
        )

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
        return self._source.holders(object_type, ids, relations, user_type, after, limit)

    def _kept(self, keys: list[_Key], question: Hashable) -> tuple[list[Any], list[_Key]]:
        rows: list[Any] = []
        lacking: list[_Key] = []
        at, revision = self._answers.at, self._revision
        for key in keys:
            answer = at(revision, key, question)
            if answer is None:
                lacking.append(key)
            else:
                rows += answer
        return rows, lacking

    def _keep(self, keys: list[_Key], question: Hashable, found: Sequence[_Row]) -> None:
        # The first field of a row is the id that it was asked by, also when nothing was found.
        by_id: dict[str, list[_Row]] = {key[-1]: [] for key in keys}
        for row in found:
            by_id[row[0]].append(row)
        answers = {key: tuple(by_id[key[-1]]) for key in keys}
        self._answers.keep(self._revision, question, answers)
