"""The JSON form of a model, as the OpenFGA API writes it (`json_reader` reads it)."""

from typing import Any

from authz.model.schema import (
    Computed,
    ConditionDef,
    Direct,
    Exclusion,
    Intersection,
    Origin,
    ParameterType,
    Restriction,
    Rewrite,
    Schema,
    TupleToUserset,
    TypeDef,
    Union,
)

TYPE_NAME = "TYPE_NAME_"


def to_json(schema: Schema) -> dict[str, Any]:
    """Return the body of OpenFGA's WriteAuthorizationModel for a schema."""
    body: dict[str, Any] = {
        "schema_version": schema.version,
        "type_definitions": [_type_to_json(type_def) for type_def in schema.types],
    }
    if schema.conditions:
        body["conditions"] = {c.name: _condition_to_json(c) for c in schema.conditions}
    return body


def _type_to_json(type_def: TypeDef) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if type_def.relations:
        metadata["relations"] = {
            relation.name: {
                "directly_related_user_types": [_restriction(r) for r in relation.restrictions],
                **_origin_to_json(relation.origin),
            }
            for relation in type_def.relations
        }
    metadata |= _origin_to_json(type_def.origin)
    return {
        "type": type_def.name,
        "relations": {r.name: _rewrite_to_json(r.rewrite) for r in type_def.relations},
        "metadata": metadata or None,
    }


def _origin_to_json(origin: Origin | None) -> dict[str, Any]:
    if origin is None:
        return {}
    entry: dict[str, Any] = {"module": origin.module}
    if origin.file:
        entry["source_info"] = {"file": origin.file}
    return entry


def _restriction(restriction: Restriction) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": restriction.type}
    if restriction.relation:
        entry["relation"] = restriction.relation
    if restriction.wildcard:
        entry["wildcard"] = {}
    if restriction.condition:
        entry["condition"] = restriction.condition
    return entry


def _rewrite_to_json(rewrite: Rewrite) -> dict[str, Any]:
    match rewrite:
        case Direct():
            return {"this": {}}
        case Computed(relation):
            return {"computedUserset": {"relation": relation}}
        case TupleToUserset(computed, tupleset):
            return {
                "tupleToUserset": {
                    "computedUserset": {"relation": computed},
                    "tupleset": {"relation": tupleset},
                }
            }
        case Union(children):
            return {"union": {"child": [_rewrite_to_json(child) for child in children]}}
        case Intersection(children):
            return {"intersection": {"child": [_rewrite_to_json(child) for child in children]}}
        case Exclusion(base, subtract):
            parts = {"base": _rewrite_to_json(base), "subtract": _rewrite_to_json(subtract)}
            return {"difference": parts}


def _condition_to_json(condition: ConditionDef) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": condition.name,
        "expression": condition.expression,
        "parameters": {n: _parameter_to_json(t) for n, t in condition.parameters.items()},
    }
    if condition.origin is not None:
        entry["metadata"] = _origin_to_json(condition.origin)
    return entry


def _parameter_to_json(parameter: ParameterType) -> dict[str, Any]:
    entry: dict[str, Any] = {"type_name": TYPE_NAME + parameter.name.upper()}
    if parameter.of:
        entry["generic_types"] = [{"type_name": TYPE_NAME + parameter.of.upper()}]
    return entry
