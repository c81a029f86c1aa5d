"""`admin/why`: why the graph answers as it does, for administrators."""

from dataclasses import dataclass
from typing import Literal

from server.web.views.frame import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyStep:
    """One step of the reason. `what` is a tuple or a relation of an object, as the graph writes it.

    A step with a single reason is followed by it in the same list, so that a chain of tuples is
    not a staircase; `branches` are there where there are several.
    """

    words: str
    holds: Literal["yes", "no", "open"]
    what: str = ""
    tells: bool = False
    """Whether the answer is shown beside it."""
    condition: str = ""
    saw: tuple[tuple[str, str], ...] = ()
    """The values that the condition saw."""
    note: str = ""
    branches: "tuple[tuple[WhyStep, ...], ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyAnswer:
    """The verdict, the steps that carry it, and the tuple that would turn a no into a yes."""

    allowed: bool
    error: str
    steps: tuple[WhyStep, ...]
    nearest: str = ""
    nearest_condition: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminWhyPage:
    """`admin/why`: asked by GET with `user`, `relation` and `object`, echoed. `action`: own path.

    `problem`: why nothing could be asked. `answer` is None until something was.
    """

    frame: Frame
    action: str
    user: str = ""
    relation: str = ""
    object: str = ""
    problem: str | None = None
    answer: WhyAnswer | None = None
