"""Is a tuple one that the model admits? Asked before it is stored, and of contextual tuples."""

from collections.abc import Sequence

import orjson

from authz.engine.limits import MAX_CONTEXT_BYTES, MAX_TUPLES_PER_WRITE
from authz.engine.query import check_user, has_controls
from authz.errors import (
    CheckError,
    DuplicateInRequest,
    InvalidTuple,
    InvalidTupleCondition,
    RefusedTuple,
    TooManyTuples,
)
from authz.model.compiled import Model
from authz.model.subject import RelationTuple, Subject, TupleKey, check_form, parse_key
from authz.stores.protocol import NewTuple


def admit_write(
    model: Model, writes: Sequence[RelationTuple], deletes: Sequence[RelationTuple]
) -> tuple[list[NewTuple], list[TupleKey]]:
    """Return what one write stores and deletes; a deletion's condition is not looked at.

    Raises TooManyTuples, RefusedTuple and DuplicateInRequest.
    """
    if len(writes) + len(deletes) > MAX_TUPLES_PER_WRITE:
        raise TooManyTuples(f"more than {MAX_TUPLES_PER_WRITE} tuples in one write")
    new = [admit_to_store(model, given) for given in writes]
    gone = [_key(given) for given in deletes]
    keys: set[TupleKey] = set()
    for key in [*gone, *(one.key for one in new)]:
        if key in keys:
            raise DuplicateInRequest(f"duplicate tuple in write: {key}")
        keys.add(key)
    return new, gone


def _key(given: RelationTuple) -> TupleKey:
    try:
        return parse_key(given.user, given.relation, given.object)
    except CheckError as error:
        raise RefusedTuple(str(error)) from error


def admit(model: Model, given: RelationTuple) -> NewTuple:
    """Return a tuple that the model admits. Raises InvalidTuple, saying why it does not."""
    try:
        key = parse_key(given.user, given.relation, given.object)
        relation = model.relation(key.object_type, key.relation)
        check_user(model, Subject(key.user_type, key.user_id, key.user_relation))
    except CheckError as error:
        raise InvalidTuple(str(error)) from error
    kind = (key.user_type, key.user_relation or ("*" if key.user_id == "*" else ""))
    accepted = relation.accepts.get(kind)
    if accepted is None:
        named = kind[0] + (":*" if kind[1] == "*" else f"#{kind[1]}" if kind[1] else "")
        raise InvalidTuple(f"{key}: {named!r} is not an allowed type restriction")
    if given.condition not in accepted:
        why = "is not allowed here" if given.condition else "is missing"
        raise InvalidTupleCondition(f"{key}: the condition {given.condition[:50]!r} {why}")
    return NewTuple(key, given.condition, _context(model, given))


def admit_to_store(model: Model, given: RelationTuple) -> NewTuple:
    """Return the tuple to store. Raises RefusedTuple, saying why.

    `group:a#member` as `member` of `group:a` is refused: it holds without being written.
    """
    try:
        check_form(given.user, given.relation, given.object)
        new = admit(model, given)
    except (CheckError, InvalidTuple) as error:
        raise RefusedTuple(str(error)) from error
    key = new.key
    if key.user_relation == key.relation and key.user.startswith(f"{key.object}#"):
        raise RefusedTuple(f"{key}: cannot write a tuple that is implicit")
    return new


def _context(model: Model, given: RelationTuple) -> str:
    if not given.context:
        return ""
    if not given.condition:
        raise InvalidTupleCondition("a context needs a condition")
    try:
        text = orjson.dumps(given.context, option=orjson.OPT_SORT_KEYS)
        if len(text) > MAX_CONTEXT_BYTES:
            raise InvalidTupleCondition(f"the context is larger than {MAX_CONTEXT_BYTES} bytes")
        if has_controls(text):
            raise InvalidTupleCondition("the context has control characters")
        model.conditions[given.condition].check_context(given.context)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidTupleCondition("the context is not JSON") from error
    except CheckError as error:
        raise InvalidTupleCondition(str(error)) from error
    return text.decode()
