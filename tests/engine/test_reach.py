"""Who reaches an object, and through what; what a write would change."""

import itertools
import random

import pytest

from authz.engine.check import check
from authz.engine.query import Query
from authz.engine.tuples import admit
from authz.engine.why.who import reach
from authz.errors import (
    CheckError,
    DuplicateInRequest,
    InvalidTuple,
    RelationNotFound,
    TooManyTuples,
    WriteConflict,
)
from authz.model.compose import compose
from authz.model.subject import RelationTuple
from authz.relations import Relations
from authz.stores.memory import MemoryTuples
from tests.engine.test_differential import IDS, NAMES, TYPES, draw_model, draw_tuples
from tests.engine.test_relations import CORE
from tests.engine.world import tuple_of

MODULE = """
type group
  relations
    define member: [user, group#member]
type doc
  relations
    define parent: [doc]
    define blocked: [user]
    define viewer: [user, user:*, user with c, group#member] or viewer from parent
    define reader: viewer but not blocked
condition c(x: bool) {
  x
}
"""
TUPLES = [
    "doc:1#parent@doc:top",
    "doc:top#viewer@group:all#member",
    "group:all#member@group:eng#member",
    "group:eng#member@user:anne",
    "doc:1#viewer@user:bob",
    "doc:1#blocked@user:bob",
    "doc:2#viewer@user:carl",
]


@pytest.fixture
def relations(tx, clock):
    made = Relations("main", clock)
    made.put_model(tx, compose(CORE, MODULE))
    made.write(tx, [tuple_of(text) for text in TUPLES])
    return made


def users(found) -> list[str]:
    return [each.query.user for each in found.users]


def test_everybody_who_reaches_an_object_is_named_with_a_proof(relations, tx):
    found = relations.reach(tx, "doc:1", "viewer")
    assert users(found) == ["user:bob", "user:anne"]
    assert [str(used) for used in found.users[1].carriers()] == TUPLES[:4]
    assert not found.truncated


def test_who_is_taken_away_does_not_reach(relations, tx):
    assert users(relations.reach(tx, "doc:1", "reader")) == ["user:anne"]


def test_everyone_is_one_entry(relations, tx):
    relations.write(tx, [tuple_of("doc:1#viewer@user:*")])
    found = relations.reach(tx, "doc:1", "reader")
    assert users(found) == ["user:*", "user:anne"]


def test_whom_a_condition_leaves_open_is_told_apart(relations, tx):
    relations.write(tx, [tuple_of("doc:1#viewer@user:dora", "c")])
    found = relations.reach(tx, "doc:1", "viewer")
    assert [user for user, _ in found.unclear] == ["user:dora"]
    assert found.to_json()["unclear"][0]["error"]["code"] == "validation_error"
    assert "user:dora" in users(relations.reach(tx, "doc:1", "viewer", context={"x": True}))
    assert "user:dora" not in users(relations.reach(tx, "doc:1", "viewer", context={"x": False}))


def test_an_audit_is_bounded_and_says_so(relations, tx):
    found = relations.reach(tx, "doc:1", "viewer", 1)
    assert users(found) == ["user:bob"]
    assert found.truncated
    assert relations.reach(tx, "doc:1", "viewer", -1).users == ()


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("MAX_EXPLAINED_TUPLES", 2),
        ("MAX_REACHING_READS", 2),
        ("MAX_REACHING_TRIED", 1),
        ("MAX_REACHING_TUPLES", 1),
    ],
)
def test_an_audit_stops_reading(relations, tx, monkeypatch, name, bound):
    monkeypatch.setattr(f"authz.engine.why.who.{name}", bound)
    found = relations.reach(tx, "doc:1", "viewer")
    assert found.truncated
    assert "user:anne" not in users(found)


def test_an_audit_of_what_the_model_does_not_know_is_refused(relations, tx):
    with pytest.raises(RelationNotFound):
        relations.reach(tx, "doc:1", "flies")
    with pytest.raises(CheckError):
        relations.reach(tx, "doc", "viewer")


def test_tuples_of_an_older_model_reach_nothing(relations, tx):
    newer = MODULE.replace(", group#member] or viewer", "] or viewer")
    relations.put_model(tx, compose(CORE, newer))
    assert users(relations.reach(tx, "doc:1", "viewer")) == ["user:bob"]


def test_types_of_an_older_model_reach_nothing(relations, tx):
    lines = MODULE.replace(", group#member] or viewer", "] or viewer").splitlines()
    relations.put_model(tx, compose(CORE, "\n".join([*lines[:1], *lines[4:]])))
    assert users(relations.reach(tx, "doc:1", "viewer")) == ["user:bob"]
    assert users(relations.reach(tx, "doc:top", "viewer")) == []


def test_an_audit_finds_whoever_a_check_allows():
    named = 0
    for seed in range(60):
        rnd = random.Random(seed)
        model = draw_model(rnd)
        store = MemoryTuples(draw_tuples(rnd, model))
        for kind, name, i in itertools.product(TYPES, NAMES, IDS):
            found = reach(model, store, f"{kind}:{i}", name)
            reached = set(users(found))
            assert not found.truncated
            for user in ("user:a", "user:b", "user:*"):
                allowed = check(model, store, Query(user, name, f"{kind}:{i}"))
                if user in reached:
                    assert allowed, (seed, user)
                elif allowed:
                    assert "user:*" in reached, (seed, user)
            named += len(reached)
    assert named > 100


QUESTIONS = [
    Query("user:anne", "viewer", "doc:1"),
    Query("user:bob", "reader", "doc:1"),
    Query("user:carl", "viewer", "doc:2"),
]


def words(changed) -> list[tuple[str, str, str]]:
    return [(one.query.user, one.to_json()["before"], one.to_json()["after"]) for one in changed]


def test_a_dry_run_tells_which_answers_change_and_stores_nothing(relations, tx):
    before = relations.revision(tx)
    changed = relations.what_if(
        tx,
        [tuple_of("doc:1#viewer@user:*")],
        [tuple_of("group:all#member@group:eng#member"), tuple_of("doc:1#blocked@user:bob")],
        [*QUESTIONS, Query("user:eve", "viewer", "doc:1")],
    )
    assert words(changed) == [
        ("user:bob", "denied", "allowed"),
        ("user:eve", "denied", "allowed"),
    ]
    gone = relations.what_if(tx, (), [tuple_of("group:all#member@group:eng#member")], QUESTIONS)
    assert words(gone) == [("user:anne", "allowed", "denied")]
    assert relations.revision(tx) == before
    assert relations.check_many(tx, QUESTIONS) == [True, False, True]


def test_a_dry_run_tells_of_an_answer_that_becomes_an_error(relations, tx):
    changed = relations.what_if(
        tx,
        [tuple_of("doc:2#viewer@user:dora", "c")],
        [],
        [Query("user:dora", "viewer", "doc:2")],
    )
    assert words(changed) == [("user:dora", "denied", "error")]


def test_a_dry_run_is_what_the_write_then_does(relations, tx):
    writes = [tuple_of("doc:2#parent@doc:1")]
    deletes = [tuple_of("doc:2#viewer@user:carl"), tuple_of("doc:1#blocked@user:bob")]
    questions = [
        Query(f"user:{who}", relation, f"doc:{n}")
        for who in ("anne", "bob", "carl")
        for relation in ("viewer", "reader", "blocked")
        for n in (1, 2)
    ]
    before = relations.check_many(tx, questions)
    changed = relations.what_if(tx, writes, deletes, questions)
    relations.write(tx, writes, deletes)
    after = relations.check_many(tx, questions)
    assert [(one.query, one.before, one.after) for one in changed] == [
        (q, was, will) for q, was, will in zip(questions, before, after, strict=True) if was != will
    ]
    assert len(changed) > 3


@pytest.mark.parametrize(
    ("writes", "deletes", "refusal"),
    [
        ([tuple_of(TUPLES[0])], [], WriteConflict),
        ([], [tuple_of("doc:9#viewer@user:anne")], WriteConflict),
        ([], [tuple_of("doc:1#viewer@group:all")], WriteConflict),
        ([tuple_of("doc:1#flies@user:anne")], [], InvalidTuple),
        ([tuple_of("doc:9#viewer@user:anne")] * 2, [], DuplicateInRequest),
        ([RelationTuple(f"user:{n}", "viewer", "doc:9") for n in range(101)], [], TooManyTuples),
    ],
)
def test_a_dry_run_is_refused_as_the_write_would_be(relations, tx, writes, deletes, refusal):
    with pytest.raises(refusal):
        relations.what_if(tx, writes, deletes, QUESTIONS)
    with pytest.raises(refusal):
        relations.write(tx, writes, deletes)


def test_a_dry_run_asks_a_bounded_number_of_questions(relations, tx):
    with pytest.raises(CheckError, match="more than"):
        relations.what_if(tx, (), (), QUESTIONS * 200)


def test_an_explanation_sees_the_writes_of_its_own_transaction(relations, tx):
    question = Query("user:zoe", "viewer", "doc:2")
    refused = relations.explain(tx, question)
    assert not refused.allowed
    assert refused.nearest == tuple_of("doc:2#viewer@user:zoe")
    relations.write(tx, [refused.nearest])
    assert relations.explain(tx, question).allowed


def test_a_store_without_some_tuples_hides_them_from_every_reader(store):
    from authz.engine.listing import list_objects
    from authz.stores.overlay import Without

    model = compose(CORE, MODULE)
    new = [admit(model, tuple_of(text)) for text in TUPLES]
    store.write(new, [], 1)
    hidden = Without(store, frozenset({new[3].key, new[6].key}))
    assert check(model, store, QUESTIONS[0]) is True
    assert check(model, hidden, QUESTIONS[0]) is False
    assert list_objects(model, store, "user:carl", "viewer", "doc").objects == ("doc:2",)
    assert list_objects(model, hidden, "user:carl", "viewer", "doc").objects == ()
