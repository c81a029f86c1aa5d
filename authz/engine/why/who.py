"""Who reaches an object by a relation, and through what: an audit from the object's side."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from authz.engine.check import check
from authz.engine.conditions import Context
from authz.engine.limits import (
    MAX_EXPLAINED_TUPLES,
    MAX_REACHING,
    MAX_REACHING_READS,
    MAX_REACHING_TRIED,
    MAX_REACHING_TUPLES,
)
from authz.engine.query import Query, State, check_context
from authz.engine.why.explain import explain
from authz.engine.why.explained import Explanation
from authz.engine.why.reading import Counted
from authz.errors import CheckError
from authz.model.compiled import Model
from authz.model.schema import Computed, Direct, signed_leaves
from authz.model.subject import parse_object, parse_relation
from authz.stores.protocol import Filter, StoredTuple, TupleStore


@dataclass(frozen=True, slots=True)
class Reach:
    """Users, and wildcards as `user:*`, each with one proof; the nearest to the object first.

    `unclear` are users of whom a check cannot say, such as behind a condition that lacks a
    parameter: they are denied. `truncated` says that there are, or may be, more.
    """

    object: str
    relation: str
    users: tuple[Explanation, ...]
    unclear: tuple[tuple[str, CheckError], ...]
    truncated: bool

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, with stable names."""
        return {
            "object": self.object,
            "relation": self.relation,
            "users": [
                {"user": found.query.user, "proof": found.tree.to_json(), "cut": found.cut}
                for found in self.users
            ],
            "unclear": [
                {"user": user, "error": {"code": error.code, "message": str(error)}}
                for user, error in self.unclear
            ],
            "truncated": self.truncated,
        }


def reach(
    model: Model,
    store: TupleStore,
    object: str,
    relation: str,
    *,
    context: Context | None = None,
    limit: int = MAX_REACHING,
) -> Reach:
    """Find who holds a relation. Raises CheckError, TypeNotFound or RelationNotFound.

    Everybody of a wildcard is one entry, although `but not` may take some of them away.
    """
    check_context(context)
    object_type, object_id = parse_object(object)
    model.relation(object_type, parse_relation(relation))
    limit = max(0, min(limit, MAX_REACHING))
    search = _Search(model, store)
    counted = Counted(store)
    users: list[Explanation] = []
    unclear: list[tuple[str, CheckError]] = []
    for tried, user in enumerate(search.run((object_type, object_id, relation))):
        full = len(users) + len(unclear) == limit or tried == MAX_REACHING_TRIED
        if full or counted.count > MAX_REACHING_TUPLES:
            return Reach(object, relation, tuple(users), tuple(unclear), truncated=True)
        query = Query(user, relation, object, context)
        try:
            if check(model, counted, query):
                users.append(explain(model, counted, query))
        except CheckError as error:
            unclear.append((user, error))
    return Reach(object, relation, tuple(users), tuple(unclear), truncated=search.cut)


class _Search:
    """Everybody who could hold a relation: only a check says who does."""

    def __init__(self, model: Model, store: TupleStore) -> None:
        self._model = model
        self._store = store
        self._read: dict[State, list[StoredTuple]] = {}
        self._rows = 0
        self.cut = False

    def run(self, root: State) -> Iterator[str]:
        """Name users, each once, breadth first from the object.

        What is taken away is followed too: in what is taken away from that, a user gains.
        """
        start = (root, True)
        waiting, seen, named = deque([start]), {start}, set[str]()
        while waiting:
            for found, gains in self._follow(waiting.popleft()):
                if isinstance(found, str):
                    if gains and found not in named:
                        named.add(found)
                        yield found
                elif (found, gains) not in seen:
                    seen.add((found, gains))
                    waiting.append((found, gains))

    def _follow(self, at: tuple[State, bool]) -> Iterator[tuple[str | State, bool]]:
        state, gains = at
        kind, object_id, name = state
        for leaf, sign in signed_leaves(self._model.types[kind][name].rewrite, gains=gains):
            if isinstance(leaf, Computed):
                yield (kind, object_id, leaf.relation), sign
            elif isinstance(leaf, Direct):
                for key, *_ in self._tuples(state):
                    if not key.user_relation:
                        yield key.user, sign
                    else:
                        yield (key.user_type, key.user_id, key.user_relation), sign
            else:
                for key, *_ in self._tuples((kind, object_id, leaf.tupleset)):
                    defined = leaf.computed in self._model.types[key.user_type]
                    if defined and not key.user_relation:
                        yield (key.user_type, key.user_id, leaf.computed), sign

    def _tuples(self, state: State) -> list[StoredTuple]:
        if state not in self._read:
            left = MAX_EXPLAINED_TUPLES - self._rows
            if left <= 0 or len(self._read) >= MAX_REACHING_READS:
                self.cut = True
                return []
            found = self._store.read(Filter(*state), left + 1)
            self.cut = self.cut or len(found) > left
            self._rows += len(found)
            self._read[state] = [stored for stored in found[:left] if self._counts(state, stored)]
        return self._read[state]

    def _counts(self, state: State, stored: StoredTuple) -> bool:
        """Whether the model admits the tuple: it may have been written under an older one."""
        key = stored.key
        kind = (key.user_type, key.user_relation or ("*" if key.user_id == "*" else ""))
        relation = self._model.types[state[0]][state[2]]
        return stored.condition in relation.accepts.get(kind, ())
