"""List users: who holds a relation on an object, for each kind of user that a filter names.

Works from the object down to the users (`descent`), then reads the users' names in their order,
a page at a time. Where `and` or `but not` is involved they are only candidates, and each is
checked against the tuples that the descent has read already.

Everyone of a type is listed as `user:*`, and whoever is named beside it as themselves; who holds
a relation only because everyone does is not listed, since they cannot be known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from authz.engine.check import check
from authz.engine.conditions import Context
from authz.engine.descent import Descent
from authz.engine.limits import (
    MAX_CANDIDATES,
    MAX_FILTERS,
    MAX_LISTED,
    MAX_LISTING_STEPS,
    MAX_PAGE_TUPLES,
)
from authz.engine.listing import GROWTH, SEEKS
from authz.engine.query import Query, State, check_context, condition_judge
from authz.errors import CheckError, ResolutionTooComplex, TypeNotFound
from authz.model.compiled import Model, Relation
from authz.model.reach import UserKey
from authz.model.subject import (
    WILDCARD,
    Subject,
    TupleKey,
    parse_object,
    parse_relation,
    parse_user,
    shown,
)
from authz.stores.memory import MemoryTuples
from authz.stores.overlay import Overlay
from authz.stores.protocol import NewTuple, TupleReader

LEAST_NAMES = 16
"""Names that one statement of a page reads at least, however many tuples each may have."""


@dataclass(frozen=True, slots=True)
class UserFilter:
    """A kind of user: objects of a type (and everyone of it), or holders of its relation."""

    type: str
    relation: str = ""


@dataclass(frozen=True, slots=True)
class UserListing:
    """Users by kind (type, then relation), then id; `truncated` when there are, or may be, more."""

    users: tuple[Subject, ...]
    truncated: bool = False


def list_users(
    model: Model,
    store: TupleReader,
    object: str,
    relation: str,
    filters: Sequence[UserFilter],
    *,
    context: Context | None = None,
    limit: int = MAX_LISTED,
    after: str = "",
) -> UserListing:
    """List who holds `relation` on `object`, from behind `after`, the last of the page before.

    Raises CheckError, TypeNotFound (2021), RelationNotFound (2022). A condition that cannot be
    evaluated is an error where the list would lack a user silently; a search that ends at a limit
    is a short page that says `truncated`, or an error (2002) if it found nobody.
    """
    check_context(context)
    object_type, object_id = parse_object(object)
    if not 0 < len(filters) <= MAX_FILTERS:
        raise CheckError(f"a listing of users has 1 to {MAX_FILTERS} filters")
    kinds = sorted({_kind(model, given) for given in filters})
    target = model.relation(object_type, parse_relation(relation))
    behind = _cursor(after)
    limit = max(0, min(limit, MAX_LISTED))
    found: list[Subject] = []
    for kind in kinds:
        if kind not in target.reach or kind < behind[0]:
            continue
        search = _Search(model, store, (object_type, object_id, relation), target, kind, context)
        start = behind[1] if kind == behind[0] else ""
        for user_id in search.users(start, limit + 1 - len(found)):
            if len(found) == limit:
                return UserListing(tuple(found), truncated=True)
            found.append(Subject(kind[0], user_id, kind[1]))
        if not search.complete:
            if not found:
                # A page without a last name could not be followed by another.
                raise ResolutionTooComplex("the listing is wider than the limit")
            return UserListing(tuple(found), truncated=True)
    return UserListing(tuple(found))


def _kind(model: Model, given: UserFilter) -> UserKey:
    if given.type not in model.types:
        raise TypeNotFound(f"type {shown(given.type)} not found")
    if given.relation:
        model.relation(given.type, parse_relation(given.relation))
    return (given.type, given.relation)


def _cursor(after: str) -> tuple[UserKey, str]:
    if not after:
        return ("", ""), ""
    user = parse_user(after)
    return (user.type, user.relation), user.id


def _names_at_once(count: int, places: int) -> int:
    """Return how many names to read at once, if each may stand at so many places."""
    return max(LEAST_NAMES, min(count, MAX_PAGE_TUPLES // max(1, places)))


def _more_names(names: int, tuples: int) -> int:
    """Return how many names to read next, after so many had so few tuples."""
    wider = names * GROWTH
    return min(wider, MAX_LISTED + 1) if tuples * GROWTH <= MAX_PAGE_TUPLES else names


class _Search:
    """The users of one kind."""

    def __init__(
        self,
        model: Model,
        store: TupleReader,
        root: State,
        target: Relation,
        kind: UserKey,
        context: Context | None,
    ) -> None:
        self._model = model
        self._store = store
        self._root = root
        self._kind = kind
        self._pure = target.pure
        self._context = context
        self._judge = condition_judge(model, context)
        self._descent = Descent(model, store, root, kind, context)
        self._below = MemoryTuples()
        self._known: dict[frozenset[NewTuple], bool] = {}
        self._checks = 0
        self.complete = True
        """Whether nobody was left out when `users` ended."""

    def users(self, after: str, count: int) -> Iterator[str]:
        """Yield ids behind `after` in their order; the caller takes at most `count`."""
        self.complete = self._descent.run()
        if self._descent.error is not None:
            raise self._descent.error
        if not self._pure:
            if not self.complete:
                # Without all tuples somebody who is taken away could be listed.
                raise ResolutionTooComplex("the listing is wider than the limit")
            self._below = MemoryTuples(self._descent.tuples)
        if self._kind[1]:
            yield from self._usersets(after)
        else:
            yield from self._named(after, count)

    def _usersets(self, after: str) -> Iterator[str]:
        for user_id in sorted(self._descent.usersets):
            if user_id > after:
                if self._spent():
                    return
                if self._pure or self._holds(user_id, ()):
                    yield user_id

    def _named(self, after: str, count: int) -> Iterator[str]:
        groups = list(self._descent.named())
        places = sum(len(ids) for _, ids, _ in groups)
        names = _names_at_once(count, places)
        read = 0
        while True:
            by_name: dict[str, list[NewTuple]] = {}
            for kind, ids, relations in groups:
                for row in self._store.holders(kind, ids, relations, self._kind[0], after, names):
                    key = TupleKey(kind, *row[:5])
                    by_name.setdefault(key.user_id, []).append(NewTuple(key, row[5], row[6]))
            page = sorted(by_name)[:names]
            for user_id in page:
                if self._spent():
                    return
                if self._named_holds(user_id, by_name[user_id]):
                    yield user_id
            tuples = sum(map(len, by_name.values()))
            read += tuples + places // SEEKS
            if len(by_name) < names:
                return
            if read >= MAX_CANDIDATES:
                self.complete = False
                return
            after, names = page[-1], _more_names(names, tuples)

    def _spent(self) -> bool:
        """Whether the page has cost what it may; whoever follows is left to the next one."""
        if self._checks * self._descent.size < MAX_LISTING_STEPS:
            return False
        self.complete = False
        return True

    def _named_holds(self, user_id: str, tuples: list[NewTuple]) -> bool:
        """Whether a user holds the relation, by the tuples below it that name the user."""
        counting: list[NewTuple] = []
        error: CheckError | None = None
        candidate = False
        for new in tuples:
            key = new.key
            accepted = self._model.types[key.object_type][key.relation].accepts.get(
                (key.user_type, WILDCARD if user_id == WILDCARD else "")
            )
            if accepted is None or new.condition not in accepted:
                continue  # written under an older model
            verdict = self._judge(new.condition, new.context) if new.condition else True
            if verdict is False:
                continue
            counting.append(new)
            if (key.object_type, key.object_id, key.relation) in self._descent.gaining:
                if self._pure and verdict is True:
                    return True
                candidate = True
            if verdict is not True:
                error = verdict
        if self._pure and error is not None:
            raise error
        return candidate and not self._pure and self._holds(user_id, counting)

    def _holds(self, user_id: str, tuples: Sequence[NewTuple]) -> bool:
        """Check a candidate. Whoever is named by the same tuples as another holds the same."""
        user = Subject(self._kind[0], user_id, self._kind[1])
        alike = frozenset(
            NewTuple(_of_anyone(new.key), new.condition, new.context) for new in tuples
        )
        if tuples and alike in self._known:
            return self._known[alike]
        self._checks += 1
        object_type, object_id, relation = self._root
        query = Query(str(user), relation, f"{object_type}:{object_id}", self._context)
        store = Overlay(self._below, MemoryTuples(tuples)) if tuples else self._below
        held = self._known[alike] = check(self._model, store, query)
        return held


def _of_anyone(key: TupleKey) -> TupleKey:
    return TupleKey(key.object_type, key.object_id, key.relation, "", "", "")
