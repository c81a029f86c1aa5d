"""What both engines are asked, and the three kinds of answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from authz.model.schema import Schema
from authz.model.subject import RelationTuple

Answer: TypeAlias = bool | frozenset[str] | str
"""Of a check, of a listing; a text is the code of an error."""


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


Question: TypeAlias = Check | ListObjects


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
