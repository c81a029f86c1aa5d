"""An immutable model, ready to be asked. Built once for a model id, shared by every thread."""

import re
from collections.abc import Mapping
from typing import Any

from authz.engine.conditions import CompiledCondition
from authz.errors import ModelError, Problem, RelationNotFound, TypeNotFound
from authz.model.json_form import to_json
from authz.model.json_reader import from_json
from authz.model.parser import parse
from authz.model.printer import to_dsl
from authz.model.reach import UserKey, impure_relations, user_keys
from authz.model.schema import (
    ConditionDef,
    RelationDef,
    Rewrite,
    Schema,
    TupleToUserset,
    leaves,
)
from authz.model.subject import shown
from authz.model.validation import problems

_CEL_PLACE = re.compile(r"<input>:(\d+):(\d+): ([^\n]*)")


class Relation:
    """One relation of a type, with what a stored tuple must look like to count."""

    __slots__ = ("accepts", "name", "pure", "reach", "restrictions", "rewrite", "type")

    def __init__(
        self, type_name: str, definition: RelationDef, reach: frozenset[UserKey], *, pure: bool
    ) -> None:
        self.type = type_name
        self.name = definition.name
        self.rewrite: Rewrite = definition.rewrite
        self.restrictions = definition.restrictions
        self.reach = reach
        """Kinds of users that could hold the relation at all."""
        self.pure = pure
        """Neither `and` nor `but not` is involved, however far one follows."""
        self.accepts = _accepts(definition)
        """Condition names by kind of user: `(type, "")`, `(type, "*")`, `(type, relation)`."""


class Model:
    """A validated model. Construction raises ModelError with every problem found."""

    def __init__(
        self, schema: Schema, *, unused_conditions: bool = False, repetitions: bool = False
    ) -> None:
        self.schema = schema
        self.conditions, faults = _compile_conditions(schema)
        found = problems(schema, unused_conditions=unused_conditions, repetitions=repetitions)
        if found + faults:
            raise ModelError(found + faults)
        definitions = {
            (type_def.name, relation.name): relation
            for type_def in schema.types
            for relation in type_def.relations
        }
        reach = user_keys(definitions)
        impure = impure_relations(definitions)
        self.types: Mapping[str, Mapping[str, Relation]] = {
            type_def.name: {
                relation.name: Relation(
                    type_def.name,
                    relation,
                    reach[type_def.name, relation.name],
                    pure=(type_def.name, relation.name) not in impure,
                )
                for relation in type_def.relations
            }
            for type_def in schema.types
        }
        self.tuplesets = frozenset(
            (type_def.name, leaf.tupleset)
            for type_def in schema.types
            for relation in type_def.relations
            for leaf in leaves(relation.rewrite)
            if isinstance(leaf, TupleToUserset)
        )
        self.plans: dict[Any, Any] = {}
        """Where the engine keeps its plans for this model (`engine.plans`)."""

    @classmethod
    def from_dsl(cls, text: str, *, source: str = "") -> "Model":
        """Compile a DSL text. Raises ModelError, with lines and columns."""
        return cls(parse(text, source=source))

    @classmethod
    def from_json(cls, body: object) -> "Model":
        """Compile the JSON form of the OpenFGA API. Raises ModelError."""
        return cls(from_json(body), unused_conditions=True, repetitions=True)

    def to_dsl(self) -> str:
        """Return the model in the DSL. Raises ModelError for what only JSON can express."""
        return to_dsl(self.schema)

    def to_json(self) -> dict[str, Any]:
        """Return the model as the OpenFGA API writes it."""
        return to_json(self.schema)

    def relation(self, type_name: str, name: str) -> Relation:
        """Return a relation. Raises TypeNotFound (2021) or RelationNotFound (2022)."""
        relations = self.types.get(type_name)
        if relations is None:
            raise TypeNotFound(f"type {shown(type_name)} not found")
        found = relations.get(name)
        if found is None:
            raise RelationNotFound(f"relation {shown(f'{type_name}#{name}')} not found")
        return found


def _accepts(definition: RelationDef) -> dict[UserKey, frozenset[str]]:
    """Admit, for each kind of user, the conditions of its own restrictions; "" is none.

    `[user, user:* with c]` admits no `user:anne with c`: what was written for everyone would
    otherwise hold for one.
    """
    found: dict[UserKey, set[str]] = {}
    for restriction in definition.restrictions:
        kind = (restriction.type, "*" if restriction.wildcard else restriction.relation)
        found.setdefault(kind, set()).add(restriction.condition)
    return {kind: frozenset(conditions) for kind, conditions in found.items()}


def _compile_conditions(
    schema: Schema,
) -> tuple[dict[str, CompiledCondition], tuple[Problem, ...]]:
    compiled: dict[str, CompiledCondition] = {}
    faults: list[Problem] = []
    for condition in schema.conditions:
        try:
            compiled[condition.name] = CompiledCondition(condition)
        except ValueError as error:
            faults.append(_fault(condition, str(error)))
    return compiled, tuple(faults)


def _fault(condition: ConditionDef, told: str) -> Problem:
    """Say where in the model's text CEL stopped; its own lines and columns are the expression's."""
    line, column = condition.body_at
    if found := _CEL_PLACE.search(told):
        row, place, told = int(found[1]), int(found[2]), found[3]
        if line >= 0:
            line, column = line + row - 1, (column if row == 1 else 0) + place - 1
    message = f"the condition '{condition.name}' is not valid CEL: {told}"
    return Problem("invalid-condition", message, line, column, condition.source)
