"""The truth of a relation over gathered facts: union, intersection, exclusion, cycles, errors.

Values are OpenFGA's: a cycle is false, but a false that came from a cycle makes an enclosing
`but not` false on either side; an error is masked by a true part of a union and by a false part
of an intersection. A state that is not read yet is unknown, so that an answer may be found
before everything is read.

Evaluation is depth first with an explicit stack (a chain of usersets must not be a chain of
Python frames). A false that rests on a state still being evaluated is kept provisionally, and
becomes final with the head of its cycle. That is right as long as more truth below only means
more truth above. A cycle through the right side of a `but not` is different: there the answer
depends on where the cycle was entered, so nothing of it is kept and each way is followed, up to
a limit.
"""

from collections.abc import Generator, Iterable
from typing import Final, NamedTuple, TypeAlias

from authz.engine.facts import NOTHING, Facts, Found
from authz.engine.limits import MAX_EVALUATIONS
from authz.engine.query import State
from authz.errors import CheckError, ResolutionTooComplex
from authz.model.compiled import Model, Relation
from authz.model.reach import UserKey
from authz.model.schema import (
    Computed,
    Direct,
    Exclusion,
    Intersection,
    Rewrite,
    TupleToUserset,
    Union,
)
from authz.model.subject import Subject

_FREE: Final = 1 << 60
"""No state in progress was relied upon."""

_TRUE, _FALSE, _CYCLE, _ERROR, _UNKNOWN = range(5)
"""In a union of which no part is true, the larger wins."""


class Value(NamedTuple):
    """A truth value; `rests_on` is the lowest stack position of a state it was cut at."""

    kind: int
    rests_on: int = _FREE
    error: CheckError | None = None
    keeps: bool = True
    """The same wherever the cycle that it lies on was entered."""

    @property
    def known(self) -> bool:
        return self.kind != _UNKNOWN

    @property
    def verdict(self) -> bool | CheckError:
        return self.error or self.kind == _TRUE


TRUE = Value(_TRUE)
FALSE = Value(_FALSE)
UNKNOWN = Value(_UNKNOWN)

Steps: TypeAlias = Generator[State, Value, Value]
"""Asks for the values of other states, and returns one."""


class Formula:
    """Evaluates states over one set of facts; what is settled stays settled as facts grow."""

    def __init__(self, model: Model, facts: Facts, user: Subject) -> None:
        self._model = model
        self._facts = facts
        self._user_key: UserKey = (user.type, user.relation)
        self._user_state: State | None = (
            (user.type, user.id, user.relation) if user.relation else None
        )
        self._settled: dict[State, Value] = {}
        """True and plainly false: whatever the way that led there, and whatever is read later."""
        self._unknown: set[State] = set()
        """Not settled by what has been read so far."""
        self._rooted: dict[State, Value] = {}
        """Cycles and errors: good for the question at hand, which another may meet otherwise."""
        self._provisional: dict[State, Value] = {}
        self._progress: dict[State, int] = {}
        self._unread = UNKNOWN
        self._steps = 0

    def unread_is(self, error: CheckError) -> None:
        """From now on a state that was not read is this error: the limit is reached."""
        self._unread = Value(_ERROR, error=error)

    def next_round(self) -> None:
        """Forget what was unknown: more has been read."""
        self._unknown.clear()

    def value(self, root: State) -> Value:
        """Evaluate a state with the facts read so far."""
        self._rooted.clear()
        self._steps = 0
        answer = self._known(root)
        if answer is not None:
            return answer
        stack = [(root, self._state(root), len(self._provisional))]
        self._progress[root] = 0
        while True:
            state, steps, mark = stack[-1]
            try:
                child = next(steps) if answer is None else steps.send(answer)
            except StopIteration as stop:
                result: Value = stop.value
                stack.pop()
                answer = self._finish(state, result, len(stack), mark)
                if not stack:
                    return answer
                continue
            answer = self._known(child)
            if answer is None:
                self._steps += 1
                if self._steps > MAX_EVALUATIONS:
                    self._forget()
                    raise ResolutionTooComplex("the check has too many ways to follow")
                self._progress[child] = len(stack)
                stack.append((child, self._state(child), len(self._provisional)))

    def _known(self, state: State) -> Value | None:
        for values in (self._settled, self._rooted, self._provisional):
            if (found := values.get(state)) is not None:
                return found
        if state in self._unknown:
            return UNKNOWN
        if state in self._progress:
            return Value(_CYCLE, self._progress[state])
        if state == self._user_state:
            return TRUE
        if self._user_key not in self._relation(state).reach:
            return FALSE
        return None if state in self._facts.read else self._unread

    def _finish(self, state: State, value: Value, position: int, mark: int) -> Value:
        """Record a state's value, and settle the cycle that it heads."""
        del self._progress[state]
        if value.rests_on < position:
            if value.keeps:
                self._provisional[state] = value
            return value
        if len(self._provisional) > mark:
            self._settle_cycle(value, position, mark)
        final = value._replace(rests_on=_FREE) if value.rests_on != _FREE else value
        if value.keeps:
            self._record(state, final)
        return final

    def _settle_cycle(self, head: Value, position: int, mark: int) -> None:
        for other in list(self._provisional)[mark:]:
            kept = self._provisional[other]
            if head.kind <= _FALSE or not head.keeps:
                # Was so perhaps only because the head was not done yet: it is asked again.
                del self._provisional[other]
            elif kept.rests_on >= position:
                del self._provisional[other]
                self._record(other, kept._replace(rests_on=_FREE))

    def _record(self, state: State, value: Value) -> None:
        if value.kind <= _FALSE:
            self._settled[state] = value
        elif value.kind == _UNKNOWN:
            self._unknown.add(state)
        else:
            self._rooted[state] = value

    def _forget(self) -> None:
        self._progress.clear()
        self._provisional.clear()

    def _relation(self, state: State) -> Relation:
        return self._model.types[state[0]][state[2]]

    def _state(self, state: State) -> Steps:
        return self._rewrite(state, self._relation(state).rewrite)

    def _rewrite(self, state: State, rewrite: Rewrite) -> Steps:
        if isinstance(rewrite, Union):
            return (yield from self._union(state, rewrite.children))
        if isinstance(rewrite, Computed):
            return (yield (state[0], state[1], rewrite.relation))
        if isinstance(rewrite, Direct):
            return (yield from self._direct(state))
        if isinstance(rewrite, TupleToUserset):
            return (yield from self._parents(state, rewrite))
        if isinstance(rewrite, Exclusion):
            return (yield from self._exclusion(state, rewrite))
        return (yield from self._intersection(state, rewrite))

    def _direct(self, state: State) -> Steps:
        found = self._facts.direct.get(state, NOTHING)
        if found.holds:
            return TRUE
        return (yield from self._any(found, found.leads))

    def _parents(self, state: State, rewrite: TupleToUserset) -> Steps:
        found = self._facts.parents.get((state[0], state[1], rewrite.tupleset), NOTHING)
        computed = rewrite.computed
        types = self._model.types
        leads = [(kind, i, computed) for kind, i, _ in found.leads if computed in types[kind]]
        return (yield from self._any(found, leads))

    def _any(self, found: Found, leads: Iterable[State]) -> Steps:
        result = FALSE if found.error is None else Value(_ERROR, error=found.error)
        for lead in leads:
            value = yield lead
            if value.kind == _TRUE:
                return TRUE
            if value is not FALSE:
                result = _join(result, value)
        return result

    def _union(self, state: State, children: tuple[Rewrite, ...]) -> Steps:
        result = FALSE
        for child in children:
            value = yield from self._rewrite(state, child)
            if value.kind == _TRUE:
                return TRUE
            if value is not FALSE:
                result = _join(result, value)
        return result

    def _intersection(self, state: State, rewrite: Intersection) -> Steps:
        values = []
        for child in rewrite.children:
            value = yield from self._rewrite(state, child)
            if value.kind == _FALSE:
                return FALSE
            values.append(value)
        return _all(values)

    def _exclusion(self, state: State, rewrite: Exclusion) -> Steps:
        held = yield from self._rewrite(state, rewrite.base)
        if held.kind == _FALSE:
            return FALSE
        taken = yield from self._rewrite(state, rewrite.subtract)
        if taken.kind == _TRUE:
            return FALSE
        if taken.kind == _FALSE:
            return held
        keeps = taken.keeps and taken.rests_on == _FREE
        return _all([held, taken._replace(keeps=keeps)])


def _join(one: Value, other: Value) -> Value:
    """Join two parts of a union, neither of them true."""
    kept = other if other.kind > one.kind else one
    rests_on = min(one.rests_on, other.rests_on)
    keeps = one.keeps and other.keeps
    if (kept.rests_on, kept.keeps) == (rests_on, keeps):
        return kept
    return Value(kept.kind, rests_on, kept.error, keeps)


def _all(values: list[Value]) -> Value:
    """Join the parts of an intersection, none of them plainly false.

    What is unknown may yet turn out plainly false; a cycle is false and masks an error.
    """
    rests_on = min(value.rests_on for value in values)
    keeps = all(value.keeps for value in values)
    for kind in (_UNKNOWN, _CYCLE, _ERROR):
        for value in values:
            if value.kind == kind:
                return Value(kind, rests_on, value.error, keeps)
    return TRUE
