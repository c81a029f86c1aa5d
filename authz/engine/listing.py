"""List objects: the objects of a type that a user holds by a relation.

Works from the user towards the objects, level by level, over the tuples that could matter. Where
`and` or `but not` is involved the result is only a set of candidates, and each is checked.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

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
    check_context,
    check_user,
    condition_judge,
)
from authz.engine.remainder import subtracted
from authz.engine.reverse import Lookup, Reverse, reverse_for
from authz.errors import CheckError, ResolutionTooComplex
from authz.model.compiled import Model
from authz.model.subject import (
    Subject,
    check_relation_form,
    check_type_form,
    check_user_form,
    parse_object,
    parse_user,
    shown,
)
from authz.stores.protocol import HolderRow, TupleReader

GROWTH = 8
"""How many times more the next statement of a page reads."""

TUPLES_AN_OBJECT = 2
"""What a page expects each of its objects to have from the users that it asks about."""

SEEKS = 10
"""Places where a statement looks for names, for the price of one tuple."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Objects in the order of their names; `truncated` when there are, or may be, more."""

    objects: tuple[str, ...]
    truncated: bool = False


class Candidate(NamedTuple):
    """What the search found; `proved` unless a condition on the only ways to it failed."""

    id: str
    proved: bool


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

    Raises CheckError, MalformedType (2047), TypeNotFound (2021), RelationNotFound (2022). A
    condition that cannot be evaluated is an error where the list would lack an object silently; a
    search that ends at a limit is a short page that says `truncated`, or an error (2002) if it
    found nothing.
    """
    check_type_form(object_type)
    check_relation_form(relation)
    check_user_form(user)
    target = model.relation(object_type, relation)
    holder = parse_user(user)
    check_user(model, holder)
    check_context(context)
    behind = _cursor(after, object_type)
    if (holder.type, holder.relation) not in target.reach:
        return Listing(())
    limit = max(0, min(limit, MAX_LISTED))
    search = _Search(model, store, holder, context, reverse_for(model, object_type, relation))
    judge = _Judge(model, store, Query(user, relation, "", context), object_type)
    found: list[str] = []
    for page in search.pages(behind, limit + 1, pure=target.pure):
        for start in range(0, len(page), MAX_CHECKS_PER_BATCH):
            found += judge.those_held(page[start : start + MAX_CHECKS_PER_BATCH])
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


class _Judge:
    """Tells which candidates are held."""

    def __init__(self, model: Model, store: TupleReader, query: Query, object_type: str) -> None:
        self._model = model
        self._store = store
        self._query = query
        self._object_type = object_type
        self._pure = model.types[object_type][query.relation].pure
        self._subtracted = subtracted(model, object_type, query.relation)

    def those_held(self, candidates: list[Candidate]) -> list[str]:
        """Return the names of those that are held, in their order. Raises CheckError."""
        names = {one.id: f"{self._object_type}:{one.id}" for one in candidates}
        if self._pure:
            return list(names.values())
        proved = [one.id for one in candidates if one.proved and self._subtracted]
        gone = self._true_of(self._subtracted, [names[i] for i in proved])
        held = {names[i] for i in proved} - gone
        rest = [name for i, name in names.items() if i not in set(proved)]
        held |= self._true_of(self._query.relation, rest)
        return [name for name in names.values() if name in held]

    def _true_of(self, relation: str, names: list[str]) -> set[str]:
        queries = [replace(self._query, relation=relation, object=name) for name in names]
        found = set()
        for name, verdict in zip(names, check_many(self._model, self._store, queries), strict=True):
            if isinstance(verdict, CheckError):
                raise verdict
            if verdict:
                found.add(name)
        return found


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

    def pages(self, after: str, count: int, *, pure: bool) -> Iterator[list[Candidate]]:
        """Yield what could be held behind `after`, in the order of ids, some at a time.

        Raises the error of a condition that could not be evaluated, where an object may be missed;
        where it is only one of the ways to an object that is checked anyway, that will tell.
        """
        self._search()
        groups = list(self._last.items())
        places = sum(len(ids) for _, ids in groups)
        tuples, read = TUPLES_AN_OBJECT * count, 0
        while True:
            seen: dict[str, list[Verdict]] = {}
            ends = [self._read_last(lookup, ids, after, tuples, seen) for lookup, ids in groups]
            # Behind the first of these a group may lack objects, or tuples of one.
            last = min((end for end in ends if end is not None), default=None)
            page = {i: True for i in self._found if after < i and (last is None or i <= last)}
            for object_id in sorted(seen):
                if last is not None and object_id > last:
                    break
                verdicts = seen[object_id]
                if True in verdicts:
                    page[object_id] = True
                elif verdicts and not pure:
                    page.setdefault(object_id, False)
                elif verdicts and object_id not in page:
                    raise next(error for error in verdicts if isinstance(error, CheckError))
            yield [Candidate(object_id, page[object_id]) for object_id in sorted(page)]
            if last is None:
                return
            read += sum(map(len, seen.values())) + places // SEEKS
            if read >= MAX_CANDIDATES:
                self.complete = False
                return
            after, tuples = last, min(tuples * GROWTH, MAX_PAGE_TUPLES)

    def _read_last(
        self,
        lookup: Lookup,
        ids: list[str],
        after: str,
        tuples: int,
        seen: dict[str, list[Verdict]],
    ) -> str | None:
        """Note the verdicts of a page of tuples; return its last object, none behind the end."""
        page = self._store.held_behind(
            lookup.user_type,
            lookup.user_relation,
            ids,
            self._reverse.target[0],
            lookup.last,
            after,
            tuples,
        )
        for user_id, row in page.rows:
            verdict = self._verdict(lookup, user_id, row)
            verdicts = seen.setdefault(row[1], [])
            if verdict is not False:
                verdicts.append(verdict)
        return page.last

    def _search(self) -> None:
        """Find every object from which more may follow. Raises CheckError."""
        user = self._user
        if user.relation:
            self._hold((user.type, user.id, user.relation))
        start = self._reverse.of_user(user.type, user.relation)
        if start is not None:
            everyone = ["*"] if not user.relation and user.id != "*" else []
            self._waiting[start] = [user.id, *everyone]
        # The first level finds the tuples of the user; from there on as a check descends.
        for _ in range(MAX_DEPTH):
            if not self._waiting:
                return
            if len(self._seen) > MAX_CANDIDATES:
                self.complete = False
                return
            self._level()
        seen = len(self._seen)
        self._level(deepest=True)
        if len(self._seen) > seen:
            raise ResolutionTooComplex("the listing is deeper than the limit")

    def _level(self, *, deepest: bool = False) -> None:
        """Read what waits; at the deepest level nothing more may be found."""
        level, self._waiting = self._waiting, {}
        for lookup, ids in level.items():
            if lookup.relations:
                self._read(lookup, ids)
            if lookup.last and not deepest:
                self._last.setdefault(lookup, []).extend(ids)
            elif lookup.last:
                found: dict[str, list[Verdict]] = {}
                self._read_last(lookup, ids, "", 1, found)
                if any(found.values()):
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
