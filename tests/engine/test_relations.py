"""The facade that the server uses, on real databases."""

from pathlib import Path

import pytest

import authz
from authz.errors import (
    CheckError,
    DuplicateInRequest,
    InvalidTuple,
    ModelNotFound,
    TooManyTuples,
    WriteConflict,
)
from authz.model.compiled import Model
from authz.model.compose import compose
from authz.relations import Query, Relations, RelationTuple, UserFilter
from tests.engine.world import HEADER

ROOT = Path(authz.__file__).parent
CORE = (ROOT / "mandate.fga").read_text()
DOCUMENTS = (ROOT.parent / "examples" / "documents" / "documents.fga").read_text()

TREE = [
    RelationTuple("user:anne", "owner", "folder:home"),
    RelationTuple("folder:home", "parent", "folder:work"),
    RelationTuple("folder:work", "parent", "document:plan"),
    RelationTuple("folder:home", "parent", "document:diary"),
    RelationTuple("consent:dlg_1.0", "consented", "folder:work"),
    RelationTuple("agent:agt_1", "ceiling", "folder:home"),
]


@pytest.fixture
def relations(tx, clock):
    made = Relations("main", clock)
    made.put_model(tx, compose(CORE, DOCUMENTS))
    made.write(tx, TREE)
    return made


def ask(relations, tx, *questions: tuple[str, str, str]) -> list[object]:
    return relations.check_many(tx, [Query(*question) for question in questions])


def test_the_legs_of_a_decision_are_answered_together(relations, tx):
    assert ask(
        relations,
        tx,
        ("user:anne", "viewer", "document:plan"),
        ("consent:dlg_1.0", "consented", "document:plan"),
        ("agent:agt_1", "ceiling", "document:plan"),
        ("consent:dlg_1.0", "consented", "document:diary"),
        ("agent:agt_2", "ceiling", "document:plan"),
        ("agent:agt_1", "viewer", "document:plan"),
    ) == [True, True, True, False, False, False]


def test_consent_and_ceiling_are_no_right_of_the_user(relations, tx):
    assert ask(
        relations,
        tx,
        ("user:anne", "consented", "document:plan"),
        ("consent:dlg_1.0", "viewer", "document:plan"),
        ("agent:agt_1", "owner", "document:plan"),
    ) == [False, False, False]


def test_one_bad_question_spoils_no_other(relations, tx):
    good, bad = ask(
        relations,
        tx,
        ("user:anne", "viewer", "document:plan"),
        ("user:anne", "fly", "document:plan"),
    )
    assert good is True
    assert isinstance(bad, CheckError)
    assert bad.number == 2000


def test_a_check_sees_the_writes_of_its_own_transaction(relations, tx):
    question = ("user:bob", "viewer", "document:plan")
    assert ask(relations, tx, question) == [False]
    grant = RelationTuple("user:bob", "viewer", "document:plan")
    first = relations.write(tx, [grant])
    assert ask(relations, tx, question) == [True]
    second = relations.write(tx, deletes=[grant])
    assert ask(relations, tx, question) == [False]
    assert second == first + 1 == relations.revision(tx)


def test_the_end_of_a_consent_takes_all_its_tuples(relations, tx):
    relations.write(tx, [RelationTuple("consent:dlg_1.0", "consented", "document:diary")])
    assert relations.delete_user(tx, "consent:dlg_1.0") == 2
    assert relations.read(tx, user="consent:dlg_1.0") == []
    assert ask(relations, tx, ("consent:dlg_1.0", "consented", "document:plan")) == [False]


def test_the_end_of_an_object_takes_all_its_tuples(relations, tx):
    assert relations.delete_object(tx, "document:plan") == 1
    assert ask(relations, tx, ("user:anne", "viewer", "document:plan")) == [False]


def test_objects_are_listed_by_name_and_a_cut_is_said(relations, tx):
    listing = relations.list_objects(tx, "user:anne", "viewer", "document")
    assert listing.objects == ("document:diary", "document:plan")
    assert not listing.truncated
    cut = relations.list_objects(tx, "user:anne", "viewer", "document", 1)
    assert cut.objects == ("document:diary",)
    assert cut.truncated


def test_objects_are_read_in_pages(relations, tx):
    relations.write(tx, [RelationTuple("folder:work", "parent", f"document:{n}") for n in range(7)])
    read, after, truncated = [], "", True
    while truncated:
        page = relations.list_objects(tx, "user:anne", "viewer", "document", 2, after=after)
        read += page.objects
        truncated, after = page.truncated, read[-1]
    assert read == [*(f"document:{n}" for n in range(7)), "document:diary", "document:plan"]


def test_users_are_listed_in_pages_by_kind_and_name(relations, tx):
    relations.write(tx, [RelationTuple(f"user:{n}", "viewer", "folder:work") for n in "zbÉa"])
    kinds = [UserFilter("user"), UserFilter("folder", "viewer")]
    whole = relations.list_users(tx, "document:plan", "viewer", kinds)
    read = [str(user) for user in whole.users]
    assert read == [
        "folder:home#viewer",
        "folder:work#viewer",
        *("user:a", "user:anne", "user:b", "user:z", "user:É"),
    ]
    assert not whole.truncated
    paged, after, truncated = [], "", True
    while truncated:
        page = relations.list_users(tx, "document:plan", "viewer", kinds, 2, after=after)
        paged += [str(user) for user in page.users]
        truncated, after = page.truncated, paged[-1]
    assert paged == read
    consents = relations.list_users(tx, "document:plan", "consented", [UserFilter("consent")])
    assert [str(user) for user in consents.users] == ["consent:dlg_1.0"]


def test_a_listing_of_users_sees_the_writes_of_its_own_transaction(relations, tx):
    grant = RelationTuple("user:bob", "viewer", "document:plan")
    relations.write(tx, [grant], [TREE[0]])
    found = relations.list_users(tx, "document:plan", "viewer", [UserFilter("user")])
    assert [str(user) for user in found.users] == ["user:bob"]


def test_a_relation_is_expanded_one_level(relations, tx):
    relations.write(tx, [RelationTuple("user:bob", "viewer", "document:plan")])
    root = relations.expand(tx, "document:plan", "viewer")["root"]
    assert root["union"]["nodes"][0] == {
        "name": "document:plan#viewer",
        "leaf": {"users": {"users": ["user:bob"]}},
    }
    through = root["union"]["nodes"][-1]["leaf"]["tupleToUserset"]
    assert through == {
        "tupleset": "document:plan#parent",
        "computed": [{"userset": "folder:work#viewer"}],
    }


def test_what_a_store_holds_can_be_read_from_either_side(relations, tx):
    assert [str(s.key) for s in relations.read(tx, object="folder:home")] == [
        "folder:home#ceiling@agent:agt_1",
        "folder:home#owner@user:anne",
    ]
    assert len(relations.read(tx, object="document:")) == 2
    assert [str(s.key) for s in relations.read(tx, user="agent:agt_1")] == [
        "folder:home#ceiling@agent:agt_1"
    ]


def test_a_model_is_put_in_force_once(relations, tx, clock):
    same = compose(CORE, DOCUMENTS)
    before = relations.revision(tx)
    first = relations.put_model(tx, same)
    clock.advance(seconds=5)
    assert relations.put_model(tx, same) == first
    assert relations.revision(tx) == before
    assert len(first) == 26


def test_another_model_takes_over_at_once_in_every_process(relations, tx, clock):
    elsewhere = Relations("main", clock)
    assert ask(elsewhere, tx, ("user:anne", "viewer", "document:plan")) == [True]
    before = relations.revision(tx)
    relations.put_model(
        tx, compose(CORE, DOCUMENTS.replace("or editor or viewer from parent", "or editor"))
    )
    assert relations.revision(tx) > before
    relations.write(tx, deletes=[RelationTuple("folder:work", "parent", "document:plan")])
    assert ask(elsewhere, tx, ("user:anne", "viewer", "document:plan")) == [False]
    assert "viewer from parent" not in elsewhere.model(tx).to_dsl()


def test_a_store_without_a_model_answers_nothing(tx, clock):
    fresh = Relations("fresh", clock)
    with pytest.raises(ModelNotFound):
        ask(fresh, tx, ("user:anne", "viewer", "document:plan"))
    with pytest.raises(ModelNotFound):
        fresh.write(tx, TREE)
    assert fresh.revision(tx) == 0


def test_a_model_with_conditions_is_the_same_after_storing(tx, clock):
    stored = Relations("conditions", clock)
    text = """type user
type doc
  relations
    define viewer: [user with c]
condition c(ip: ipaddress, tags: list<string>, limits: map<int>) {
  ip.in_cidr("10.0.0.0/8") && "a" in tags && limits["x"] > 1
}
"""
    stored.put_model(tx, Model.from_dsl(HEADER + text))
    context = {"tags": ["a"], "limits": {"x": 2}}
    stored.write(tx, [RelationTuple("user:anne", "viewer", "doc:1", "c", context)])
    answers = stored.check_many(
        tx,
        [
            Query("user:anne", "viewer", "doc:1", {"ip": "10.0.0.1"}),
            Query("user:anne", "viewer", "doc:1", {"ip": "192.0.2.1", "tags": ["z"]}),
        ],
    )
    assert answers == [True, False]


@pytest.mark.parametrize(
    "given",
    [
        RelationTuple("user:anne", "viewer", "nothing:1"),
        RelationTuple("user:anne", "fly", "document:plan"),
        RelationTuple("robot:1", "viewer", "document:plan"),
        RelationTuple("user:*", "viewer", "document:plan"),
        RelationTuple("folder:home#owner", "viewer", "document:plan"),
        RelationTuple("consent:dlg_1.0", "viewer", "document:plan"),
        RelationTuple("user:anne", "consented", "document:plan"),
        RelationTuple("user:anne", "viewer", "document:plan", "unknown"),
        RelationTuple("user:anne", "viewer", "document:plan", "", {"x": 1}),
        RelationTuple("user:an ne", "viewer", "document:plan"),
        RelationTuple("user:anne\x00", "viewer", "document:plan"),
        RelationTuple("user:\ud800", "viewer", "document:plan"),
        RelationTuple("user:" + "a" * 600, "viewer", "document:plan"),
        RelationTuple("user:anne", "viewer", "document:" + "a" * 300),
        RelationTuple("anne", "viewer", "document:plan"),
        RelationTuple("", "", ""),
    ],
)
def test_a_tuple_that_the_model_does_not_admit_is_refused_with_the_whole_write(
    relations, tx, given
):
    before = relations.revision(tx)
    with pytest.raises(InvalidTuple):
        relations.write(tx, [RelationTuple("user:bob", "viewer", "document:plan"), given])
    assert relations.revision(tx) == before
    assert relations.read(tx, user="user:bob") == []


def test_a_write_is_bounded_and_free_of_contradictions(relations, tx):
    many = [RelationTuple(f"user:u{n}", "viewer", "document:plan") for n in range(101)]
    with pytest.raises(TooManyTuples):
        relations.write(tx, many)
    with pytest.raises(DuplicateInRequest):
        relations.write(tx, [many[0], many[0]])
    with pytest.raises(DuplicateInRequest):
        relations.write(tx, [many[0]], [many[0]])
    with pytest.raises(WriteConflict):
        relations.write(tx, [TREE[0]])
    relations.write(tx, [TREE[0]], [many[0]], on_duplicate="ignore", on_missing="ignore")


def test_a_write_may_replace_a_condition(relations, tx):
    before = relations.read(tx, object=TREE[0].object, user=TREE[0].user)
    revision = relations.write(tx, [TREE[0]], on_duplicate="replace")
    # It was there as it is sent: nothing was changed.
    assert relations.read(tx, object=TREE[0].object, user=TREE[0].user) == before
    assert relations.changes(tx, revision - 1) == []


def test_a_deletion_needs_no_model_to_know_its_type(relations, tx):
    with pytest.raises(WriteConflict):
        relations.write(tx, deletes=[RelationTuple("robot:1", "viewer", "nothing:1")])
