"""A request's own tuples (OpenFGA's contextual tuples): checked as if written, seen first."""

from collections.abc import Sequence
from typing import Any

from authz.engine.check import check, check_many
from authz.engine.conditions import Context
from authz.engine.expand import expand
from authz.engine.limits import MAX_LISTED
from authz.engine.listing import Listing, list_objects
from authz.engine.query import Query, ask
from authz.engine.tuples import admit
from authz.errors import AuthzError, CheckError, InvalidTupleCondition
from authz.model.compiled import Model
from authz.model.subject import (
    RelationTuple,
    check_form,
    check_relation_form,
    check_type_form,
    check_user_form,
    parse_object,
)
from authz.stores.memory import MemoryTuples
from authz.stores.overlay import Overlay
from authz.stores.protocol import TupleReader


def over(model: Model, store: TupleReader, tuples: Sequence[RelationTuple]) -> TupleReader:
    """Return the store with the request's tuples over it.

    Raises CheckError (2000) for texts that are no tuple and, as OpenFGA everywhere but in a check,
    for a condition that is not admitted; InvalidTuple (2027) for a tuple that is not.
    """
    try:
        return _laid(model, store, tuples)
    except InvalidTupleCondition as error:
        raise CheckError(str(error)) from error


def _laid(model: Model, store: TupleReader, tuples: Sequence[RelationTuple]) -> TupleReader:
    if not tuples:
        return store
    for given in tuples:
        check_form(given.user, given.relation, given.object)
    return Overlay(store, MemoryTuples(admit(model, given) for given in tuples))


def check_over(
    model: Model, store: TupleReader, query: Query, tuples: Sequence[RelationTuple]
) -> bool:
    """Check with the request's tuples. What is wrong with the query itself is said first.

    Raises CheckError, and InvalidTuple (2027) for a tuple.
    """
    ask(model, query)
    return check(model, _laid(model, store, tuples), query)


def check_many_over(
    model: Model, store: TupleReader, queries: Sequence[Query], tuples: Sequence[RelationTuple]
) -> list[bool | AuthzError]:
    """Check queries with the same tuples, each as `check_over` does; an error is its answer."""
    try:
        both = _laid(model, store, tuples)
    except AuthzError as error:
        return [_refusal(model, query) or error for query in queries]
    return [*check_many(model, both, queries)]


def _refusal(model: Model, query: Query) -> CheckError | None:
    try:
        ask(model, query)
    except CheckError as error:
        return error
    return None


def expand_over(
    model: Model,
    store: TupleReader,
    object: str,
    relation: str,
    tuples: Sequence[RelationTuple],
) -> dict[str, Any]:
    """Expand with the request's tuples; the form of the question is looked at before them.

    Raises what `expand` raises, and InvalidTuple (2027) for a tuple.
    """
    parse_object(object)
    check_relation_form(relation)
    return expand(model, over(model, store, tuples), object, relation)


def list_objects_over(
    model: Model,
    store: TupleReader,
    user: str,
    relation: str,
    object_type: str,
    tuples: Sequence[RelationTuple],
    *,
    context: Context | None = None,
    limit: int = MAX_LISTED,
    after: str = "",
) -> Listing:
    """List objects with the request's tuples.

    The form of the tuples and of the question is looked at first, then what the tuples mean.
    Raises what `list_objects` raises, and InvalidTuple (2027) for a tuple.
    """
    for given in tuples:
        check_form(given.user, given.relation, given.object)
    if tuples:
        check_type_form(object_type)
        check_relation_form(relation)
        check_user_form(user)
    both = over(model, store, tuples)
    return list_objects(
        model, both, user, relation, object_type, context=context, limit=limit, after=after
    )
