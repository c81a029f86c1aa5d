"""The JSON form of a model, as the OpenFGA API reads it: first its form, then what it means.

What is not of the form is a MalformedModel with the code that OpenFGA has for the part; what is
well formed and makes no sense is a ModelError (2056), told when all of the form is known good.
Unknown fields are passed over.
"""

import re
from collections.abc import Mapping
from typing import Any

from authz.engine.limits import MAX_NESTING, MAX_TYPES
from authz.errors import MalformedModel, ModelError, Problem, TooManyTuples
from authz.model.json_form import TYPE_NAME
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

_NAME = r"[^:#@\s]"
_TYPE = re.compile(_NAME + "{1,254}", re.ASCII)
_WORD = re.compile(_NAME + "{1,50}", re.ASCII)
_VERSIONS = frozenset({"1.0", "1.1", "1.2"})
_MAX_RELATION = 50
_INLINE = "$expression"

_BAD_TYPE = ("type_invalid_pattern", 2047)
_BAD_RELATION = ("relations_invalid_pattern", 2050)
_LONG_RELATION = ("relation_too_long", 2044)
_NO_TYPES = ("type_definitions_too_few_items", 2045)
_NO_BASE = ("difference_base_missing_value", 2041)
_NO_SUBTRACT = ("subtract_base_missing_value", 2042)


def from_json(body: object) -> Schema:
    """Read a model from its JSON form. Raises MalformedModel, ModelError (2056)."""
    return _Reader().model(body)


class _Reader:
    def __init__(self) -> None:
        self._senseless: list[Problem] = []

    def model(self, body: object) -> Schema:
        model = _object(body, "the model")
        entries = _list(_field(model, "type_definitions"), "type_definitions")
        if not entries:
            raise MalformedModel("a model has at least one type", *_NO_TYPES)
        version = _text(model, "schema_version")
        if version not in _VERSIONS:
            raise MalformedModel(f"schema version {version[:20]!r} is not known")
        if version not in SUPPORTED_VERSIONS:
            self._means_nothing(f"schema version {version!r} is not supported, only 1.1 and 1.2")
        types = tuple(self._type(entry) for entry in entries)
        conditions = tuple(
            self._condition(name, entry)
            for name, entry in _object(_field(model, "conditions", {}), "conditions").items()
        )
        if len(types) > MAX_TYPES:
            raise MalformedModel(
                f"more than {MAX_TYPES} types", TooManyTuples.code, TooManyTuples.number
            )
        if self._senseless:
            raise ModelError(tuple(self._senseless))
        return Schema(version, types, conditions)

    def _means_nothing(self, message: str) -> None:
        self._senseless.append(Problem("shape", message, -1, -1))

    def _type(self, entry: object) -> TypeDef:
        body = _object(entry, "a type definition")
        name = _type_name(body)
        relations = _object(_field(body, "relations", {}), f"relations of {name}")
        metadata = _object(_field(body, "metadata", {}), f"metadata of {name}")
        details = _object(_field(metadata, "relations", {}), f"metadata of {name}")
        return TypeDef(
            name,
            tuple(self._relation(key, value, details.get(key)) for key, value in relations.items()),
            origin=_origin(metadata),
        )

    def _relation(self, key: str, value: object, details: object) -> RelationDef:
        body = _object({} if details is None else details, "metadata of a relation")
        name = _matching(_WORD, key, "relation", _BAD_RELATION)
        rewrite = self._rewrite(value, 0)
        return RelationDef(name, rewrite, self._restrictions(body), origin=_origin(body))

    def _restrictions(self, body: Mapping[str, Any]) -> tuple[Restriction, ...]:
        key = "directly_related_user_types"
        return tuple(self._restriction(item) for item in _list(_field(body, key, []), key))

    def _restriction(self, item: object) -> Restriction:
        part = _object(item, "a type restriction")
        relation, condition = _text(part, "relation"), _text(part, "condition")
        named = part.get("relation") is not None
        wildcard = part.get("wildcard") is not None
        if named and wildcard:
            raise MalformedModel("a type restriction is of a relation or a wildcard, not both")
        if named and not relation:
            self._means_nothing("the relation of a type restriction is empty")
        for text in (relation, condition):
            if text:
                _matching(_WORD, text, "name in a type restriction")
        if condition == _INLINE:
            raise MalformedModel(f"conditions in tuples ({_INLINE}) are not supported")
        return Restriction(_type_name(part), relation, wildcard, condition)

    def _rewrite(self, entry: object, depth: int) -> Rewrite:
        if depth > MAX_NESTING:
            raise ModelError((Problem("shape", "operators are nested too deeply", -1, -1),))
        parts = []
        for key, value in _object(entry, "a relation").items():
            if value is not None and _snake(key) in _REWRITES:
                parts.append((_snake(key), value))
        if len(parts) > 1:
            raise MalformedModel("a relation has one rewrite only")
        if not parts:
            self._means_nothing("a relation has no rewrite that is known")
            return Direct()
        kind, value = parts[0]
        inner = _object(value, kind)
        if kind == "this":
            return Direct()
        if kind == "computed_userset":
            return Computed(_relation(inner))
        if kind == "tuple_to_userset":
            computed = _object(
                _field(inner, "computedUserset", inner.get("computed_userset")), "computedUserset"
            )
            tupleset = _object(_field(inner, "tupleset"), "tupleset")
            return TupleToUserset(_relation(computed), _relation(tupleset))
        if kind == "difference":
            for name, code in (("base", _NO_BASE), ("subtract", _NO_SUBTRACT)):
                if inner.get(name) is None:
                    raise MalformedModel(f"a difference has a {name}", *code)
            base = self._rewrite(inner["base"], depth + 1)
            return Exclusion(base, self._rewrite(inner["subtract"], depth + 1))
        return self._joined(kind, inner, depth)

    def _joined(self, kind: str, inner: Mapping[str, Any], depth: int) -> Rewrite:
        listed = _list(_field(inner, "child", []), "child")
        children = tuple(self._rewrite(child, depth + 1) for child in listed)
        if len(children) < 2:
            self._means_nothing(f"{kind} joins at least two parts")
        return Union(children) if kind == "union" else Intersection(children)

    def _condition(self, key: str, entry: object) -> ConditionDef:
        body = _object(entry, f"condition {key[:50]}")
        name = _matching(_WORD, _text(body, "name"), "condition")
        if name != key:
            self._means_nothing(f"the condition {key[:50]!r} calls itself {name!r}")
        parameters = _object(_field(body, "parameters", {}), f"parameters of {name}")
        types = {
            _matching(_WORD, parameter, "parameter"): self._parameter(parameter, kind)
            for parameter, kind in parameters.items()
        }
        expression = _text(body, "expression")
        if not expression:
            self._means_nothing(f"the condition {name!r} has no expression")
        origin = _origin(_object(_field(body, "metadata", {}), f"metadata of {name}"))
        return ConditionDef(name, types, expression, origin=origin)

    def _parameter(self, name: str, entry: object) -> ParameterType:
        body = _object(entry, f"parameter {name}")
        kind = _type_of(body)
        generic = _list(_field(body, "generic_types", []), "generic_types")
        if kind in CONTAINERS and len(generic) == 1:
            inner = _type_of(_object(generic[0], "generic_types"))
            if inner in PARAMETER_TYPES or inner == "any":
                return ParameterType(kind, inner)
        elif (kind in PARAMETER_TYPES or kind == "any") and not generic:
            return ParameterType(kind)
        self._means_nothing(f"the parameter {name!r} has no known type")
        return ParameterType("any")


_REWRITES = frozenset(
    {"this", "computed_userset", "tuple_to_userset", "union", "intersection", "difference"}
)


def _origin(metadata: Mapping[str, Any]) -> Origin | None:
    module = _text(metadata, "module")
    file = _text(_object(_field(metadata, "source_info", {}), "source_info"), "file")
    return Origin(module, file) if module else None


def _type_name(body: Mapping[str, Any]) -> str:
    return _matching(_TYPE, _text(body, "type"), "type", _BAD_TYPE)


def _type_of(body: Mapping[str, Any]) -> str:
    text = _text(body, "type_name")
    return text.removeprefix(TYPE_NAME).lower() if text.startswith(TYPE_NAME) else ""


def _relation(body: Mapping[str, Any]) -> str:
    name = _text(body, "relation")
    if len(name.encode("utf-8", "surrogatepass")) > _MAX_RELATION:
        raise MalformedModel(f"a relation is longer than {_MAX_RELATION} bytes", *_LONG_RELATION)
    return name


def _matching(
    pattern: re.Pattern[str],
    text: str,
    what: str,
    code: tuple[str, int] = ("validation_error", 2000),
) -> str:
    if not pattern.fullmatch(text):
        raise MalformedModel(f"{text[:50]!a} is no name for a {what}", *code)
    return text


def _snake(name: str) -> str:
    """Return the other style of a rewrite's name: protobuf's JSON reads both."""
    return re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name)


def _field(body: Mapping[str, Any], name: str, absent: object = None) -> object:
    """Return a field; null is the same as absent."""
    value = body.get(name)
    return absent if value is None else value


def _text(body: Mapping[str, Any], name: str) -> str:
    value = _field(body, name, "")
    if not isinstance(value, str):
        raise MalformedModel(f"{name} must be a text")
    return value


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise MalformedModel(f"{name} must be an object")
    return value


def _list(value: object, name: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise MalformedModel(f"{name} must be a list")
    return value
