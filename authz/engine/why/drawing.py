"""The tree of an explanation: of what holds one proof, of what does not every branch that failed.

Whatever is true or false was found in some round, and is drawn from what was known before that
round: a proof never leans on itself. The tree is bounded in steps and depth.
"""

from collections.abc import Callable, Iterable

from authz.engine.limits import MAX_EXPLAINED_DEPTH, MAX_EXPLAINED_STEPS
from authz.engine.query import State
from authz.engine.why.evidence import Edge, Evidence, Known
from authz.engine.why.explained import Kind, Step
from authz.errors import CheckError
from authz.model.schema import (
    Computed,
    Direct,
    Exclusion,
    Intersection,
    Rewrite,
    TupleToUserset,
    Union,
)


class Drawing:
    """Draws one tree; `cut` says afterwards whether something was left out."""

    def __init__(self, evidence: Evidence) -> None:
        self.cut = False
        self.depth = 0
        self._evidence = evidence
        self._left = MAX_EXPLAINED_STEPS
        self._path: set[State] = set()
        self._drawn: set[State] = set()

    def tree(self) -> Step:
        """Draw the relation that was asked for."""
        return self._state(self._evidence.root)

    def _state(self, state: State) -> Step:
        evidence = self._evidence
        what = f"{state[0]}:{state[1]}#{state[2]}"
        held, _ = evidence.truth(state)
        self._left -= 1
        if evidence.is_user(state):
            return Step(Kind.ITSELF, True, what)
        if not evidence.reachable(state):
            return Step(Kind.NO_WAY, False, what)
        if state in self._path:
            return Step(Kind.CYCLE, None, what)
        if state in self._drawn:
            return Step(Kind.AGAIN, held, what)
        if not evidence.was_read(state):
            return Step(Kind.LIMIT, None, what)
        if self._left < 0:
            self.cut = True
            return Step(Kind.CUT, held, what)
        self._path.add(state)
        self.depth += 1
        branch = _Branch(self, state)
        rewrite = evidence.relation(state).rewrite
        steps = branch.proof(rewrite) if held else branch.failure(rewrite)
        self.depth -= 1
        self._path.discard(state)
        self._drawn.add(state)
        return Step(Kind.RELATION, held, what, steps=tuple(steps))

    def edge(self, edge: Edge, *, held: bool | None, through: bool) -> Step:
        """Draw a stored tuple, and what it leads to if its condition lets it."""
        self._left -= 1
        what, verdict = str(edge.used), edge.verdict
        kind = Kind.FROM if through else Kind.USERSET
        kind = Kind.TUPLE if edge.lead is None else kind
        if verdict is not True:
            note = str(verdict) if isinstance(verdict, CheckError) else ""
            return Step(kind, False if verdict is False else None, what, edge.used, note)
        steps = () if edge.lead is None else (self._state(edge.lead),)
        return Step(kind, held, what, edge.used, steps=steps)

    def computed(self, state: State) -> Step:
        """Draw another relation of the same object."""
        return self._state(state)

    def full(self) -> bool:
        """Whether no more steps are drawn; the tree is then cut."""
        self.cut = self.cut or self._left <= 0
        return self._left <= 0


class _Branch:
    """Draws the parts of one relation's definition."""

    def __init__(self, drawing: Drawing, state: State) -> None:
        self._drawing = drawing
        self._evidence = drawing._evidence  # noqa: SLF001 - two halves of one drawing
        self._state = state
        self._before = self._evidence.settled(state)

    def proof(self, rewrite: Rewrite) -> list[Step]:
        """Draw why a part that is true is true."""
        return self._deeper(self._proof, rewrite)

    def failure(self, rewrite: Rewrite) -> list[Step]:
        """Draw every branch of a part that is false, or of which nobody can say."""
        return self._deeper(self._failure, rewrite)

    def _deeper(self, draw: Callable[[Rewrite], list[Step]], rewrite: Rewrite) -> list[Step]:
        drawing = self._drawing
        if drawing.depth >= MAX_EXPLAINED_DEPTH:
            drawing.cut = True
            kind, object_id, name = self._state
            return [Step(Kind.CUT, self._known(rewrite)[0], f"{kind}:{object_id}#{name}")]
        drawing.depth += 1
        steps = draw(rewrite)
        drawing.depth -= 1
        return steps

    def _proof(self, rewrite: Rewrite) -> list[Step]:
        state = self._state
        if isinstance(rewrite, Union):
            cheapest = min(rewrite.children, key=lambda child: _price(self._known(child)))
            return self.proof(cheapest)
        if isinstance(rewrite, Intersection):
            steps = [step for child in rewrite.children for step in self.proof(child)]
            return [Step(Kind.AND, True, "", steps=tuple(steps))]
        if isinstance(rewrite, Exclusion):
            taken = Step(Kind.TAKEN, False, "", steps=tuple(self.failure(rewrite.subtract)))
            return [Step(Kind.BUT_NOT, True, "", steps=(*self.proof(rewrite.base), taken))]
        if isinstance(rewrite, Computed):
            return [self._drawing.computed((state[0], state[1], rewrite.relation))]
        edges = self._edges(rewrite)
        best = min(edges, key=lambda edge: _price(self._evidence.edge(edge, self._before)))
        return [self._drawing.edge(best, held=True, through=isinstance(rewrite, TupleToUserset))]

    def _failure(self, rewrite: Rewrite) -> list[Step]:
        state = self._state
        if isinstance(rewrite, Union):
            return [step for child in rewrite.children for step in self.failure(child)]
        if isinstance(rewrite, Intersection):
            return [self._failed_intersection(rewrite)]
        if isinstance(rewrite, Exclusion):
            return self._failed_exclusion(rewrite)
        if isinstance(rewrite, Computed):
            if self._drawing.full():
                return []
            return [self._drawing.computed((state[0], state[1], rewrite.relation))]
        return self._failed_tuples(rewrite)

    def _failed_intersection(self, rewrite: Intersection) -> Step:
        held, _ = self._known(rewrite)
        failed = [child for child in rewrite.children if self._known(child)[0] is held]
        steps = [step for child in failed for step in self.failure(child)]
        return Step(Kind.AND, held, "", steps=tuple(steps))

    def _failed_exclusion(self, rewrite: Exclusion) -> list[Step]:
        held, _ = self._known(rewrite.base)
        taken, _ = self._known(rewrite.subtract)
        if held is False:
            return self.failure(rewrite.base)
        base = self.proof(rewrite.base) if held else self.failure(rewrite.base)
        subtract = self.proof(rewrite.subtract) if taken else self.failure(rewrite.subtract)
        less = Step(Kind.TAKEN, taken, "", steps=tuple(subtract))
        return [Step(Kind.BUT_NOT, False if taken else None, "", steps=(*base, less))]

    def _failed_tuples(self, rewrite: Direct | TupleToUserset) -> list[Step]:
        through = isinstance(rewrite, TupleToUserset)
        edges = self._edges(rewrite)
        if not edges:
            kind, object_id, name = self._state
            name = rewrite.tupleset if isinstance(rewrite, TupleToUserset) else name
            return [Step(Kind.NO_TUPLE, False, f"{kind}:{object_id}#{name}")]
        steps = []
        for edge in edges:
            if self._drawing.full():
                break
            held, _ = self._evidence.edge(edge, self._before)
            steps.append(self._drawing.edge(edge, held=held, through=through))
        return steps

    def _known(self, rewrite: Rewrite) -> Known:
        return self._evidence.value(self._state, rewrite, self._before)

    def _edges(self, rewrite: Direct | TupleToUserset) -> Iterable[Edge]:
        if isinstance(rewrite, Direct):
            return self._evidence.direct(self._state)
        return self._evidence.parents(self._state, rewrite)


def _price(known: Known) -> tuple[bool, int]:
    """Sort what is true first, and the fewest tuples before more."""
    return (known[0] is not True, known[1])
