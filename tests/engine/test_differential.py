"""Random models and tuples: the engine answers as the naive one does, by every way of asking."""

import itertools

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from authz.engine.check import check, check_many
from authz.engine.listing import list_objects
from authz.engine.query import Query
from authz.engine.tuples import admit
from authz.errors import InvalidTuple, ModelError
from authz.model.compiled import Model
from authz.model.schema import (
    Computed,
    Direct,
    Exclusion,
    Intersection,
    RelationDef,
    Restriction,
    Rewrite,
    Schema,
    TupleToUserset,
    TypeDef,
    Union,
)
from authz.model.subject import RelationTuple
from authz.stores.memory import MemoryTuples
from tests.engine.naive import Naive

TYPES = ("group", "doc")
NAMES = ("r0", "r1", "r2")
RESTRICTIONS = (
    Restriction("user"),
    Restriction("user", wildcard=True),
    *(Restriction(kind, name) for kind in TYPES for name in NAMES),
)
USERS = ("user:a", "user:b", "user:*", "group:1#r0", "doc:1#r1")
IDS = ("1", "2", "3")


def rewrites() -> st.SearchStrategy[Rewrite]:
    leaf = st.one_of(
        st.just(Direct()),
        st.sampled_from([Computed(name) for name in NAMES]),
        st.sampled_from([TupleToUserset(name, "parent") for name in NAMES]),
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, min_size=2, max_size=3).map(lambda c: Union(tuple(c))),
            st.lists(inner, min_size=2, max_size=2).map(lambda c: Intersection(tuple(c))),
            st.tuples(inner, inner).map(lambda parts: Exclusion(*parts)),
        ),
        max_leaves=4,
    )


def _direct(rewrite: Rewrite) -> bool:
    match rewrite:
        case Union(children) | Intersection(children):
            return any(map(_direct, children))
        case Exclusion(base, subtract):
            return _direct(base) or _direct(subtract)
        case _:
            return isinstance(rewrite, Direct)


@st.composite
def relations(draw, name: str) -> RelationDef:
    # Union with direct types, so that most drawn models make sense.
    rewrite = draw(rewrites())
    if draw(st.booleans()) and not _direct(rewrite):
        rewrite = Union((Direct(), rewrite))
    restrictions = draw(
        st.lists(st.sampled_from(RESTRICTIONS), min_size=1, max_size=4, unique=True)
    )
    return RelationDef(name, rewrite, tuple(restrictions) if _direct(rewrite) else ())


@st.composite
def schemas(draw) -> Schema:
    parent = RelationDef("parent", Direct(), (Restriction("group"), Restriction("doc")))
    types = [TypeDef(kind, (parent, *(draw(relations(name)) for name in NAMES))) for kind in TYPES]
    return Schema("1.1", (TypeDef("user"), *types))


@st.composite
def graphs(draw) -> list[RelationTuple]:
    objects = [f"{kind}:{i}" for kind in TYPES for i in IDS]
    direct = st.tuples(
        st.sampled_from([*USERS[:3], *(f"{o}#{r}" for o in objects for r in NAMES)]),
        st.sampled_from(NAMES),
        st.sampled_from(objects),
    )
    parents = st.tuples(st.sampled_from(objects), st.just("parent"), st.sampled_from(objects))
    drawn = draw(st.lists(st.one_of(direct, parents), max_size=16, unique=True))
    return [RelationTuple(*parts) for parts in drawn]


@given(schemas(), graphs())
@settings(max_examples=150)
def test_the_engine_answers_as_the_naive_one(schema, graph):
    try:
        model = Model(schema)
    except ModelError:
        assume(False)
    stored = []
    for text in graph:
        try:
            stored.append(admit(model, text))
        except InvalidTuple:
            continue
    store = MemoryTuples(stored)
    naive = Naive(schema, [new.key for new in stored])
    for user in USERS:
        questions = [
            Query(user, name, f"{kind}:{i}")
            for kind, name, i in itertools.product(TYPES, NAMES, IDS)
        ]
        expected = [naive.holds(q.user, q.relation, q.object) for q in questions]
        assert [check(model, store, q) for q in questions] == expected
        assert check_many(model, store, questions) == expected
        for kind, name in itertools.product(TYPES, NAMES):
            held = {
                q.object
                for q, yes in zip(questions, expected, strict=True)
                if yes and q.relation == name and q.object.startswith(f"{kind}:")
            }
            assert set(list_objects(model, store, user, name, kind).objects) == held
