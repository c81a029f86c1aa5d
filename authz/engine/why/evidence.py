"""What is known of every relation that a question touches, from the tuples that were read.

A relation is true, false, or neither. Both truths are found in rounds from what is already known
(Kleene's three values), so each rests on relations that were known a round earlier and a proof
can never stand on itself. What no round reaches lies on a cycle, behind a condition that cannot
be evaluated, or was not read: exactly what a check does not allow.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from authz.engine.conditions import Context
from authz.engine.facts import Facts
from authz.engine.limits import MAX_DEPTH, MAX_EXPLAINED_TUPLES
from authz.engine.query import Question, State, Verdict, condition_judge, load_context
from authz.engine.why.explained import Used
from authz.engine.why.reading import Recorded
from authz.errors import ResolutionTooComplex
from authz.model.compiled import Model, Relation
from authz.model.schema import (
    Computed,
    Direct,
    Exclusion,
    Intersection,
    Rewrite,
    TupleToUserset,
    leaves,
)
from authz.model.subject import Subject
from authz.stores.protocol import EdgeRow, TupleReader

_NEVER = 1 << 30
"""Later than every round; also the largest cost that is told apart."""

Known = tuple[bool | None, int]
"""A truth, and how many tuples carry it."""

_TRUE: Known = (True, 0)
_FALSE: Known = (False, 0)
_OPEN: Known = (None, _NEVER)


@dataclass(frozen=True, slots=True)
class Edge:
    """A stored tuple that could count; without a `lead` it names the user."""

    used: Used
    verdict: Verdict
    lead: State | None


class Evidence:
    """The three-valued truth of one question's relations. Reads as a check does, level by level."""

    def __init__(self, model: Model, store: TupleReader, question: Question) -> None:
        self.model = model
        self.user = question.user
        self.root = question.state
        self.short = False
        """Something was not read: a limit was reached."""
        self._context = question.context
        self._user_key = question.user_key
        self._user_state: State | None = (
            (self.user.type, self.user.id, self.user.relation) if self.user.relation else None
        )
        self._judge = condition_judge(model, question.context)
        self._read = Recorded(store)
        self._facts = Facts(model, self._read, self.user, question.context)
        self._edges: dict[tuple[State, str, str], tuple[Edge, ...]] = {}
        self._known: dict[State, Known] = {}
        self._round: dict[State, int] = {}
        self._rounds = 0
        self._above: dict[State, set[State]] = {}
        self._gather()

    def relation(self, state: State) -> Relation:
        """Return the definition of a state's relation."""
        return self.model.types[state[0]][state[2]]

    def is_user(self, state: State) -> bool:
        """Whether the user of the question is the holders of this very relation."""
        return state == self._user_state

    def reachable(self, state: State) -> bool:
        """Whether the model gives the relation to users of this kind at all."""
        return self._user_key in self.relation(state).reach

    def was_read(self, state: State) -> bool:
        """Whether the tuples of a state are known."""
        return state in self._facts.read

    def settled(self, state: State) -> int:
        """Return the round in which a state's truth was found; a later one than all if never."""
        return self._round.get(state, _NEVER)

    def truth(self, state: State, before: int = _NEVER) -> Known:
        """Return what was known of a state before a round."""
        if self.is_user(state):
            return _TRUE
        if not self.reachable(state):
            return _FALSE
        if self._round.get(state, _NEVER) >= before:
            return _OPEN
        return self._known[state]

    def value(self, state: State, rewrite: Rewrite, before: int = _NEVER) -> Known:
        """Return the truth of a part of a state's definition."""
        if isinstance(rewrite, Direct):
            return _any(self.edge(e, before) for e in self.direct(state))
        if isinstance(rewrite, TupleToUserset):
            return _any(self.edge(e, before) for e in self.parents(state, rewrite))
        if isinstance(rewrite, Computed):
            return self.truth((state[0], state[1], rewrite.relation), before)
        if isinstance(rewrite, Exclusion):
            held = self.value(state, rewrite.base, before)
            taken = self.value(state, rewrite.subtract, before)
            return _all((held, (None if taken[0] is None else not taken[0], taken[1])))
        parts = [self.value(state, child, before) for child in rewrite.children]
        return _all(parts) if isinstance(rewrite, Intersection) else _any(parts)

    def edge(self, edge: Edge, before: int = _NEVER) -> Known:
        """Return whether a tuple gives the user the relation it stands for."""
        if edge.verdict is not True:
            return _FALSE if edge.verdict is False else _OPEN
        if edge.lead is None:
            return (True, 1)
        held, cost = self.truth(edge.lead, before)
        return (held, min(cost + 1, _NEVER)) if held else (held, cost)

    def direct(self, state: State) -> tuple[Edge, ...]:
        """Return the tuples of a relation that name the user, or a userset worth following."""
        key = (state, "", "")
        if key not in self._edges:
            relation, user = self.relation(state), self.user
            found = []
            for row in self._accepted(state, relation):
                _, _, kind, holder, userset, _, _ = row
                if (kind, userset) == (user.type, user.relation) and (
                    holder == user.id or (holder == "*" and not userset)
                ):
                    found.append(self._edge(state, row, None))
                elif userset and self._follows(kind, userset):
                    found.append(self._edge(state, row, (kind, holder, userset)))
            self._edges[key] = tuple(found)
        return self._edges[key]

    def parents(self, state: State, rewrite: TupleToUserset) -> tuple[Edge, ...]:
        """Return the tuples that name the objects of `… from tupleset`."""
        key = (state, rewrite.tupleset, rewrite.computed)
        if key not in self._edges:
            tupleset = (state[0], state[1], rewrite.tupleset)
            self._edges[key] = tuple(
                self._edge(tupleset, row, (row[2], row[3], rewrite.computed))
                for row in self._accepted(tupleset, self.relation(tupleset))
                if not row[4] and self._follows(row[2], rewrite.computed)
            )
        return self._edges[key]

    def stored(self, state: State, user: Subject) -> bool:
        """Whether a tuple of this key was read, whatever it says."""
        key = (user.type, user.id, user.relation)
        return any(row[2:5] == key for row in self._read.rows.get(state, ()))

    def _gather(self) -> None:
        facts = self._facts
        if self.reachable(self.root):
            facts.ask((self.root,))
        for _ in range(MAX_DEPTH):
            if facts.complete:
                break
            try:
                named = facts.level()
            except ResolutionTooComplex:
                self.short = True
                break
            if named:
                self._settle()
                if self.root in self._known:
                    return
            if self._read.count > MAX_EXPLAINED_TUPLES:
                break
        self.short = self.short or not facts.complete
        self._settle()

    def _settle(self) -> None:
        """Find every truth that follows from what was read, in rounds."""
        agenda = {state for state in self._facts.read if state not in self._known}
        while agenda:
            self._rounds += 1
            found: dict[State, Known] = {}
            for state in agenda:
                for child in self._children(state):
                    self._above.setdefault(child, set()).add(state)
                known = self.value(state, self.relation(state).rewrite)
                if known[0] is not None:
                    found[state] = known
            self._known |= found
            self._round |= dict.fromkeys(found, self._rounds)
            agenda = {
                above
                for state in found
                for above in self._above.get(state, ())
                if above not in self._known
            }

    def _children(self, state: State) -> Iterable[State]:
        for leaf, edges in self.branches(state):
            if isinstance(leaf, Computed):
                yield (state[0], state[1], leaf.relation)
            for edge in edges:
                if edge.lead is not None:
                    yield edge.lead

    def branches(
        self, state: State
    ) -> list[tuple[Direct | Computed | TupleToUserset, tuple[Edge, ...]]]:
        """Return the leaves of a state's definition, each with its tuples."""
        found: list[tuple[Direct | Computed | TupleToUserset, tuple[Edge, ...]]] = []
        for leaf in leaves(self.relation(state).rewrite):
            edges: tuple[Edge, ...] = ()
            if isinstance(leaf, Direct):
                edges = self.direct(state)
            elif isinstance(leaf, TupleToUserset):
                edges = self.parents(state, leaf)
            found.append((leaf, edges))
        return found

    def _accepted(self, state: State, relation: Relation) -> Iterable[EdgeRow]:
        for row in self._read.rows.get(state, ()):
            kind = (row[2], row[4] or ("*" if row[3] == "*" else ""))
            if row[5] in relation.accepts.get(kind, ()):
                yield row

    def _follows(self, kind: str, relation: str) -> bool:
        target = self.model.types[kind].get(relation)
        return target is not None and self._user_key in target.reach

    def _edge(self, state: State, row: EdgeRow, lead: State | None) -> Edge:
        _, _, kind, holder, userset, condition, stored = row
        user = str(Subject(kind, holder, userset))
        seen = self._seen(condition, stored) if condition else None
        used = Used(user, state[2], f"{state[0]}:{state[1]}", condition, seen)
        return Edge(used, self._judge(condition, stored) if condition else True, lead)

    def _seen(self, condition: str, stored: str) -> Context:
        values = {**(self._context or {}), **(load_context(stored) if stored else {})}
        needed = self.model.conditions[condition].parameters
        return {name: values[name] for name in sorted(needed) if name in values}


def _any(parts: Iterable[Known]) -> Known:
    """Return the cheapest true part; false if all are false."""
    best, total, is_open = _NEVER, 0, False
    found = False
    for held, cost in parts:
        if held:
            found, best = True, min(best, cost)
        is_open = is_open or held is None
        total = min(total + cost, _NEVER)
    if found:
        return (True, best)
    return _OPEN if is_open else (False, total)


def _all(parts: Iterable[Known]) -> Known:
    """Return the cheapest false part; true if all are true."""
    held, cost = _any((None if h is None else not h, c) for h, c in parts)
    return (None if held is None else not held, cost)
