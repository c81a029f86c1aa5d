"""An explanation as a value: a verdict, the tree that carries it, and what would change it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from authz.engine.conditions import Context
from authz.engine.query import Query
from authz.errors import CheckError
from authz.model.subject import RelationTuple


class Kind(StrEnum):
    """What a step of the tree is: a closed list, stable in the JSON form."""

    RELATION = "relation"
    """Whether the user holds a relation of an object; the steps under it say why."""
    TUPLE = "tuple"
    """A stored tuple that names the user, or everyone of the user's type."""
    USERSET = "userset"
    """A stored tuple that names the holders of another relation."""
    FROM = "from"
    """A stored tuple that names an object whose relation is inherited."""
    AND = "and"
    BUT_NOT = "but_not"
    """The base, then as `taken` the part that is taken away."""
    TAKEN = "taken"
    ITSELF = "itself"
    """The user is the holders of this very relation."""
    NO_TUPLE = "no_tuple"
    NO_WAY = "no_way"
    """The model gives the relation to no user of this kind, whatever tuples there are."""
    CYCLE = "cycle"
    LIMIT = "limit"
    """Not read: deeper or wider than the limits of a check, or of an explanation."""
    AGAIN = "again"
    """Explained further up."""
    CUT = "cut"
    """Not drawn: the explanation is long enough."""


@dataclass(frozen=True, slots=True)
class Used:
    """A stored tuple; `context` is what its condition saw: the tuple's values and the request's."""

    user: str
    relation: str
    object: str
    condition: str = ""
    context: Context | None = None

    def __str__(self) -> str:
        return f"{self.object}#{self.relation}@{self.user}"

    def to_json(self) -> dict[str, Any]:
        """Return the tuple as the OpenFGA API names its parts."""
        body: dict[str, Any] = {"user": self.user, "relation": self.relation, "object": self.object}
        if self.condition:
            body["condition"] = {"name": self.condition, "context": dict(self.context or {})}
        return body


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `holds` is None where nobody can say: a cycle, an error, a limit."""

    kind: Kind
    holds: bool | None
    what: str
    used: Used | None = None
    note: str = ""
    steps: "tuple[Step, ...]" = ()

    def walk(self) -> "Iterator[Step]":
        """Return this step and every one under it, from the top."""
        yield self
        for step in self.steps:
            yield from step.walk()

    def to_json(self) -> dict[str, Any]:
        """Return the step with stable names; what is empty is left out."""
        body: dict[str, Any] = {"kind": self.kind.value, "holds": self.holds, "what": self.what}
        if self.used is not None:
            body["tuple"] = self.used.to_json()
        if self.note:
            body["note"] = self.note
        if self.steps:
            body["steps"] = [step.to_json() for step in self.steps]
        return body


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer of a check, and why.

    `error` is what the check raised; it is a denial. `tree` is a proof where `allowed`, else the
    branches that failed. `nearest` is a tuple that would turn the answer into yes: checked, and
    None if none was found within the bounds. `cut` says that the tree is not the whole.
    """

    query: Query
    allowed: bool
    error: CheckError | None
    tree: Step
    nearest: RelationTuple | None
    cut: bool

    def carriers(self) -> tuple[Used, ...]:
        """Return the tuples that a yes rests on, each once, in the order of the tree."""
        found = (s.used for s in self.tree.walk() if s.used is not None and s.holds is True)
        return tuple({str(used): used for used in found}.values())

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form; `verdict` is `allowed`, `denied` or `error` (a denial, too)."""
        query, error, near = self.query, self.error, self.nearest
        used = None
        if near is not None:
            used = Used(near.user, near.relation, near.object, near.condition)
        return {
            "user": query.user,
            "relation": query.relation,
            "object": query.object,
            "verdict": "allowed" if self.allowed else "denied" if error is None else "error",
            "error": None if error is None else {"code": error.code, "message": str(error)},
            "tree": self.tree.to_json(),
            "nearest": None if used is None else used.to_json(),
            "cut": self.cut,
        }
