"""The JSON form of a model, as the OpenFGA API reads and writes it."""

from collections.abc import Mapping
from typing import Any

from authz.engine.limits import MAX_NESTING, MAX_TYPES
from authz.errors import ModelError, Problem
from authz.model.schema import (
    CONTAINERS,
    PARAMETER_TYPES,
    SUPPORTED_VERSIONS,
    Computed,
    ConditionDef,
    Direct,
    Exclusion,
    Intersection,
    Origin,
    ParameterType,
    RelationDef,
    Restriction,
    Rewrite,
    Schema,
    TupleToUserset,
    TypeDef,
    Union,
)

_TYPE_NAME = "TYPE_NAME_"


def to_json(schema: Schema) -> dict[str, Any]:
    """Return the body of OpenFGA's WriteAuthorizationModel for a schema."""
    body: dict[str, Any] = {
        "schema_version": schema.version,
        "type_definitions": [_type_to_json(type_def) for type_def in schema.types],
    }
    if schema.conditions:
        body["conditions"] = {c.name: _condition_to_json(c) for c in schema.conditions}
    return body


def from_json(body: object) -> Schema:
    """Read a model from its JSON form. Raises ModelError where the shape is wrong."""
    model = _object(body, "the model")
    version = _text(model.get("schema_version"), "schema_version")
    if version not in SUPPORTED_VERSIONS:
        raise _refuse(f"schema version {version!r} is not supported, only 1.1 and 1.2")
    types = _list(model.get("type_definitions"), "type_definitions")
    if len(types) > MAX_TYPES:
        raise _refuse(f"more than {MAX_TYPES} types")
    conditions = _object(model.get("conditions") or {}, "conditions")
    return Schema(
        version,
        tuple(_type(entry) for entry in types),
        tuple(_condition(name, entry) for name, entry in conditions.items()),
    )


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
    entry: dict[str, Any] = {"type_name": _TYPE_NAME + parameter.name.upper()}
    if parameter.of:
        entry["generic_types"] = [{"type_name": _TYPE_NAME + parameter.of.upper()}]
    return entry


def _type(entry: object) -> TypeDef:
    body = _object(entry, "a type definition")
    name = _text(body.get("type"), "type")
    relations = _object(body.get("relations") or {}, f"relations of {name}")
    metadata = _object(body.get("metadata") or {}, f"metadata of {name}")
    details = _object(metadata.get("relations") or {}, f"metadata of {name}")
    return TypeDef(
        name,
        tuple(
            _relation(key, value, _object(details.get(key) or {}, f"metadata of {key}"))
            for key, value in relations.items()
        ),
        origin=_origin(metadata),
    )


def _relation(name: str, entry: object, metadata: Mapping[str, Any]) -> RelationDef:
    return RelationDef(name, _rewrite(entry, 0), _restrictions(metadata), origin=_origin(metadata))


def _origin(metadata: Mapping[str, Any]) -> Origin | None:
    module = _text(metadata.get("module") or "", "module", empty=True)
    info = _object(metadata.get("source_info") or {}, "source_info")
    file = _text(info.get("file") or "", "file", empty=True)
    return Origin(module, file) if module else None


def _restrictions(body: Mapping[str, Any]) -> tuple[Restriction, ...]:
    listed = _list(body.get("directly_related_user_types") or [], "directly_related_user_types")
    found = []
    for item in listed:
        part = _object(item, "a type restriction")
        relation, condition = part.get("relation") or "", part.get("condition") or ""
        wildcard = part.get("wildcard") is not None
        if relation and wildcard:
            raise _refuse("a type restriction is of a relation or a wildcard, not both")
        found.append(
            Restriction(
                _text(part.get("type"), "type"),
                _text(relation, "relation", empty=True),
                wildcard,
                _text(condition, "condition", empty=True),
            )
        )
    return tuple(found)


def _rewrite(entry: object, depth: int) -> Rewrite:
    if depth > MAX_NESTING:
        raise _refuse("the operators are nested too deeply")
    body = _object(entry, "a relation")
    parts = [(key, value) for key, value in body.items() if value is not None]
    if len(parts) != 1:
        raise _refuse("a relation has exactly one rewrite")
    kind, value = parts[0]
    inner = _object(value, kind)
    match kind:
        case "this":
            return Direct()
        case "computedUserset":
            return Computed(_text(inner.get("relation"), "relation"))
        case "tupleToUserset":
            computed = _object(inner.get("computedUserset"), "computedUserset")
            tupleset = _object(inner.get("tupleset"), "tupleset")
            return TupleToUserset(
                _text(computed.get("relation"), "relation"),
                _text(tupleset.get("relation"), "relation"),
            )
        case "union" | "intersection":
            children = tuple(_rewrite(c, depth + 1) for c in _list(inner.get("child"), "child"))
            if len(children) < 2:
                raise _refuse(f"{kind} joins at least two parts")
            return Union(children) if kind == "union" else Intersection(children)
        case "difference":
            base = _rewrite(inner.get("base"), depth + 1)
            return Exclusion(base, _rewrite(inner.get("subtract"), depth + 1))
        case _:
            raise _refuse(f"{kind!r} is not a rewrite")


def _condition(key: str, entry: object) -> ConditionDef:
    body = _object(entry, f"condition {key}")
    name = _text(body.get("name"), "name")
    if name != key:
        raise _refuse(f"the condition {key!r} calls itself {name!r}")
    parameters = _object(body.get("parameters") or {}, f"parameters of {key}")
    types = {_text(n, "parameter"): _parameter(n, t) for n, t in parameters.items()}
    expression = _text(body.get("expression"), "expression", empty=True)
    origin = _origin(_object(body.get("metadata") or {}, f"metadata of {key}"))
    return ConditionDef(name, types, expression, origin=origin)


def _parameter(name: str, entry: object) -> ParameterType:
    body = _object(entry, f"parameter {name}")
    kind = _type_name(body)
    generic = _list(body.get("generic_types") or [], "generic_types")
    if kind in CONTAINERS and len(generic) == 1:
        inner = _type_name(_object(generic[0], "generic_types"))
        if inner in PARAMETER_TYPES or inner == "any":
            return ParameterType(kind, inner)
    elif (kind in PARAMETER_TYPES or kind == "any") and not generic:
        return ParameterType(kind)
    raise _refuse(f"the parameter {name!r} has no known type")


def _type_name(body: Mapping[str, Any]) -> str:
    text = _text(body.get("type_name"), "type_name")
    return text.removeprefix(_TYPE_NAME).lower() if text.startswith(_TYPE_NAME) else ""


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise _refuse(f"{name} must be an object")
    return value


def _list(value: object, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise _refuse(f"{name} must be a list")
    return value


def _text(value: object, name: str, *, empty: bool = False) -> str:
    if not isinstance(value, str) or not (value or empty):
        raise _refuse(f"{name} must be a text")
    return value


def _refuse(message: str) -> ModelError:
    return ModelError((Problem("shape", message, -1, -1),))
