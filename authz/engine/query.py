"""A question to the engine, checked against the model before anything is read."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import orjson

from authz.engine.conditions import Context
from authz.engine.limits import MAX_CONTEXT_BYTES
from authz.errors import CheckError, ConditionFailed, RelationNotFound, TypeNotFound
from authz.model.compiled import Model, Relation
from authz.model.reach import UserKey
from authz.model.subject import Subject, parse_object, parse_relation, parse_user

State: TypeAlias = tuple[str, str, str]
"""object type, object id, relation: one question of a check, for the check's user."""


@dataclass(frozen=True, slots=True)
class Query:
    """Does `user` hold `relation` on `object`? `context` feeds conditions."""

    user: str
    relation: str
    object: str
    context: Context | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A query that fits the model: parsed, every name defined."""

    state: State
    user: Subject
    relation: Relation
    user_key: UserKey
    context: Context | None


def ask(model: Model, query: Query) -> Question:
    """Check a query against the model. Raises CheckError.

    As in OpenFGA, an unknown type or relation is 2000 here, where a listing says 2021 or 2022.
    """
    check_context(query.context)
    object_type, object_id = parse_object(query.object)
    user = parse_user(query.user)
    try:
        relation = model.relation(object_type, parse_relation(query.relation))
    except (TypeNotFound, RelationNotFound) as error:
        raise CheckError(str(error)) from error
    check_user(model, user)
    state = (object_type, object_id, query.relation)
    return Question(state, user, relation, (user.type, user.relation), query.context)


def check_user(model: Model, user: Subject) -> None:
    """Refuse a user of a type or relation that the model does not define."""
    relations = model.types.get(user.type)
    if relations is None:
        raise CheckError(f"type {user.type!r} not found")
    if user.relation and user.relation not in relations:
        raise CheckError(f"relation '{user.type}#{user.relation}' not found")


def check_context(context: Context | None) -> None:
    """Refuse a request context that is too large, no JSON, or has control characters."""
    if not context:
        return
    try:
        text = orjson.dumps(context)
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckError("the context is not JSON") from error
    if len(text) > MAX_CONTEXT_BYTES:
        raise CheckError(f"the context is larger than {MAX_CONTEXT_BYTES} bytes")
    if has_controls(text):
        raise CheckError("the context has control characters")


_CONTROLS = re.compile(rb"\\[bfnrt]|\\u00[01]|\x7f|\xc2[\x80-\x9f]")
"""In JSON, as orjson writes it: escapes of C0, then DEL and C1 as they are."""


def has_controls(text: bytes) -> bool:
    """Whether a JSON text holds control characters, which OpenFGA admits in no context."""
    return _CONTROLS.search(text.replace(rb"\\", b"")) is not None


Verdict: TypeAlias = bool | CheckError
"""Whether a stored tuple counts; an error where its condition could not say."""


def condition_judge(model: Model, context: Context | None) -> Callable[[str, str], Verdict]:
    """Return a function that says whether a tuple's condition holds for this request."""

    def judge(name: str, stored: str) -> Verdict:
        try:
            return model.conditions[name].holds(context, load_context(stored) if stored else None)
        except ConditionFailed as error:
            return error

    return judge


@lru_cache(maxsize=2048)
def load_context(stored: str) -> Context:
    """Return a stored context as values; kept, since a few contexts are read often."""
    value: Context = orjson.loads(stored)
    return value
