"""What a check means: unions, usersets, `from`, wildcards, `and`, `but not`, cycles, old tuples."""

import pytest

from authz.engine.check import check
from authz.engine.listing import list_objects
from authz.engine.tuples import admit
from authz.model.compiled import Model
from authz.stores.memory import MemoryTuples
from authz.stores.protocol import NewTuple
from tests.engine.world import HEADER, World, query_of, tuple_of

DOCUMENTS = """
type user
type group
  relations
    define member: [user, user:*, group#member]
type folder
  relations
    define parent: [folder]
    define owner: [user] or owner from parent
    define viewer: [user, user:*, group#member] or owner or viewer from parent
type document
  relations
    define parent: [folder]
    define blocked: [user, group#member]
    define approved: [user, user:*]
    define owner: [user]
    define viewer: [user, user:*, group#member] or owner or viewer from parent
    define reader: viewer but not blocked
    define signer: viewer and approved
"""


def test_a_tuple_grants_its_user_and_nobody_else():
    world = World(DOCUMENTS, "document:1#viewer@user:anne")
    assert world.check("document:1#viewer@user:anne") is True
    assert world.check("document:1#viewer@user:bob") is False
    assert world.check("document:2#viewer@user:anne") is False
    assert world.check("document:1#owner@user:anne") is False


def test_a_computed_relation_follows_from_another_of_the_same_object():
    world = World(DOCUMENTS, "document:1#owner@user:anne")
    assert world.check("document:1#viewer@user:anne") is True
    assert world.check("document:1#reader@user:anne") is True


def test_from_reaches_through_any_number_of_parents():
    world = World(
        DOCUMENTS,
        "folder:root#owner@user:anne",
        "folder:a#parent@folder:root",
        "folder:b#parent@folder:a",
        "document:1#parent@folder:b",
    )
    assert world.check("document:1#viewer@user:anne") is True
    assert world.check("document:1#owner@user:anne") is False
    assert world.listed("user:anne", "viewer", "document") == ["1"]
    assert world.listed("user:anne", "viewer", "folder") == ["a", "b", "root"]


def test_groups_nest():
    world = World(
        DOCUMENTS,
        "document:1#viewer@group:all#member",
        "group:all#member@group:eng#member",
        "group:eng#member@user:anne",
    )
    assert world.check("document:1#viewer@user:anne") is True
    assert world.check("document:1#viewer@group:eng#member") is True
    assert world.check("group:eng#member@group:all#member") is False


def test_a_wildcard_grants_everyone_of_its_type_but_no_userset():
    world = World(DOCUMENTS, "document:1#viewer@user:*")
    assert world.check("document:1#viewer@user:anyone") is True
    assert world.check("document:1#viewer@user:*") is True
    assert world.check("document:1#viewer@group:g#member") is False
    assert world.listed("user:anyone", "viewer", "document") == ["1"]


def test_a_grant_to_one_user_is_none_to_everyone():
    world = World(DOCUMENTS, "document:1#viewer@user:anne")
    assert world.check("document:1#viewer@user:*") is False


def test_but_not_takes_away_what_any_branch_gave():
    world = World(
        DOCUMENTS,
        "document:1#viewer@user:*",
        "document:1#blocked@group:bad#member",
        "group:bad#member@user:mallory",
    )
    assert world.check("document:1#reader@user:anne") is True
    assert world.check("document:1#reader@user:mallory") is False
    assert world.listed("user:mallory", "reader", "document") == []
    assert world.listed("user:anne", "reader", "document") == ["1"]


def test_and_needs_every_part():
    world = World(
        DOCUMENTS,
        "document:1#viewer@user:anne",
        "document:1#approved@user:anne",
        "document:2#viewer@user:anne",
        "document:3#approved@user:*",
    )
    assert world.check("document:1#signer@user:anne") is True
    assert world.check("document:2#signer@user:anne") is False
    assert world.check("document:3#signer@user:anne") is False
    assert world.listed("user:anne", "signer", "document") == ["1"]


def test_the_holders_of_a_relation_hold_it():
    world = World(DOCUMENTS)
    assert world.check("group:g#member@group:g#member") is True
    assert world.check("document:1#viewer@document:1#owner") is True
    assert world.check("document:1#viewer@document:2#owner") is False
    assert world.listed("document:1#owner", "viewer", "document") == ["1"]


CYCLIC = """
type user
type group
  relations
    define member: [user, group#member]
    define other: [user, group#other]
type document
  relations
    define granted: [user]
    define blocked: [user, group#member]
    define viewer: granted but not blocked
    define checked: granted and blocked
"""
RING = (
    "group:a#member@group:b#member",
    "group:b#member@group:c#member",
    "group:c#member@group:a#member",
)


def test_a_cycle_of_groups_is_false_and_terminates():
    world = World(CYCLIC, *RING)
    assert world.check("group:a#member@user:anne") is False


def test_a_member_anywhere_in_a_cycle_is_a_member_of_all_of_it():
    world = World(CYCLIC, *RING, "group:c#member@user:anne")
    for name in "abc":
        assert world.check(f"group:{name}#member@user:anne") is True
    assert world.listed("user:anne", "member", "group") == ["a", "b", "c"]


def test_a_cycle_inside_the_subtracted_part_denies():
    world = World(
        CYCLIC, *RING, "document:1#granted@user:anne", "document:1#blocked@group:a#member"
    )
    assert world.check("document:1#viewer@user:anne") is False


def test_a_subtracted_part_without_a_cycle_takes_only_its_members():
    world = World(
        CYCLIC,
        "group:a#member@group:b#member",
        "document:1#granted@user:anne",
        "document:1#blocked@group:a#member",
    )
    assert world.check("document:1#viewer@user:anne") is True


def test_a_cycle_inside_an_intersection_is_false():
    world = World(
        CYCLIC, *RING, "document:1#granted@user:anne", "document:1#blocked@group:a#member"
    )
    assert world.check("document:1#checked@user:anne") is False


def test_folders_in_a_circle_terminate():
    world = World(
        DOCUMENTS,
        "folder:a#parent@folder:b",
        "folder:b#parent@folder:a",
        "document:1#parent@folder:a",
        "folder:b#viewer@user:anne",
    )
    assert world.check("document:1#viewer@user:anne") is True
    assert world.check("document:1#viewer@user:bob") is False


def chain(length: int) -> list[str]:
    tuples = [f"folder:{n}#parent@folder:{n + 1}" for n in range(length)]
    return [*tuples, f"folder:{length}#owner@user:anne"]


def test_twenty_four_hops_are_answered():
    assert World(DOCUMENTS, *chain(24)).check("folder:0#viewer@user:anne") is True


def test_the_twenty_fifth_hop_is_too_complex():
    assert World(DOCUMENTS, *chain(25)).check("folder:0#viewer@user:anne") == 2002


def test_a_shorter_way_answers_in_spite_of_a_deeper_one():
    world = World(DOCUMENTS, *chain(40), "folder:0#viewer@user:anne")
    assert world.check("folder:0#viewer@user:anne") is True


@pytest.mark.parametrize(
    "newer",
    [
        "define viewer: [group#member]",
        "define viewer: [user:*]",
        "define viewer: [user with c]",
        "define viewer: [group]",
    ],
)
def test_tuples_that_the_model_no_longer_admits_are_ignored(newer):
    older = Model.from_dsl(
        HEADER + "type user\ntype document\n  relations\n    define viewer: [user]\n"
    )
    stored: NewTuple = admit(older, tuple_of("document:1#viewer@user:anne"))
    text = f"type user\ntype group\n  relations\n    define member: [user]\ntype document\n  relations\n    {newer}\n"
    if "with c" in newer:
        text += "condition c(x: int) {\n  x < 1\n}\n"
    model = Model.from_dsl(HEADER + text)
    store = MemoryTuples([stored])
    assert check(model, store, query_of("document:1#viewer@user:anne", {"x": 0})) is False
    assert list_objects(model, store, "user:anne", "viewer", "document").objects == ()


def test_a_tuple_on_a_relation_that_no_longer_takes_tuples_is_ignored():
    older = Model.from_dsl(
        HEADER + "type user\ntype document\n  relations\n    define viewer: [user]\n"
    )
    stored = admit(older, tuple_of("document:1#viewer@user:anne"))
    newer = Model.from_dsl(
        HEADER
        + "type user\ntype document\n  relations\n    define owner: [user]\n    define viewer: owner\n"
    )
    assert check(newer, MemoryTuples([stored]), query_of("document:1#viewer@user:anne")) is False


@pytest.mark.parametrize(
    "question",
    [
        "nothing:1#viewer@user:anne",
        "document:1#nothing@user:anne",
        "document:1#viewer@nothing:anne",
        "document:1#viewer@group:g#nothing",
        "document:1#viewer@anne",
        "document:*#viewer@user:anne",
        "document:1#viewer@user:*#member",
        "document#viewer@user:anne",
    ],
)
def test_a_question_that_does_not_fit_the_model_is_an_error(question):
    assert World(DOCUMENTS).check(question) == 2000


def test_a_request_can_bring_its_own_tuples():
    world = World(DOCUMENTS, "document:1#viewer@group:eng#member")
    assert world.check("document:1#viewer@user:anne") is False
    joined = world.with_tuples("group:eng#member@user:anne")
    assert joined.check("document:1#viewer@user:anne") is True
    assert joined.listed("user:anne", "viewer", "document") == ["1"]
    assert world.check("document:1#viewer@user:anne") is False
