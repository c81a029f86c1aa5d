"""Why yes, why no, and what would change it: explanations as people read them."""

import orjson
import pytest

from authz.engine.query import Query
from authz.engine.why.drawn import as_text
from authz.engine.why.explain import explain
from authz.engine.why.explained import Explanation, Kind
from authz.errors import CheckError
from authz.stores.memory import MemoryTuples
from tests.engine.world import World, query_of, tuple_of

DOCUMENTS = """
type user
type robot
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define parent: [folder]
    define owner: [user]
    define viewer: [user, group#member] or owner or viewer from parent
type document
  relations
    define parent: [folder]
    define blocked: [user, group#member]
    define approved: [user, user:*]
    define viewer: [user with in_time, group#member] or viewer from parent
    define reader: viewer but not blocked
    define signer: viewer and approved
condition in_time(current_time: timestamp, expires_at: timestamp) {
  current_time < expires_at
}
"""
EARLY, MIDDLE, LATE = (f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3))


def why(text: str, *tuples, **context) -> Explanation:
    world = World(DOCUMENTS, *tuples)
    return explain(world.model, world.store, query_of(text, context))


def lines(found: Explanation) -> list[str]:
    return as_text(found).splitlines()


def kinds(found: Explanation) -> set[Kind]:
    return {step.kind for step in found.tree.walk()}


INHERITED = (
    "document:1#parent@folder:a",
    "folder:a#parent@folder:root",
    "folder:root#viewer@group:eng#member",
    "group:eng#member@user:anne",
)


def test_a_yes_is_drawn_as_the_tuples_that_carry_it():
    found = why("document:1#viewer@user:anne", *INHERITED)
    assert lines(found) == [
        "yes: user:anne viewer document:1",
        "document:1#viewer: yes",
        "└─ from document:1#parent@folder:a",
        "   └─ folder:a#viewer: yes",
        "      └─ from folder:a#parent@folder:root",
        "         └─ folder:root#viewer: yes",
        "            └─ through folder:root#viewer@group:eng#member",
        "               └─ group:eng#member: yes",
        "                  └─ tuple group:eng#member@user:anne",
    ]
    assert [str(used) for used in found.carriers()] == list(INHERITED)
    assert found.nearest is None
    assert not found.cut


def test_the_shorter_of_two_proofs_is_drawn():
    found = why("document:1#viewer@user:anne", *INHERITED, "folder:a#owner@user:anne")
    assert [str(used) for used in found.carriers()] == [
        "document:1#parent@folder:a",
        "folder:a#owner@user:anne",
    ]


def test_a_no_is_drawn_as_the_branches_that_failed():
    found = why("document:1#viewer@user:anne", *INHERITED[:3])
    assert lines(found) == [
        "no: user:anne viewer document:1",
        "document:1#viewer: no",
        "├─ document:1#viewer: no tuple that could count",
        "└─ from document:1#parent@folder:a",
        "   └─ folder:a#viewer: no",
        "      ├─ folder:a#viewer: no tuple that could count",
        "      ├─ folder:a#owner: no",
        "      │  └─ folder:a#owner: no tuple that could count",
        "      └─ from folder:a#parent@folder:root",
        "         └─ folder:root#viewer: no",
        "            ├─ through folder:root#viewer@group:eng#member",
        "            │  └─ group:eng#member: no",
        "            │     └─ group:eng#member: no tuple that could count",
        "            ├─ folder:root#owner: no",
        "            │  └─ folder:root#owner: no tuple that could count",
        "            └─ folder:root#parent: no tuple that could count",
        "it would be yes with folder:a#viewer@user:anne",
    ]


def test_the_nearest_tuple_comes_with_the_condition_it_needs():
    times = {"current_time": EARLY, "expires_at": LATE}
    found = why("document:1#viewer@user:anne", **times)
    assert found.nearest == tuple_of("document:1#viewer@user:anne", "in_time")
    assert lines(found)[-1] == "it would be yes with document:1#viewer@user:anne with in_time"


def test_a_tuple_whose_condition_would_fail_is_not_named():
    found = why("document:1#viewer@user:anne", current_time=LATE, expires_at=EARLY)
    assert found.nearest is None


def test_no_tuple_is_named_where_none_would_help():
    found = why("document:1#reader@user:anne", *INHERITED, "document:1#blocked@user:anne")
    assert found.nearest is None


def test_a_tuple_that_is_there_already_is_not_named():
    grant = tuple_of("document:1#viewer@user:anne", "in_time", expires_at=EARLY)
    found = why("document:1#viewer@user:anne", grant, current_time=LATE)
    assert found.nearest is None
    # With its own context the overlay would have let it pass.
    told = why("document:1#viewer@user:anne", grant, current_time=MIDDLE, expires_at=LATE)
    assert told.nearest is None


def test_what_is_taken_away_is_told_with_the_proof_of_it():
    found = why("document:1#reader@user:anne", *INHERITED, "document:1#blocked@group:eng#member")
    taken = next(step for step in found.tree.walk() if step.kind is Kind.TAKEN)
    assert taken.holds is True
    assert [str(s.used) for s in taken.walk() if s.kind is Kind.USERSET] == [
        "document:1#blocked@group:eng#member"
    ]
    assert found.tree.holds is False


def test_what_is_not_taken_away_is_told_too():
    found = why("document:1#reader@user:anne", *INHERITED)
    taken = next(step for step in found.tree.walk() if step.kind is Kind.TAKEN)
    assert taken.holds is False
    assert found.allowed


def test_of_an_intersection_the_part_that_fails_is_drawn():
    found = why("document:1#signer@user:anne", *INHERITED)
    text = as_text(found)
    assert "document:1#approved: no tuple that could count" in text
    assert "group:eng" not in text
    assert str(found.nearest and found.nearest.relation) == "approved"


def test_a_condition_that_holds_is_shown_with_what_it_saw():
    grant = tuple_of("document:1#viewer@user:anne", "in_time", expires_at=LATE)
    found = why(
        "document:1#viewer@user:anne", grant, current_time=EARLY, expires_at=EARLY, other="x"
    )
    (used,) = found.carriers()
    assert used.context == {"current_time": EARLY, "expires_at": LATE}
    assert f"with in_time(current_time='{EARLY}', expires_at='{LATE}')" in as_text(found)


def test_a_condition_that_is_false_is_told():
    grant = tuple_of("document:1#viewer@user:anne", "in_time", expires_at=EARLY)
    found = why("document:1#viewer@user:anne", grant, current_time=LATE)
    assert found.error is None
    assert lines(found)[2].endswith(": false")


def test_a_condition_that_lacks_a_parameter_is_an_error_and_told_where():
    grant = tuple_of("document:1#viewer@user:anne", "in_time", expires_at=LATE)
    found = why("document:1#viewer@user:anne", grant)
    assert not found.allowed
    assert found.error is not None
    assert found.error.number == 2000
    (failed,) = [step for step in found.tree.walk() if step.note]
    assert (failed.kind, failed.holds) == (Kind.TUPLE, None)
    assert "'current_time'" in failed.note


def test_a_cycle_is_told():
    found = why(
        "group:a#member@user:anne", "group:a#member@group:b#member", "group:b#member@group:a#member"
    )
    assert not found.allowed
    assert Kind.CYCLE in kinds(found)
    assert str(found.nearest and found.nearest.object) == "group:a"


def test_a_kind_of_user_that_the_model_never_lets_in_is_told():
    found = why("document:1#viewer@robot:r", *INHERITED)
    assert kinds(found) == {Kind.NO_WAY}
    assert found.nearest is None


def test_the_holders_of_a_relation_hold_it():
    found = why("group:eng#member@group:eng#member")
    assert found.allowed
    assert kinds(found) == {Kind.ITSELF}


def test_the_depth_limit_is_told():
    chain = [f"folder:{n}#parent@folder:{n + 1}" for n in range(40)]
    found = why("folder:0#viewer@user:anne", *chain)
    assert found.error is not None
    assert found.error.number == 2002
    assert Kind.LIMIT in kinds(found)
    assert found.cut


def test_a_question_that_does_not_fit_the_model_is_the_error_of_a_check():
    with pytest.raises(CheckError) as refused:
        why("document:1#flies@user:anne")
    assert refused.value.number == 2000


def test_the_json_form_has_stable_names():
    found = why("folder:a#viewer@user:anne", "folder:a#owner@user:anne")
    assert found.to_json() == {
        "user": "user:anne",
        "relation": "viewer",
        "object": "folder:a",
        "verdict": "allowed",
        "error": None,
        "nearest": None,
        "tree": {
            "kind": "relation",
            "holds": True,
            "what": "folder:a#viewer",
            "steps": [
                {
                    "kind": "relation",
                    "holds": True,
                    "what": "folder:a#owner",
                    "steps": [
                        {
                            "kind": "tuple",
                            "holds": True,
                            "what": "folder:a#owner@user:anne",
                            "tuple": {
                                "user": "user:anne",
                                "relation": "owner",
                                "object": "folder:a",
                            },
                        }
                    ],
                }
            ],
        },
        "cut": False,
    }


def test_the_json_form_of_a_no_names_the_error_and_the_nearest_tuple():
    body = why("folder:a#viewer@user:anne").to_json()
    assert body["verdict"] == "denied"
    assert body["nearest"] == {"user": "user:anne", "relation": "viewer", "object": "folder:a"}
    grant = tuple_of("document:1#viewer@user:anne", "in_time", expires_at=LATE)
    failed = why("document:1#viewer@user:anne", grant).to_json()
    assert failed["verdict"] == "error"
    assert failed["error"]["code"] == "validation_error"


def test_names_cannot_turn_the_text_around():
    found = why("folder:a\u202eb#viewer@user:anne")
    assert "\u202e" not in as_text(found)


def test_an_explanation_is_bounded_in_steps(monkeypatch):
    monkeypatch.setattr("authz.engine.why.drawing.MAX_EXPLAINED_STEPS", 50)
    wide = [f"folder:a#viewer@group:{n}#member" for n in range(400)]
    found = why("folder:a#viewer@user:anne", *wide)
    assert found.cut
    assert sum(1 for _ in found.tree.walk()) < 150
    assert lines(found)[-1] == "this is not the whole: a limit was reached"


@pytest.mark.parametrize(("name", "bound"), [("MAX_NEAREST_TRIED", 1), ("MAX_NEAREST_TUPLES", 0)])
def test_few_tuples_are_tried(monkeypatch, name, bound):
    question = "document:1#signer@user:anne"
    tuples = (*INHERITED[:3], "document:1#approved@user:*")
    assert why(question, *tuples).nearest == tuple_of("folder:a#viewer@user:anne")
    # The first that is tried needs a condition, which nothing feeds.
    monkeypatch.setattr(f"authz.engine.why.nearest.{name}", bound)
    assert why(question, *tuples).nearest is None


def test_a_proof_is_bounded_in_steps():
    many = [f"a{n}" for n in range(400)]
    text = "type user\ntype doc\n  relations\n" + "".join(
        f"    define {name}: [user]\n" for name in many
    )
    world = World(
        f"{text}    define all: {' and '.join(many)}\n",
        *(f"doc:1#{name}@user:anne" for name in many),
    )
    found = explain(world.model, world.store, query_of("doc:1#all@user:anne"))
    assert found.allowed
    assert found.cut
    kept = sum(step.kind is Kind.TUPLE for step in found.tree.walk())
    assert 100 < kept < 200


def test_tuples_that_the_model_no_longer_admits_carry_nothing():
    text = DOCUMENTS.replace("user with in_time", "user, user with in_time")
    older = World(text, "document:1#viewer@user:anne")
    newer = World(DOCUMENTS)
    found = explain(newer.model, older.store, query_of("document:1#viewer@user:anne"))
    assert not found.allowed
    assert found.tree.holds is False
    assert Kind.TUPLE not in kinds(found)


def test_an_explanation_reads_no_further_once_it_has_read_enough(monkeypatch):
    monkeypatch.setattr("authz.engine.why.evidence.MAX_EXPLAINED_TUPLES", 100)
    wide = [f"folder:a#viewer@group:{n}#member" for n in range(400)]
    world = World(DOCUMENTS, *wide, "group:7#member@user:anne")
    found = explain(world.model, world.store, query_of("folder:a#viewer@user:anne"))
    assert found.allowed
    assert found.cut
    assert Kind.LIMIT in kinds(found)


def test_a_model_of_very_many_relations_in_a_row_is_drawn_up_to_a_depth():
    many = 400
    text = "type user\ntype doc\n  relations\n    define r0: [user]\n" + "".join(
        f"    define r{n}: r{n - 1}\n" for n in range(1, many)
    )
    world = World(text, "doc:1#r0@user:anne")
    for user, allowed in (("user:anne", True), ("user:bob", False)):
        found = explain(world.model, world.store, Query(user, f"r{many - 1}", "doc:1"))
        assert found.allowed is allowed
        assert found.cut
        assert as_text(found)


def test_nested_operators_are_drawn_up_to_a_depth():
    nested = "base"
    for _ in range(35):
        nested = f"({nested} and base)"
    many = 40
    text = "type user\ntype doc\n  relations\n    define base: [user]\n" + "".join(
        f"    define r{n}: {nested.replace('base', f'r{n - 1}' if n else 'base', 1)[1:-1]}\n"
        for n in range(many)
    )
    world = World(text, "doc:1#base@user:anne")
    for user, allowed in (("user:anne", True), ("user:bob", False)):
        found = explain(world.model, world.store, Query(user, f"r{many - 1}", "doc:1"))
        assert found.allowed is allowed
        assert as_text(found)
        assert orjson.dumps(found.to_json())


def test_the_longest_chain_that_a_check_follows_is_drawn_whole():
    chain = [f"folder:{n}#parent@folder:{n + 1}" for n in range(24)]
    found = why("folder:0#viewer@user:anne", *chain, "folder:24#owner@user:anne")
    assert found.allowed
    assert not found.cut
    assert len(found.carriers()) == 25
    assert orjson.dumps(found.to_json())


def test_an_explanation_reads_little_of_a_large_store():
    class Counting(MemoryTuples):
        rows = 0

        def related(self, wanted, ids, user):
            found = super().related(wanted, ids, user)
            Counting.rows += len(found)
            return found

    world = World(DOCUMENTS)
    noise = [f"folder:x{n}#viewer@user:u{n}" for n in range(2000)]
    store = Counting(world._admitted((*INHERITED, *noise)))
    assert explain(world.model, store, query_of("document:1#viewer@user:anne")).allowed
    assert Counting.rows < 20
