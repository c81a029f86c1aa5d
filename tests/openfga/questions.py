"""What both engines are asked, and the kinds of answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from authz.model.schema import Schema
from authz.model.subject import RelationTuple


@dataclass(frozen=True)
class Tree:
    """An expansion, as a JSON text in which every set is in order."""

    text: str


Answer: TypeAlias = bool | frozenset[str] | Tree | str
"""Of a check, of a listing, of an expansion; a text is the code of an error."""


@dataclass(frozen=True)
class Check:
    """Does the user hold the relation on the object?"""

    user: str
    relation: str
    object: str
    context: Mapping[str, Any] | None = None
    contextual: tuple[RelationTuple, ...] = ()


@dataclass(frozen=True)
class ListObjects:
    """Which objects of a type does the user hold?"""

    user: str
    relation: str
    type: str
    context: Mapping[str, Any] | None = None
    contextual: tuple[RelationTuple, ...] = ()


@dataclass(frozen=True)
class ListUsers:
    """Which users of a type, or holders of a relation (`group#member`), hold it on the object?"""

    object: str
    relation: str
    kind: str
    context: Mapping[str, Any] | None = None
    contextual: tuple[RelationTuple, ...] = ()


@dataclass(frozen=True)
class Expand:
    """Where do the holders of the relation on the object come from? Conditions do not matter."""

    object: str
    relation: str
    contextual: tuple[RelationTuple, ...] = ()
    context: None = None


Question: TypeAlias = Check | ListObjects | ListUsers | Expand


@dataclass(frozen=True)
class Case:
    """A model, what is stored under it, and what is asked, perhaps under a newer model."""

    schema: Schema
    tuples: tuple[RelationTuple, ...]
    questions: tuple[Question, ...]
    newer: Schema | None = None

    @property
    def asked_under(self) -> Schema:
        """The model of the questions; tuples that it does not admit do not count."""
        return self.newer or self.schema


class World(Protocol):
    """One store with one model, of either engine."""

    def write(self, tuples: Sequence[RelationTuple]) -> str:
        """Store the tuples together; return the code of the refusal, or an empty text."""
        ...

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer each question by its own."""
        ...
