"""The semantic rules of a model, as OpenFGA enforces them when one is written.

Problem kinds are those of OpenFGA's own validator where it has one (`missing-definition`,
`relation-no-entry-point`, …).
"""

import re
from collections.abc import Iterator
from typing import TypeAlias

from authz.errors import ModelError, Problem
from authz.model.entry_points import computed_cycle, loops, reachable
from authz.model.schema import (
    Computed,
    Direct,
    Exclusion,
    Intersection,
    Position,
    RelationDef,
    Restriction,
    Rewrite,
    Schema,
    TupleToUserset,
    TypeDef,
    Union,
    leaves,
    operands,
)

_TYPE_NAME = re.compile(r"[^:#@*\s\x00-\x1f\x7f\ud800-\udfff]{1,254}")
_RELATION_NAME = re.compile(r"[^:#@*\s\x00-\x1f\x7f\ud800-\udfff]{1,50}")
_CONDITION_NAME = re.compile(r"[^:#@*\s\x00-\x1f\x7f\ud800-\udfff]{1,256}")
_RESERVED = frozenset({"self", "this"})

Problems: TypeAlias = Iterator[Problem]


def validate(schema: Schema, *, unused_conditions: bool = False, repetitions: bool = False) -> None:
    """Raise ModelError with every problem found; see `problems`."""
    if found := problems(schema, unused_conditions=unused_conditions, repetitions=repetitions):
        raise ModelError(found)


def problems(
    schema: Schema, *, unused_conditions: bool = False, repetitions: bool = False
) -> tuple[Problem, ...]:
    """Return every problem of a schema. CEL is checked by the compiled model.

    A condition that no relation uses is refused unless `unused_conditions`, and a part that
    stands there twice unless `repetitions`: the DSL tools of OpenFGA refuse both, its server
    neither.
    """
    rules = _Rules(schema)
    if found := tuple(rules.names()):
        return found
    unused = () if unused_conditions else tuple(rules.unused())
    # Each stage needs what the one before assured.
    if found := tuple(rules.references()):
        return found + unused
    repeated = () if repetitions else tuple(rules.repetitions())
    if found := (*rules.types_twice(), *repeated):
        return found + unused
    return tuple(rules.entries()) + unused


class _Rules:
    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._types = {type_def.name: type_def for type_def in schema.types}
        self._relations: dict[tuple[str, str], RelationDef] = {
            (type_def.name, relation.name): relation
            for type_def in schema.types
            for relation in type_def.relations
        }
        self._conditions = {condition.name for condition in schema.conditions}

    def names(self) -> Problems:
        for type_def in self._schema.types:
            at, source = type_def.at, type_def.source
            if type_def.name in _RESERVED:
                message = "a type cannot be named 'self' or 'this'"
                yield _problem("reserved-type-keywords", message, at, source)
            if not _TYPE_NAME.fullmatch(type_def.name):
                yield _problem("invalid-name", "this is no name for a type", at, source)
            yield from self._relation_names(type_def)
        seen: set[str] = set()
        for condition in self._schema.conditions:
            at, source = condition.at, condition.source
            if condition.name in seen:
                message = f"the condition '{condition.name}' is defined twice"
                yield _problem("duplicated-error", message, at, source)
            if not _CONDITION_NAME.fullmatch(condition.name):
                yield _problem("invalid-name", "this is no name for a condition", at, source)
            seen.add(condition.name)

    def _relation_names(self, type_def: TypeDef) -> Problems:
        seen: set[str] = set()
        for relation in type_def.relations:
            source = type_def.source_of(relation)
            if relation.name in _RESERVED:
                message = "a relation cannot be named 'self' or 'this'"
                yield _problem("reserved-relation-keywords", message, relation.at, source)
            if not _RELATION_NAME.fullmatch(relation.name):
                message = "this is no name for a relation"
                yield _problem("invalid-name", message, relation.at, source)
            if relation.name in seen:
                message = f"the relation '{relation.name}' is defined twice"
                yield _problem("duplicated-error", message, relation.at, source)
            seen.add(relation.name)

    def references(self) -> Problems:
        for type_def in self._schema.types:
            for relation in type_def.relations:
                for problem in self._references_of(type_def, relation):
                    problem.source = type_def.source_of(relation)
                    yield problem

    def _references_of(self, type_def: TypeDef, relation: RelationDef) -> Problems:
        parts = leaves(relation.rewrite)
        direct = any(isinstance(leaf, Direct) for leaf in parts)
        if direct and not relation.restrictions:
            message = f"the relation '{relation.name}' takes tuples but names no types"
            yield _problem("assignable-relation-must-have-type", message, relation.at)
        if not direct and relation.restrictions:
            message = f"the relation '{relation.name}' names types but takes no tuples"
            yield _problem("non-assignable-relation", message, relation.at)
        for restriction in relation.restrictions:
            yield from self._restriction(restriction, relation)
        for leaf in parts:
            if isinstance(leaf, Computed):
                yield from self._computed(type_def.name, leaf)
            elif isinstance(leaf, TupleToUserset):
                yield from self._from(type_def.name, leaf, relation)

    def _restriction(self, restriction: Restriction, relation: RelationDef) -> Problems:
        at = restriction.at if restriction.at[0] >= 0 else relation.at
        if restriction.type not in self._types:
            yield _problem("invalid-type", f"'{restriction.type}' is not a valid type", at)
        elif restriction.relation and (
            (restriction.type, restriction.relation) not in self._relations
        ):
            message = f"'{restriction.relation}' is not a valid relation for '{restriction.type}'"
            yield _problem("invalid-relation-type", message, at)
        if restriction.condition and restriction.condition not in self._conditions:
            message = f"the condition '{restriction.condition}' is not defined"
            yield _problem("condition-not-defined", message, at)

    def _computed(self, type_name: str, leaf: Computed) -> Problems:
        if (type_name, leaf.relation) not in self._relations:
            message = f"the relation '{leaf.relation}' does not exist"
            yield _problem("missing-definition", message, leaf.at)

    def _from(self, type_name: str, leaf: TupleToUserset, relation: RelationDef) -> Problems:
        tupleset = self._relations.get((type_name, leaf.tupleset))
        shown = f"{leaf.computed} from {leaf.tupleset}"
        if tupleset is None:
            message = f"'{shown}': the relation '{leaf.tupleset}' does not exist on '{type_name}'"
            yield _problem("invalid-relation-type", message, leaf.at)
        elif not isinstance(tupleset.rewrite, Direct) or any(
            r.relation or r.wildcard for r in tupleset.restrictions
        ):
            message = f"'{leaf.tupleset}' is used after 'from' and so may hold only plain objects"
            yield _problem("tupleuserset-not-direct", message, leaf.at)
        elif not any((r.type, leaf.computed) in self._relations for r in tupleset.restrictions):
            message = f"'{shown}': no type of '{leaf.tupleset}' has the relation '{leaf.computed}'"
            yield _problem("invalid-relation-on-tupleset", message, leaf.at)

    def types_twice(self) -> Problems:
        seen: set[str] = set()
        for type_def in self._schema.types:
            if type_def.name in seen:
                message = f"the type '{type_def.name}' is defined twice"
                yield _problem("duplicated-error", message, type_def.at, type_def.source)
            seen.add(type_def.name)

    def repetitions(self) -> Problems:
        for type_def in self._schema.types:
            for relation in type_def.relations:
                source = type_def.source_of(relation)
                seen: set[str] = set()
                for restriction in relation.restrictions:
                    if str(restriction) in seen:
                        message = f"the type restriction '{restriction}' is there twice"
                        at = restriction.at if restriction.at[0] >= 0 else relation.at
                        yield _problem("duplicated-error", message, at, source)
                    seen.add(str(restriction))
                for part in _repeated(relation.rewrite):
                    message = f"the part '{part}' is there twice in '{relation.name}'"
                    yield _problem("duplicated-error", message, relation.at, source)

    def entries(self) -> Problems:
        entered = reachable(self._relations)
        for type_def in self._schema.types:
            for relation in type_def.relations:
                key = (type_def.name, relation.name)
                if key not in entered:
                    why = "potential loop" if loops(key, self._relations) else "no entrypoint"
                    message = (
                        f"'{relation.name}' is an impossible relation for '{type_def.name}' ({why})"
                    )
                    source = type_def.source_of(relation)
                    yield _problem("relation-no-entry-point", message, relation.at, source)
                elif named := _names_itself(relation):
                    message = (
                        f"'{relation.name}' is an impossible relation for '{type_def.name}': "
                        "it names itself"
                    )
                    at, source = named.at, type_def.source_of(relation)
                    yield _problem("relation-cycle", message, at, source)
        circle = computed_cycle(self._relations)
        if circle is not None and circle in entered and not _names_itself(self._relations[circle]):
            type_def, relation = self._types[circle[0]], self._relations[circle]
            message = f"'{circle[1]}' of '{circle[0]}' is defined through itself"
            source = type_def.source_of(relation)
            yield _problem("relation-cycle", message, relation.at, source)

    def unused(self) -> Problems:
        used = {r.condition for d in self._relations.values() for r in d.restrictions}
        for condition in self._schema.conditions:
            if condition.name not in used:
                message = f"the condition '{condition.name}' is not used in the model"
                yield _problem("condition-not-used", message, condition.at, condition.source)


def _names_itself(relation: RelationDef) -> Computed | None:
    """Return where a relation is defined through itself: OpenFGA's server refuses it."""
    for leaf in leaves(relation.rewrite):
        if isinstance(leaf, Computed) and leaf.relation == relation.name:
            return leaf
    return None


def _repeated(rewrite: Rewrite) -> Iterator[str]:
    """Name the parts that stand twice side by side at the top of a definition."""
    if not isinstance(rewrite, Union | Intersection | Exclusion):
        return
    seen: set[str] = set()
    for part in operands(rewrite):
        if isinstance(part, Computed | TupleToUserset):
            name = (
                part.relation
                if isinstance(part, Computed)
                else f"{part.computed} from {part.tupleset}"
            )
            if name in seen:
                yield name
            seen.add(name)


def _problem(kind: str, message: str, at: Position, source: str = "") -> Problem:
    return Problem(kind, message, at[0], at[1], source)
