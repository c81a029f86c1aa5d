"""A model back in the DSL, laid out as OpenFGA's transformer does."""

from typing import TypeAlias

from authz.errors import ModelError, Problem
from authz.model.schema import (
    Computed,
    ConditionDef,
    Direct,
    Exclusion,
    Intersection,
    Origin,
    RelationDef,
    Rewrite,
    Schema,
    TupleToUserset,
    TypeDef,
    Union,
)

_Order: TypeAlias = tuple[bool, "_Collated", "_Collated", "_Collated"]
_Collated: TypeAlias = tuple[tuple[int, ...], tuple[bool, ...]]

_COLLATION = "_-./0123456789abcdefghijklmnopqrstuvwxyz"
"""The characters of a name in the order of Unicode's root collation, which OpenFGA's tool uses."""


def to_dsl(schema: Schema) -> str:
    """Return the DSL text of a schema; a modular model in one text, module by module.

    Raises ModelError for a relation that only JSON can express: direct types that are not first,
    or there twice.
    """
    types, conditions = schema.types, sorted(schema.conditions, key=lambda c: _collated(c.name))
    modular = any(type_def.origin for type_def in types)
    if modular:
        types = tuple(sorted(types, key=lambda t: _order(t.origin, t.name)))
        conditions.sort(key=lambda c: _order(c.origin, c.name))
    blocks = [f"model\n  schema {schema.version}"]
    blocks += [_type(type_def, modular=modular) for type_def in types]
    blocks += [_condition(condition) for condition in conditions]
    return "\n\n".join(blocks) + "\n"


def _order(origin: Origin | None, name: str) -> _Order:
    """By module, then file, then name; what has no module of its own stands first."""
    module, file = (origin.module, origin.file) if origin else ("", "")
    return (origin is not None, _collated(module), _collated(file), _collated(name))


def _collated(name: str) -> _Collated:
    """Letters before their case: `a`, `A`, `b`."""
    weights = tuple(_COLLATION.find(char) if char in _COLLATION else ord(char) + len(_COLLATION)
                    for char in name.lower())  # fmt: skip
    return weights, tuple(char.isupper() for char in name)


def _type(type_def: TypeDef, *, modular: bool) -> str:
    lines = [f"type {type_def.name}"]
    relations = type_def.relations
    if modular:
        relations = tuple(sorted(relations, key=lambda r: _order(r.origin, r.name)))
    if relations:
        lines.append("  relations")
        lines += [_relation(type_def.name, relation) for relation in relations]
    return "\n".join(lines)


def _relation(type_name: str, relation: RelationDef) -> str:
    rewrite = _direct_first(relation.rewrite)
    if _directs(rewrite) > (1 if _begins_direct(rewrite) else 0):
        name = f"{type_name}#{relation.name}"
        message = f"{name} has direct types where the DSL cannot write them"
        raise ModelError((Problem("not-in-dsl", message, -1, -1),))
    text = _text(rewrite, ", ".join(map(str, relation.restrictions)))
    return f"    define {relation.name}: {text}"


def _text(rewrite: Rewrite, direct: str) -> str:
    """The rewrite without outer parentheses."""
    match rewrite:
        case Direct():
            return f"[{direct}]"
        case Computed(relation):
            return relation
        case TupleToUserset(computed, tupleset):
            return f"{computed} from {tupleset}"
        case Union(children):
            return " or ".join(_part(child, direct) for child in children)
        case Intersection(children):
            return " and ".join(_part(child, direct) for child in children)
        case Exclusion(base, subtract):
            return f"{_part(base, direct)} but not {_part(subtract, direct)}"


def _part(rewrite: Rewrite, direct: str) -> str:
    text = _text(rewrite, direct)
    return f"({text})" if isinstance(rewrite, Union | Intersection | Exclusion) else text


def _direct_first(rewrite: Rewrite) -> Rewrite:
    """Move the direct part of a union or intersection to the front: they commute."""
    match rewrite:
        case Union(children):
            return Union(_sorted(children))
        case Intersection(children):
            return Intersection(_sorted(children))
        case Exclusion(base, subtract):
            return Exclusion(_direct_first(base), _direct_first(subtract))
        case _:
            return rewrite


def _sorted(children: tuple[Rewrite, ...]) -> tuple[Rewrite, ...]:
    ordered = [_direct_first(child) for child in children]
    return tuple(sorted(ordered, key=lambda child: not isinstance(child, Direct)))


def _directs(rewrite: Rewrite) -> int:
    match rewrite:
        case Direct():
            return 1
        case Union(children) | Intersection(children):
            return sum(map(_directs, children))
        case Exclusion(base, subtract):
            return _directs(base) + _directs(subtract)
        case _:
            return 0


def _begins_direct(rewrite: Rewrite) -> bool:
    match rewrite:
        case Union(children) | Intersection(children):
            return _begins_direct(children[0])
        case Exclusion(base, _):
            return _begins_direct(base)
        case _:
            return isinstance(rewrite, Direct)


def _condition(condition: ConditionDef) -> str:
    names = sorted(condition.parameters)
    parameters = ", ".join(f"{name}: {condition.parameters[name]}" for name in names)
    return f"condition {condition.name}({parameters}) {{\n  {condition.expression}\n}}"
