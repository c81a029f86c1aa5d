"""List objects: the objects of a type that a user holds by a relation.

Works from the user towards the objects, level by level, over the tuples that could matter. Where
`and` or `but not` is involved the result is only a set of candidates, and each is checked.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from authz.engine.check import check_many
from authz.engine.conditions import Context
from authz.engine.limits import (
    MAX_CANDIDATES,
    MAX_CHECKS_PER_BATCH,
    MAX_DEPTH,
    MAX_LISTED,
    MAX_PAGE_TUPLES,
)
from authz.engine.query import (
    Query,
    State,
    Verdict,
    check_context_size,
    check_user,
    condition_judge,
)
from authz.engine.reverse import Lookup, Reverse, reverse_for
from authz.errors import CheckError, ResolutionTooComplex
from authz.model.compiled import Model
from authz.model.subject import Subject, parse_object, parse_relation, parse_user, shown
from authz.stores.protocol import HolderRow, TupleReader

LEAST_NAMES = 16
"""Names that one statement of a page reads at least, however many tuples each may have."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Objects in the order of their names; `truncated` when there are, or may be, more."""

    objects: tuple[str, ...]
    truncated: bool = False


def list_objects(
    model: Model,
    store: TupleReader,
    user: str,
    relation: str,
    object_type: str,
    *,
    context: Context | None = None,
    limit: int = MAX_LISTED,
    after: str = "",
) -> Listing:
    """List what `user` holds, from behind `after`, the last object of the page before.

    Raises CheckError, TypeNotFound (2021), RelationNotFound (2022). A condition that cannot be
    evaluated is an error, since the list would lack an object silently.
    """
    check_context_size(context)
    holder = parse_user(user)
    target = model.relation(object_type, parse_relation(relation))
    check_user(model, holder)
    behind = _cursor(after, object_type)
    if (holder.type, holder.relation) not in target.reach:
        return Listing(())
    limit = max(0, min(limit, MAX_LISTED))
    search = _Search(model, store, holder, context, reverse_for(model, object_type, relation))
    found: list[str] = []
    for page in search.pages(behind, limit + 1, pure=target.pure):
        for start in range(0, len(page), MAX_CHECKS_PER_BATCH):
            ids = page[start : start + MAX_CHECKS_PER_BATCH]
            names = [f"{object_type}:{object_id}" for object_id in ids]
            if not target.pure:
                names = _checked(model, store, [Query(user, relation, n, context) for n in names])
            found += names
            if len(found) > limit:
                return Listing(tuple(found[:limit]), truncated=True)
    if not search.complete and not found:
        # A page without a last name could not be followed by another.
        raise ResolutionTooComplex("the listing is wider than the limit")
    return Listing(tuple(found), truncated=not search.complete)


def _cursor(after: str, object_type: str) -> str:
    if not after:
        return ""
    kind, object_id = parse_object(after)
    if kind != object_type:
        raise CheckError(f"{shown(after)} is not the last object of a page of {object_type!r}")
    return object_id


def names_at_once(count: int, places: int) -> int:
    """Return how many names to read at once, if each may stand at so many places."""
    return max(LEAST_NAMES, min(count, MAX_PAGE_TUPLES // max(1, places)))


def _checked(model: Model, store: TupleReader, queries: list[Query]) -> list[str]:
    kept = []
    for query, verdict in zip(queries, check_many(model, store, queries), strict=True):
        if isinstance(verdict, CheckError):
            raise verdict
        if verdict:
            kept.append(query.object)
    return kept


class _Search:
    """Everything that could be held, found from the user's side."""

    def __init__(
        self,
        model: Model,
        store: TupleReader,
        user: Subject,
        context: Context | None,
        reverse: Reverse,
    ) -> None:
        self._model = model
        self._store = store
        self._user = user
        self._reverse = reverse
        self._judge = condition_judge(model, context)
        self._seen: set[State] = set()
        self._waiting: dict[Lookup, list[str]] = {}
        self._last: dict[Lookup, list[str]] = {}
        """Users by whose tuples objects are held from which nothing else follows."""
        self._found: set[str] = set()
        """Objects on the way to others: all of them are found before the first page."""
        self.complete = True
        """Whether nothing was left out when `pages` ended."""

    def pages(self, after: str, count: int, *, pure: bool) -> Iterator[list[str]]:
        """Yield ids of what could be held behind `after`, in their order, some at a time.

        Raises the error of a condition that could not be evaluated, where an object may be missed;
        where it is only one of the ways to an object that is checked anyway, that will tell.
        """
        self._search()
        groups = list(self._last.items())
        names = names_at_once(count, sum(len(ids) for _, ids in groups))
        read = 0
        while True:
            seen: dict[str, list[Verdict]] = {}
            for lookup, ids in groups:
                self._read_last(lookup, ids, after, names, seen)
            behind = sorted(seen)[:names]
            ended = len(behind) < names
            page = {i for i in self._found if after < i and (ended or i <= behind[-1])}
            for object_id in behind:
                verdicts = seen[object_id]
                if True in verdicts or (verdicts and not pure):
                    page.add(object_id)
                elif verdicts and object_id not in page:
                    raise next(error for error in verdicts if isinstance(error, CheckError))
            yield sorted(page)
            if ended:
                return
            read += sum(map(len, seen.values()))
            if read >= MAX_CANDIDATES:
                self.complete = False
                return
            after = behind[-1]

    def _read_last(
        self, lookup: Lookup, ids: list[str], after: str, names: int, seen: dict[str, list[Verdict]]
    ) -> None:
        rows = self._store.held_behind(
            lookup.user_type,
            lookup.user_relation,
            ids,
            self._reverse.target[0],
            lookup.last,
            after,
            names,
        )
        for user_id, row in rows:
            verdict = self._verdict(lookup, user_id, row)
            verdicts = seen.setdefault(row[1], [])
            if verdict is not False:
                verdicts.append(verdict)

    def _search(self) -> None:
        """Find every object from which more may follow. Raises CheckError."""
        user = self._user
        if user.relation:
            self._hold((user.type, user.id, user.relation))
        start = self._reverse.of_user(user.type, user.relation)
        if start is not None:
            everyone = ["*"] if not user.relation and user.id != "*" else []
            self._waiting[start] = [user.id, *everyone]
        # One level more than a check descends: the first finds the tuples of the user.
        for _ in range(MAX_DEPTH):
            if not self._waiting:
                return
            if len(self._seen) > MAX_CANDIDATES:
                self.complete = False
                return
            level, self._waiting = self._waiting, {}
            for lookup, ids in level.items():
                if lookup.relations:
                    self._read(lookup, ids)
                if lookup.last:
                    self._last.setdefault(lookup, []).extend(ids)
        if self._waiting:
            raise ResolutionTooComplex("the listing is deeper than the limit")

    def _read(self, lookup: Lookup, ids: list[str]) -> None:
        rows = self._store.held(
            lookup.user_type, lookup.user_relation, ids, lookup.types, lookup.relations
        )
        for user_id, row in rows:
            object_type, object_id, relation, _, _ = row
            if (object_type, relation) not in lookup.produces or (
                object_type == self._reverse.target[0] and relation in lookup.last
            ):
                continue
            verdict = self._verdict(lookup, user_id, row)
            if isinstance(verdict, CheckError):
                raise verdict
            if verdict:
                for name in lookup.produces[object_type, relation]:
                    self._hold((object_type, object_id, name))

    def _verdict(self, lookup: Lookup, user_id: str, row: HolderRow) -> Verdict:
        """Whether a tuple counts: the model admits it, and its condition holds."""
        object_type, _, relation, condition, context = row
        kind = lookup.user_relation or ("*" if user_id == "*" else "")
        accepted = self._model.types[object_type][relation].accepts.get((lookup.user_type, kind))
        if accepted is None or condition not in accepted:
            return False  # written under an older model
        return self._judge(condition, context) if condition else True

    def _hold(self, state: State) -> None:
        """Note that the user may hold a relation, with all that follows on the same object."""
        object_type, object_id, name = state
        for implied in self._reverse.implied(object_type, name):
            reached = (object_type, object_id, implied)
            if reached in self._seen:
                continue
            self._seen.add(reached)
            if (object_type, implied) == self._reverse.target:
                self._found.add(object_id)
            self._follow(self._reverse.lookups(object_type, implied), object_id)

    def _follow(self, lookups: Iterable[Lookup], object_id: str) -> None:
        for lookup in lookups:
            self._waiting.setdefault(lookup, []).append(object_id)
