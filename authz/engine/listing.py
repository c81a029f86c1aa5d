"""List objects: the objects of a type that a user holds by a relation.

Works from the user towards the objects, level by level, over the tuples that could matter. Where
`and` or `but not` is involved the result is only a set of candidates, and each is checked.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from authz.engine.check import check_many
from authz.engine.conditions import Context
from authz.engine.limits import MAX_CANDIDATES, MAX_CHECKS_PER_BATCH, MAX_DEPTH, MAX_LISTED
from authz.engine.query import Query, State, check_context, check_user, condition_judge
from authz.engine.reverse import Lookup, Reverse, reverse_for
from authz.errors import CheckError, ResolutionTooComplex
from authz.model.compiled import Model
from authz.model.subject import (
    Subject,
    check_relation_form,
    check_type_form,
    check_user_form,
    parse_user,
)
from authz.stores.protocol import TupleReader


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
) -> Listing:
    """List what `user` holds.

    Raises CheckError, MalformedType (2047), TypeNotFound (2021), RelationNotFound (2022).

    A condition that cannot be evaluated is an error, since the list would lack an object silently.
    """
    check_type_form(object_type)
    check_relation_form(relation)
    check_user_form(user)
    target = model.relation(object_type, relation)
    holder = parse_user(user)
    check_user(model, holder)
    check_context(context)
    if (holder.type, holder.relation) not in target.reach:
        return Listing(())
    limit = max(0, min(limit, MAX_LISTED))
    search = _Search(model, store, holder, context, reverse_for(model, object_type, relation))
    found, complete = search.run()
    ids = sorted(found)
    if target.pure:
        if search.error is not None:
            raise search.error
        return _page(object_type, ids, limit, complete=complete)
    kept: list[str] = []
    for start in range(0, len(ids), MAX_CHECKS_PER_BATCH):
        if len(kept) > limit:
            break
        kept += _checked(
            model,
            store,
            ids[start : start + MAX_CHECKS_PER_BATCH],
            user,
            relation,
            object_type,
            context,
        )
    if search.error is not None and len(kept) <= limit:
        raise search.error
    return _page(object_type, kept, limit, complete=complete)


def _page(object_type: str, ids: list[str], limit: int, *, complete: bool) -> Listing:
    names = tuple(f"{object_type}:{object_id}" for object_id in ids[:limit])
    return Listing(names, truncated=len(ids) > limit or not complete)


def _checked(
    model: Model,
    store: TupleReader,
    ids: list[str],
    user: str,
    relation: str,
    object_type: str,
    context: Context | None,
) -> list[str]:
    queries = [Query(user, relation, f"{object_type}:{i}", context) for i in ids]
    kept = []
    for object_id, verdict in zip(ids, check_many(model, store, queries), strict=True):
        if isinstance(verdict, CheckError):
            raise verdict
        if verdict:
            kept.append(object_id)
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
        self._found: set[str] = set()
        self.error: CheckError | None = None

    def run(self) -> tuple[set[str], bool]:
        """Return the ids found, and whether all there could be were considered."""
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
                return self._found, True
            if len(self._seen) > MAX_CANDIDATES:
                return self._found, False
            self._level()
        seen = len(self._seen)
        self._level()
        if len(self._seen) > seen:
            raise ResolutionTooComplex("the listing is deeper than the limit")
        return self._found, True

    def _level(self) -> None:
        level, self._waiting = self._waiting, {}
        for lookup, ids in level.items():
            self._read(lookup, ids)

    def _read(self, lookup: Lookup, ids: list[str]) -> None:
        rows = self._store.held(lookup.user_type, lookup.user_relation, ids, lookup.relations)
        for user_id, (object_type, object_id, relation, condition, context) in rows:
            produced = lookup.produces.get((object_type, relation))
            if produced is None:
                continue
            kind = lookup.user_relation or ("*" if user_id == "*" else "")
            accepted = self._model.types[object_type][relation].accepts.get(
                (lookup.user_type, kind)
            )
            if accepted is None or condition not in accepted:
                continue  # written under an older model
            verdict = self._judge(condition, context) if condition else True
            if verdict is True:
                for name in produced:
                    self._hold((object_type, object_id, name))
            elif isinstance(verdict, CheckError):
                self.error = verdict

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
