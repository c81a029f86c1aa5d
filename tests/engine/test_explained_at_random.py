"""Random models and tuples: an explanation says what a check says, and its proof stands alone."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from authz.engine.check import check
from authz.engine.query import Query
from authz.engine.tuples import admit
from authz.engine.why.explain import explain
from authz.engine.why.explained import Explanation
from authz.errors import CheckError, InvalidTuple
from authz.model.compiled import Model
from authz.model.schema import ConditionDef, ParameterType, RelationDef, Schema
from authz.model.subject import RelationTuple
from authz.stores.memory import MemoryTuples
from authz.stores.overlay import Overlay
from authz.stores.protocol import NewTuple, TupleReader
from tests.engine.test_differential import IDS, NAMES, TYPES, USERS, draw_model, draw_tuples


def with_conditions(rnd: random.Random, model: Model) -> Model:
    """The same model, where every kind of user may also be named under a condition."""

    def relation(given: RelationDef) -> RelationDef:
        if given.name == "parent" and rnd.random() < 0.5:
            return given
        conditioned = [replace(one, condition="c") for one in given.restrictions]
        return replace(given, restrictions=(*given.restrictions, *conditioned))

    types = tuple(
        replace(kind, relations=tuple(map(relation, kind.relations))) for kind in model.schema.types
    )
    condition = ConditionDef("c", {"x": ParameterType("bool")}, "x")
    return Model(Schema("1.1", types, (condition,)), unused_conditions=True)


def under_conditions(
    rnd: random.Random, model: Model, stored: list[NewTuple]
) -> Iterator[NewTuple]:
    """Some tuples under the condition: true, false, or without what it needs."""
    for new in stored:
        given = RelationTuple(new.key.user, new.key.relation, new.key.object)
        if rnd.random() < 0.4:
            context = rnd.choice(({"x": True}, {"x": False}, None))
            given = replace(given, condition="c", context=context)
        try:
            yield admit(model, given)
        except InvalidTuple:
            yield new


def verdict(model: Model, store: TupleReader, query: Query) -> bool | int:
    try:
        return check(model, store, query)
    except CheckError as error:
        return error.number


def explained(seed: int, *, conditions: bool = False) -> tuple[int, int, int, int]:
    """Explain every question to one random world; count proofs, refusals, errors, advice."""
    rnd = random.Random(seed)
    model = draw_model(rnd)
    tuples = draw_tuples(rnd, model)
    if conditions:
        model = with_conditions(rnd, model)
        tuples = list(under_conditions(rnd, model, tuples))
    store = MemoryTuples(tuples)
    proofs = refusals = errors = named = 0
    for user, kind, name, i in itertools.product(USERS, TYPES, NAMES, IDS):
        query = Query(user, name, f"{kind}:{i}")
        found = explain(model, store, query)
        told = found.error.number if found.error is not None else found.allowed
        assert told == verdict(model, store, query), (seed, query)
        assert (found.tree.holds is True) is found.allowed, (seed, query)
        assert not found.cut, (seed, query)
        if found.allowed:
            proofs += 1
            stands_alone(model, query, found)
            continue
        refusals += found.error is None
        errors += found.error is not None
        if found.nearest is not None:
            named += 1
            added = Overlay(store, MemoryTuples([admit(model, found.nearest)]))
            assert check(model, added, query) is True, (seed, query)
    return proofs, refusals, errors, named


def stands_alone(model: Model, query: Query, found: Explanation) -> None:
    """Whoever holds nothing but the tuples of the proof gets the same yes."""
    carried = [
        admit(
            model,
            RelationTuple(
                used.user,
                used.relation,
                used.object,
                used.condition,
                dict(used.context or {}) or None,
            ),
        )
        for used in found.carriers()
    ]
    assert check(model, MemoryTuples(carried), query) is True, query


def test_an_explanation_says_what_a_check_says():
    totals = [explained(seed) for seed in range(60)]
    proofs, refusals, _, named = (sum(column) for column in zip(*totals, strict=True))
    assert min(proofs, refusals, named) > 300


def test_an_explanation_says_what_a_check_says_of_conditions_too():
    totals = [explained(seed, conditions=True) for seed in range(60)]
    proofs, refusals, errors, named = (sum(column) for column in zip(*totals, strict=True))
    assert min(proofs, refusals, errors, named) > 300


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_explanations_of_very_many_models_say_what_checks_say():
    for seed in range(10_000, 14_000):
        explained(seed, conditions=bool(seed % 2))
