"""Everything below one relation of one object, for one kind of user: read downwards, by levels.

What stands on the right of a `but not` takes away, and gives again on the right of a second one.
Whoever is named only where it takes away holds nothing that everyone of the type does not hold,
so such names are no candidates; but their tuples are read, since they decide.
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from authz.engine.conditions import Context
from authz.engine.limits import MAX_CANDIDATES, MAX_DEPTH
from authz.engine.plans import MAX_PLANS, usersets_worth
from authz.engine.query import State, condition_judge
from authz.errors import CheckError, ResolutionTooComplex
from authz.model.compiled import Model
from authz.model.reach import UserKey
from authz.model.schema import (
    Computed,
    Direct,
    Exclusion,
    Rewrite,
    TupleToUserset,
    operands,
)
from authz.model.subject import WILDCARD, Subject, TupleKey
from authz.stores.protocol import EdgeRow, NewTuple, TupleReader, Wanted

Sided: TypeAlias = tuple[str, bool]
"""A relation, and whether who holds it gains by that."""


class Step:
    """What one level reads of the objects of a type, and where it leads. Kept with the model."""

    __slots__ = ("closure", "gaining", "named", "tuplesets", "usersets", "wanted")

    def __init__(
        self, model: Model, type_name: str, asked: frozenset[Sided], kind: UserKey
    ) -> None:
        relations = model.types[type_name]
        named: set[str] = set()
        gaining: set[str] = set()
        self.closure: set[Sided] = set()
        """Relations of the same object that count, the asked ones too."""
        self.usersets: dict[str, dict[UserKey, set[bool]]] = {}
        self.tuplesets: dict[str, dict[str, set[Sided]]] = {}
        waiting = [sided for sided in asked if kind in relations[sided[0]].reach]
        while waiting:
            name, gains = waiting.pop()
            if (name, gains) in self.closure:
                continue
            self.closure.add((name, gains))
            relation = relations[name]
            for leaf, side in _sided(relation.rewrite, gains=gains):
                if isinstance(leaf, Computed):
                    if kind in relations[leaf.relation].reach:
                        waiting.append((leaf.relation, side))
                elif isinstance(leaf, TupleToUserset):
                    self._through(model, type_name, leaf, kind, gains=side)
                else:
                    if not kind[1] and {kind, (kind[0], WILDCARD)} & relation.accepts.keys():
                        named.add(name)
                        if side:
                            gaining.add(name)
                    for followed in usersets_worth(model, relation, kind):
                        self.usersets.setdefault(name, {}).setdefault(followed, set()).add(side)
        self.named = frozenset(named)
        """Relations that users of the kind may hold by a tuple of their own."""
        self.gaining = frozenset(gaining)
        """Those of `named` by which a user is a candidate."""
        self.wanted = Wanted(
            type_name,
            tuple(sorted(named)),
            tuple(sorted(self.usersets)),
            tuple(sorted(self.tuplesets)),
        )

    def _through(
        self, model: Model, type_name: str, leaf: TupleToUserset, kind: UserKey, *, gains: bool
    ) -> None:
        for restriction in model.types[type_name][leaf.tupleset].restrictions:
            target = model.types[restriction.type].get(leaf.computed)
            if target is not None and kind in target.reach:
                targets = self.tuplesets.setdefault(leaf.tupleset, {})
                targets.setdefault(restriction.type, set()).add((leaf.computed, gains))


class Descent:
    """One search downwards. What it found stands in its attributes."""

    def __init__(
        self, model: Model, store: TupleReader, root: State, kind: UserKey, context: Context | None
    ) -> None:
        self._model = model
        self._store = store
        self._kind = kind
        self._judge = condition_judge(model, context)
        self._everyone = Subject(kind[0], WILDCARD)
        self._seen: set[tuple[str, str, Sided]] = set()
        self._pending: dict[tuple[str, str], set[Sided]] = {}
        self._named: dict[tuple[str, str], set[str]] = {}
        self.gaining: set[State] = set()
        """Object relations whose tuples make their plain users candidates."""
        self.usersets: set[str] = set()
        """Ids of the objects whose holders (of the kind's relation) are candidates."""
        self.tuples: list[NewTuple] = []
        """Usersets, parents, and everyone: all that a check below the root needs but names."""
        self.error: CheckError | None = None
        """A condition on a way that gives could not be evaluated: candidates may be missing."""
        self._ask(root[0], root[1], ((root[2], True),))

    @property
    def size(self) -> int:
        """How many object relations were visited."""
        return len(self._seen)

    def run(self) -> bool:
        """Read everything; false if that was more than the limit and the rest was left out.

        Raises ResolutionTooComplex where it is deeper than a check goes.
        """
        for _ in range(MAX_DEPTH):
            groups: dict[tuple[str, frozenset[Sided]], list[str]] = {}
            for (kind, object_id), asked in self._pending.items():
                groups.setdefault((kind, frozenset(asked)), []).append(object_id)
            self._pending = {}
            for (kind, names), ids in groups.items():
                self._read(kind, _step(self._model, kind, names, self._kind), ids)
            if not self._pending:
                return True
            if len(self._seen) > MAX_CANDIDATES:
                return False
        raise ResolutionTooComplex("the listing is deeper than the limit")

    def named(self) -> Iterator[tuple[str, list[str], list[str]]]:
        """Return where plain users may be named: types, ids and relations to read together."""
        groups: dict[tuple[str, frozenset[str]], list[str]] = {}
        for (kind, object_id), relations in self._named.items():
            groups.setdefault((kind, frozenset(relations)), []).append(object_id)
        for (kind, names), ids in groups.items():
            yield kind, ids, sorted(names)

    def _read(self, kind: str, step: Step, ids: list[str]) -> None:
        for object_id in ids:
            if step.named:
                self._named.setdefault((kind, object_id), set()).update(step.named)
            self.gaining.update((kind, object_id, name) for name in step.gaining)
        if kind == self._kind[0] and (self._kind[1], True) in step.closure:
            self.usersets.update(ids)
        for row in self._store.related(step.wanted, ids, self._everyone):
            self._follow(kind, step, row)

    def _follow(self, kind: str, step: Step, row: EdgeRow) -> None:
        object_id, name, user_type, user_id, userset, condition, context = row
        relation = self._model.types[kind][name]
        accepted = relation.accepts.get((user_type, userset or (WILDCARD * (user_id == WILDCARD))))
        if accepted is None or condition not in accepted:
            return  # written under an older model
        key = TupleKey(kind, object_id, name, user_type, user_id, userset)
        self.tuples.append(NewTuple(key, condition, context))
        if userset:
            sides = step.usersets.get(name, {}).get((user_type, userset), ())
            leads: Iterable[Sided] = [(userset, side) for side in sides]
        else:
            leads = step.tuplesets.get(name, {}).get(user_type, ())
        if not leads:
            return
        verdict = self._judge(condition, context) if condition else True
        if verdict is True:
            self._ask(user_type, user_id, leads)
        elif verdict is not False and any(gains for _, gains in leads):
            self.error = verdict

    def _ask(self, kind: str, object_id: str, leads: Iterable[Sided]) -> None:
        for sided in leads:
            state = (kind, object_id, sided)
            if state not in self._seen:
                self._seen.add(state)
                self._pending.setdefault((kind, object_id), set()).add(sided)


def _sided(
    rewrite: Rewrite, *, gains: bool
) -> Iterator[tuple[Direct | Computed | TupleToUserset, bool]]:
    if isinstance(rewrite, Exclusion):
        yield from _sided(rewrite.base, gains=gains)
        yield from _sided(rewrite.subtract, gains=not gains)
    elif isinstance(rewrite, Direct | Computed | TupleToUserset):
        yield rewrite, gains
    else:
        for part in operands(rewrite):
            yield from _sided(part, gains=gains)


def _step(model: Model, type_name: str, asked: frozenset[Sided], kind: UserKey) -> Step:
    key = ("descent", type_name, asked, kind)
    step: Step | None = model.plans.get(key)
    if step is None:
        if len(model.plans) >= MAX_PLANS:
            model.plans.clear()
        step = model.plans[key] = Step(model, type_name, asked, kind)
    return step
