"""Expand: one relation of one object as a tree of where its holders come from, one level deep.

The shape is that of OpenFGA's `tree`, in its JSON. Conditions are not evaluated; tuples that the
model no longer admits, with their context, are left out. Everything that is a set is in the order
of its texts.
"""

from collections.abc import Iterable
from typing import Any

from authz.engine.limits import MAX_CANDIDATES
from authz.engine.query import State, load_context
from authz.errors import CheckError, RelationNotFound, ResolutionTooComplex, TypeNotFound
from authz.model.compiled import Model, Relation
from authz.model.schema import (
    Computed,
    Direct,
    Exclusion,
    Intersection,
    Rewrite,
    TupleToUserset,
)
from authz.model.subject import WILDCARD, Subject, parse_object, parse_relation
from authz.stores.protocol import EdgeRow, TupleReader, Wanted


def expand(model: Model, store: TupleReader, object: str, relation: str) -> dict[str, Any]:
    """Return the `tree` of one relation: `{"root": …}`.

    Raises CheckError (2000, as OpenFGA, also for a type or relation that the model does not
    define) and ResolutionTooComplex where there are more users than a listing considers.
    """
    object_type, object_id = parse_object(object)
    try:
        target = model.relation(object_type, parse_relation(relation))
    except (TypeNotFound, RelationNotFound) as error:
        raise CheckError(str(error)) from error
    tree = _Tree(model, store, (object_type, object_id, relation))
    return {"root": tree.node(target.rewrite)}


class _Tree:
    def __init__(self, model: Model, store: TupleReader, root: State) -> None:
        self._relations = model.types[root[0]]
        self._conditions = model.conditions
        self._store = store
        self._root = root
        self._users: dict[str, list[Subject]] = {}
        self._left = MAX_CANDIDATES

    def node(self, rewrite: Rewrite) -> dict[str, Any]:
        """Return the node of one part of the relation; every part bears the relation's name."""
        name = self._name(self._root[2])
        if isinstance(rewrite, Direct):
            users = sorted(map(str, self._named(self._root[2])))
            return {"name": name, "leaf": {"users": {"users": users}}}
        if isinstance(rewrite, Computed):
            userset = {"userset": self._name(rewrite.relation)}
            return {"name": name, "leaf": {"computed": userset}}
        if isinstance(rewrite, TupleToUserset):
            return {"name": name, "leaf": {"tupleToUserset": self._through(rewrite)}}
        if isinstance(rewrite, Exclusion):
            parts = {"base": self.node(rewrite.base), "subtract": self.node(rewrite.subtract)}
            return {"name": name, "difference": parts}
        operator = "intersection" if isinstance(rewrite, Intersection) else "union"
        return {"name": name, operator: {"nodes": [self.node(c) for c in rewrite.children]}}

    def _name(self, relation: str) -> str:
        return f"{self._root[0]}:{self._root[1]}#{relation}"

    def _through(self, rewrite: TupleToUserset) -> dict[str, Any]:
        objects = self._named(rewrite.tupleset)
        computed = sorted(f"{one.type}:{one.id}#{rewrite.computed}" for one in objects)
        return {
            "tupleset": self._name(rewrite.tupleset),
            "computed": [{"userset": userset} for userset in computed],
        }

    def _named(self, name: str) -> list[Subject]:
        """Return whom the tuples of one relation name, read once."""
        known = self._users.get(name)
        if known is None:
            relation = self._relations[name]
            known = self._users[name] = [
                Subject(kind, user_id, userset)
                for _, _, kind, user_id, userset, condition, context in self._rows(relation)
                if condition
                in relation.accepts.get(
                    (kind, userset or (WILDCARD if user_id == WILDCARD else "")), ()
                )
                and (not context or self._fits(condition, context))
            ]
        return known

    def _fits(self, condition: str, context: str) -> bool:
        """Whether what was stored with a tuple has the types of the condition as it is now."""
        try:
            self._conditions[condition].check_context(load_context(context))
        except CheckError:
            return False
        return True

    def _rows(self, relation: Relation) -> Iterable[EdgeRow]:
        object_type, object_id, _ = self._root
        rows: list[EdgeRow] = []
        for kind in sorted(
            {kind for kind, userset in relation.accepts if userset in {"", WILDCARD}}
        ):
            rows += self._store.holders(
                object_type, [object_id], [relation.name], kind, "", self._left + 1
            )
            self._spend(rows)
        if any(userset not in {"", WILDCARD} for _, userset in relation.accepts):
            wanted = Wanted(object_type, (), (relation.name,), ())
            rows += self._store.related(wanted, [object_id], Subject(object_type, object_id))
            self._spend(rows)
        self._left -= len(rows)
        return rows

    def _spend(self, rows: list[EdgeRow]) -> None:
        if len(rows) > self._left:
            raise ResolutionTooComplex("the relation has more users than an expansion returns")
