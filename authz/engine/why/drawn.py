"""An explanation as text: a verdict, and a tree in plain characters."""

from collections.abc import Iterator

from authz.engine.why.explained import Explanation, Kind, Step, Used
from authz.model.subject import RelationTuple


def as_text(explained: Explanation) -> str:
    """Return the whole explanation, one step a line; nothing in it moves a cursor."""
    lines = [verdict(explained), *_lines(explained.tree, "", "")]
    if explained.nearest is not None:
        lines.append(f"it would be yes with {tuple_text(explained.nearest)}")
    if explained.cut:
        lines.append("this is not the whole: a limit was reached")
    return "\n".join(printable(line) for line in lines)


def verdict(explained: Explanation) -> str:
    """Return the answer in one sentence."""
    query = explained.query
    asked = f"{query.user} {query.relation} {query.object}"
    if explained.allowed:
        return f"yes: {asked}"
    if explained.error is not None:
        return f"no, by an error: {asked}: {explained.error}"
    return f"no: {asked}"


def sentence(step: Step) -> str:
    """Return one step in words."""
    what = step.what
    match step.kind:
        case Kind.RELATION:
            return f"{what}: {_HOLDS[step.holds]}"
        case Kind.TUPLE:
            return f"tuple {what}{_condition(step)}"
        case Kind.USERSET:
            return f"through {what}{_condition(step)}"
        case Kind.FROM:
            return f"from {what}{_condition(step)}"
        case Kind.AND:
            return "all of these" if step.holds else "not all of these"
        case Kind.BUT_NOT:
            return f"one less another: {_HOLDS[step.holds]}"
        case Kind.TAKEN:
            return f"taken away: {_HOLDS[step.holds]}"
        case Kind.ITSELF:
            return f"{what}: is the user itself"
        case Kind.NO_TUPLE:
            return f"{what}: no tuple that could count"
        case Kind.NO_WAY:
            return f"{what}: never for a user of this kind"
        case Kind.CYCLE:
            return f"{what}: a cycle"
        case Kind.LIMIT:
            return f"{what}: not read, a limit was reached"
        case Kind.AGAIN:
            return f"{what}: {_HOLDS[step.holds]}, as above"
        case Kind.CUT:
            return f"{what}: {_HOLDS[step.holds]}, not drawn"


def tuple_text(given: RelationTuple | Used) -> str:
    """Return a tuple as people write it, with the condition that it needs."""
    text = f"{given.object}#{given.relation}@{given.user}"
    return f"{text} with {given.condition}" if given.condition else text


def printable(text: str) -> str:
    """Return text without characters that could move a cursor or turn the line around."""
    return "".join(char if char.isprintable() else "?" for char in text)


_HOLDS = {True: "yes", False: "no", None: "not settled"}


def _condition(step: Step) -> str:
    used = step.used
    if used is None or not used.condition:
        return ""
    values = ", ".join(f"{name}={value!r}" for name, value in (used.context or {}).items())
    told = f" with {used.condition}({values})"
    if step.note:
        return f"{told}: {step.note}"
    return f"{told}: false" if step.holds is False and not step.steps else told


def _lines(step: Step, first: str, rest: str) -> Iterator[str]:
    yield f"{first}{sentence(step)}"
    for position, below in enumerate(step.steps, 1):
        last = position == len(step.steps)
        yield from _lines(
            below, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  ")
        )
