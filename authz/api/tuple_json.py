"""Tuples and questions in JSON, as the OpenFGA API has them."""

import re
from typing import Any, Final

import orjson

from authz.api.fields import InvalidField, Json, at_most, inner, listed, matching, needed, text
from authz.calls.queries import Item
from authz.clock import rfc3339
from authz.engine.query import Query
from authz.model.subject import RelationTuple, TupleKey
from authz.stores.protocol import Change, StoredTuple

MAX_CONTEXTUAL: Final = 1_000
"""Tuples of its own that one question may bring; OpenFGA allows 100."""
MAX_CONTEXTUAL_OF_ASSERTION: Final = 20
_LIMITS: Final = (
    ("user", 512, "validation_error"),
    ("relation", 50, "relation_too_long"),
    ("object", 256, "object_too_long"),
)
_FORMS: Final = {
    "user": re.compile(r"[^\s]{2,512}"),
    "relation": re.compile(r"[^:#@\s]{1,50}"),
    "object": re.compile(r"[^\s]{2,256}"),
}


def relation_tuple(body: Json) -> RelationTuple:
    """Read a tuple, with its condition if it has one; whether it makes sense the model says."""
    for name, most, code in _LIMITS:
        if len(text(body, name).encode()) > most:
            raise InvalidField(f"invalid {name}: value length must be at most {most} bytes", code)
    condition = inner(body, "condition") or {}
    return RelationTuple(
        text(body, "user"),
        text(body, "relation"),
        text(body, "object"),
        text(condition, "name"),
        inner(condition, "context"),
    )


def contextual_tuples(body: Json) -> tuple[RelationTuple, ...]:
    """Read `contextual_tuples`, which most calls wrap in an object."""
    wrapped = inner(body, "contextual_tuples") or {}
    items = listed(wrapped, "tuple_keys")
    at_most(items, MAX_CONTEXTUAL, "contextual_tuples")
    return tuple(relation_tuple(item) for item in items)


def bare_contextual_tuples(body: Json, most: int) -> tuple[RelationTuple, ...]:
    """Read `contextual_tuples` of the calls that have a bare list."""
    items = listed(body, "contextual_tuples")
    at_most(items, most, "contextual_tuples")
    return tuple(relation_tuple(item) for item in items)


def question(body: Json) -> Query:
    """Read the tuple key and the context of a check."""
    key = needed(body, "tuple_key", "tuple_key_value_not_specified")
    user, relation, object_ = (matching(key, name, form) for name, form in _FORMS.items())
    return Query(user, relation, object_, inner(body, "context"))


def assertion(body: Json) -> tuple[Item, dict[str, Any]]:
    """Read an assertion: the check that it is, and what is stored and shown again."""
    query = question(body)
    contextual = bare_contextual_tuples(body, MAX_CONTEXTUAL_OF_ASSERTION)
    expectation = body.get("expectation")
    if expectation is not None and type(expectation) is not bool:
        raise InvalidField("invalid value for bool field expectation")
    shown = {
        "tuple_key": {"object": query.object, "relation": query.relation, "user": query.user},
        "expectation": bool(expectation),
        "contextual_tuples": [
            _key_json(t.user, t.relation, t.object, t.condition, t.context) for t in contextual
        ],
        "context": query.context,
    }
    return Item(query, contextual), shown


def stored_json(stored: StoredTuple) -> dict[str, Any]:
    """Show a tuple that `read` returns."""
    key = _stored_key(stored.key, stored.condition, stored.context)
    return {"key": key, "timestamp": rfc3339(stored.inserted_at)}


def change_json(change: Change) -> dict[str, Any]:
    """Show a change; what was deleted is shown without its condition."""
    condition, context = ("", "") if change.deleted else (change.condition, change.context)
    return {
        "tuple_key": _stored_key(change.key, condition, context),
        "operation": f"TUPLE_OPERATION_{'DELETE' if change.deleted else 'WRITE'}",
        "timestamp": rfc3339(change.changed_at),
    }


def _stored_key(key: TupleKey, condition: str, context: str) -> dict[str, Any]:
    value = orjson.loads(context) if context else None
    return _key_json(key.user, key.relation, key.object, condition, value)


def _key_json(
    user: str, relation: str, object: str, condition: str, context: Json | None
) -> dict[str, Any]:
    shown = {"name": condition, "context": context} if condition else None
    return {"user": user, "relation": relation, "object": object, "condition": shown}
