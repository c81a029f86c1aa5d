"""An explanation of the graph as the console's page shows it."""

from typing import Final, Literal

from authz.engine.why.explained import Kind, Step
from authz.relations import Explanation
from server.web.views.why import WhyAnswer, WhyStep

_HOLDS: Final[dict[bool | None, Literal["yes", "no", "open"]]] = {
    True: "yes",
    False: "no",
    None: "open",
}
_WORDS: Final = {
    Kind.RELATION: "Relation",
    Kind.TUPLE: "Named by the tuple",
    Kind.USERSET: "Through the holders in the tuple",
    Kind.FROM: "Inherited by the tuple",
    Kind.AND: "All of these are needed",
    Kind.BUT_NOT: "One thing, but not another",
    Kind.TAKEN: "Taken away",
    Kind.ITSELF: "This is the user itself",
    Kind.NO_TUPLE: "No tuple that could count for",
    Kind.NO_WAY: "The model never gives this to such a user",
    Kind.CYCLE: "Leads back to",
    Kind.LIMIT: "Not read, a limit was reached",
    Kind.AGAIN: "As above",
    Kind.CUT: "Not drawn, this is long enough",
}
_TELLING: Final = frozenset({Kind.RELATION, Kind.BUT_NOT, Kind.AND, Kind.AGAIN})


def answer_of(found: Explanation) -> WhyAnswer:
    """Return the answer to show."""
    near = found.nearest
    return WhyAnswer(
        allowed=found.allowed,
        error="" if found.error is None else str(found.error),
        steps=_chain(found.tree),
        nearest="" if near is None else f"{near.object}#{near.relation}@{near.user}",
        nearest_condition="" if near is None else near.condition,
        cut=found.cut,
    )


def _chain(step: Step) -> tuple[WhyStep, ...]:
    """Return a step and what follows from it one by one, until it branches."""
    chain = []
    while len(step.steps) == 1:
        chain.append(_shown(step, ()))
        step = step.steps[0]
    return (*chain, _shown(step, tuple(_chain(below) for below in step.steps)))


def _shown(step: Step, branches: tuple[tuple[WhyStep, ...], ...]) -> WhyStep:
    used = step.used
    condition = "" if used is None else used.condition
    values = {} if used is None else (used.context or {})
    note = step.note
    if condition and step.holds is False and not step.steps:
        note = "The condition does not hold."
    untaken = step.kind is Kind.TAKEN and step.holds is False
    return WhyStep(
        words="Not taken away" if untaken else _WORDS[step.kind],
        holds=_HOLDS[step.holds],
        what=step.what,
        tells=step.kind in _TELLING,
        condition=condition,
        saw=tuple((name, str(value)) for name, value in values.items()),
        note=note,
        branches=branches,
    )
