"""A model read backwards from one relation: from what a user holds to what follows from it.

Of an intersection only the first part is followed, of an exclusion only the base: whoever holds
the whole holds that, so no candidate is missed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from authz.engine.plans import MAX_PLANS
from authz.model.compiled import Model
from authz.model.schema import (
    Computed,
    Direct,
    Exclusion,
    Intersection,
    Rewrite,
    TupleToUserset,
    Union,
)

Key = tuple[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """One search by user: tuples of some relations, and which relations they give."""

    user_type: str
    user_relation: str
    types: tuple[str, ...]
    relations: tuple[str, ...]
    """Relations of objects of `types` from which more may follow."""
    last: tuple[str, ...]
    """Relations of the target's type by which the target is held, and nothing else follows."""
    produces: Mapping[Key, frozenset[str]]
    """By object type and relation of the tuple: the relations that the user then holds."""


class Reverse:
    """What can lead to one relation. Kept with the model."""

    def __init__(self, model: Model, target: Key) -> None:
        self.target = target
        self._up: dict[Key, set[str]] = {}
        """Relations of the same object that are computed from one."""
        self._direct: dict[Key, dict[Key, set[str]]] = {}
        """By kind of user: tuples that name it, and what they give."""
        self._through: dict[Key, dict[Key, set[str]]] = {}
        """By relation held on an object: tuplesets that name the object, and what they give."""
        self._collect(model)
        self._implied: dict[Key, frozenset[str]] = {}
        self._by_user = {key: self._lookup(key, given) for key, given in self._direct.items()}
        self._by_relation = {
            key: self._lookup((key[0], ""), given) for key, given in self._through.items()
        }

    def of_user(self, user_type: str, user_relation: str) -> Lookup | None:
        """Return the search that starts at the user of the query."""
        return self._by_user.get((user_type, user_relation))

    def lookups(self, object_type: str, relation: str) -> Iterator[Lookup]:
        """Return the searches that follow from holding a relation of an object."""
        for found in (
            self._by_user.get((object_type, relation)),
            self._by_relation.get((object_type, relation)),
        ):
            if found is not None:
                yield found

    def implied(self, object_type: str, relation: str) -> frozenset[str]:
        """Return the relations of the object that follow from one, itself too."""
        key = (object_type, relation)
        known = self._implied.get(key)
        if known is None:
            found: set[str] = set()
            waiting = [relation]
            while waiting:
                name = waiting.pop()
                if name not in found:
                    found.add(name)
                    waiting += self._up.get((object_type, name), ())
            known = self._implied[key] = frozenset(found)
        return known

    def _lookup(self, user: Key, given: Mapping[Key, set[str]]) -> Lookup:
        last = {key for key, names in given.items() if self._ends(key[0], names)}
        onward = given.keys() - last
        return Lookup(
            user[0],
            user[1],
            tuple(sorted({kind for kind, _ in onward})),
            tuple(sorted({relation for _, relation in onward})),
            tuple(sorted(relation for _, relation in last)),
            {key: frozenset(names) for key, names in given.items()},
        )

    def _ends(self, object_type: str, names: set[str]) -> bool:
        """Whether objects that give some relations are found and lead nowhere else."""
        if object_type != self.target[0]:
            return False
        reached = {(object_type, i) for name in names for i in self.implied(object_type, name)}
        return not reached & (self._direct.keys() | self._through.keys())

    def _collect(self, model: Model) -> None:
        seen: set[Key] = set()
        waiting = [self.target]
        while waiting:
            key = waiting.pop()
            if key in seen:
                continue
            seen.add(key)
            for leaf in _candidates(model.types[key[0]][key[1]].rewrite):
                waiting += self._leaf(model, key, leaf)

    def _leaf(
        self, model: Model, key: Key, leaf: Direct | Computed | TupleToUserset
    ) -> Iterator[Key]:
        type_name, name = key
        relations = model.types[type_name]
        if isinstance(leaf, Computed):
            self._up.setdefault((type_name, leaf.relation), set()).add(name)
            yield (type_name, leaf.relation)
        elif isinstance(leaf, Direct):
            for restriction in relations[name].restrictions:
                kind = (restriction.type, restriction.relation)
                self._direct.setdefault(kind, {}).setdefault(key, set()).add(name)
                if restriction.relation:
                    yield kind
        else:
            for restriction in relations[leaf.tupleset].restrictions:
                if leaf.computed in model.types[restriction.type]:
                    held = (restriction.type, leaf.computed)
                    given = self._through.setdefault(held, {})
                    given.setdefault((type_name, leaf.tupleset), set()).add(name)
                    yield held


def reverse_for(model: Model, type_name: str, relation: str) -> Reverse:
    """Return the backward view of one relation, made the first time."""
    key = ("reverse", type_name, relation)
    found: Reverse | None = model.plans.get(key)
    if found is None:
        if len(model.plans) >= MAX_PLANS:
            model.plans.clear()
        found = model.plans[key] = Reverse(model, (type_name, relation))
    return found


def _candidates(rewrite: Rewrite) -> Iterator[Direct | Computed | TupleToUserset]:
    if isinstance(rewrite, Union):
        for child in rewrite.children:
            yield from _candidates(child)
    elif isinstance(rewrite, Intersection):
        yield from _candidates(rewrite.children[0])
    elif isinstance(rewrite, Exclusion):
        yield from _candidates(rewrite.base)
    else:
        yield rewrite
