"""A model as the API stores and shows it: every field of OpenFGA's form, defaults written out.

The engine's own form drops what it does not need (modules, where a definition stood in a file);
whoever reads a model back through the API finds it.
"""

import re
from typing import Any, Final

import orjson

from authz.api.fields import InvalidField, Json, inner, listed, matching, needed, text
from authz.calls.refusals import TooMuch
from authz.engine.limits import MAX_MODEL_BYTES, MAX_NESTING, MAX_TYPES

MAX_DEPTH: Final = 4 * MAX_NESTING
"""Brackets: an operator in JSON has three."""
_TYPE: Final = re.compile(r"[^:#@\s]{1,254}")
_VERSIONS: Final = ("1.0", "1.1", "1.2")
_REWRITES: Final = {
    "this": "this",
    "computedUserset": "computedUserset",
    "computed_userset": "computedUserset",
    "tupleToUserset": "tupleToUserset",
    "tuple_to_userset": "tupleToUserset",
    "union": "union",
    "intersection": "intersection",
    "difference": "difference",
}


def model_body(body: Json) -> dict[str, Any]:
    """Return the full form of the model in a request. Raises InvalidField and TooMuch.

    Whether it makes sense says `Model.from_json`, which reads what this returns.
    """
    version = text(body, "schema_version")
    if version not in _VERSIONS:
        raise InvalidField(f"invalid schema_version: value must be in list {list(_VERSIONS)}")
    types = listed(body, "type_definitions")
    if not types:
        message = "invalid type_definitions: value must contain at least 1 item(s)"
        raise InvalidField(message, "type_definitions_too_few_items")
    if len(types) > MAX_TYPES:
        raise TooMuch(
            "The number of type definitions in an authorization model exceeds the allowed limit "
            f"of {MAX_TYPES}"
        )
    whole = {
        "schema_version": version,
        "type_definitions": [_type(entry) for entry in types],
        "conditions": {name: _condition(value) for name, value in _named(body, "conditions")},
    }
    size = len(orjson.dumps(whole))
    # Defaults that we write out must not count against the author: the request has the same bound.
    if size > 2 * MAX_MODEL_BYTES or len(orjson.dumps(body)) > MAX_MODEL_BYTES:
        raise TooMuch(f"model exceeds size limit: {size} bytes vs {MAX_MODEL_BYTES} bytes")
    return whole


def _named(body: Json, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the members of a map of objects."""
    members = inner(body, name) or {}
    return [(key, needed(members, key)) for key in members]


def _type(entry: Json) -> dict[str, Any]:
    metadata = inner(entry, "metadata")
    return {
        "type": matching(entry, "type", _TYPE, "type_invalid_pattern"),
        "relations": {name: _rewrite(value, 0) for name, value in _named(entry, "relations")},
        "metadata": None if metadata is None else _metadata(metadata),
    }


def _metadata(metadata: Json) -> dict[str, Any]:
    relations = {
        name: {
            "directly_related_user_types": [
                _restriction(item) for item in listed(value, "directly_related_user_types")
            ],
            **_where(value),
        }
        for name, value in _named(metadata, "relations")
    }
    return {"relations": relations, **_where(metadata)}


def _where(entry: Json) -> dict[str, Any]:
    source = inner(entry, "source_info")
    shown = None if source is None else {"file": text(source, "file")}
    return {"module": text(entry, "module"), "source_info": shown}


def _restriction(entry: Json) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": text(entry, "type")}
    if entry.get("relation") is not None:
        shown["relation"] = text(entry, "relation")
    if inner(entry, "wildcard") is not None:
        if "relation" in shown:
            raise InvalidField("a type restriction has a relation or a wildcard, not both")
        shown["wildcard"] = {}
    shown["condition"] = text(entry, "condition")
    return shown


def _rewrite(entry: Json, depth: int) -> dict[str, Any]:
    if depth > MAX_NESTING:
        raise InvalidField("the operators are nested too deeply")
    parts = [(key, entry[key]) for key in entry if key in _REWRITES and entry[key] is not None]
    if len(parts) > 1:
        raise InvalidField(f"error parsing {parts[1][0]!r}: another rewrite is already set")
    if not parts:
        return {}
    name = _REWRITES[parts[0][0]]
    value = needed(entry, parts[0][0])
    match name:
        case "this":
            return {"this": {}}
        case "computedUserset":
            return {name: _object_relation(value)}
        case "tupleToUserset":
            computed = inner(value, "computedUserset") or inner(value, "computed_userset")
            return {
                name: {
                    "tupleset": _object_relation(inner(value, "tupleset") or {}),
                    "computedUserset": _object_relation(computed or {}),
                }
            }
        case "difference":
            for part, code in (
                ("base", "difference_base_missing_value"),
                ("subtract", "subtract_base_missing_value"),
            ):
                needed(value, part, code)
            return {name: {part: _rewrite(value[part], depth + 1) for part in ("base", "subtract")}}
        case _:
            return {name: {"child": [_rewrite(c, depth + 1) for c in listed(value, "child")]}}


def _object_relation(entry: Json) -> dict[str, str]:
    return {"object": text(entry, "object"), "relation": text(entry, "relation")}


def _condition(entry: Json) -> dict[str, Any]:
    metadata = inner(entry, "metadata")
    return {
        "name": text(entry, "name"),
        "expression": text(entry, "expression"),
        "parameters": {name: _parameter(value) for name, value in _named(entry, "parameters")},
        "metadata": None if metadata is None else _where(metadata),
    }


def _parameter(entry: Json) -> dict[str, Any]:
    return {
        "type_name": text(entry, "type_name"),
        "generic_types": [_parameter_of(item) for item in listed(entry, "generic_types")],
    }


def _parameter_of(entry: Json) -> dict[str, Any]:
    if listed(entry, "generic_types"):
        raise InvalidField("a list or map holds no list or map")
    return {"type_name": text(entry, "type_name"), "generic_types": []}
