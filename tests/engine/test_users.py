"""Who holds a relation: usersets, wildcards, `and`, `but not`, conditions, pages, old tuples."""

import pytest

from authz.engine.tuples import admit
from authz.engine.users import UserFilter, list_users
from authz.errors import AuthzError, CheckError
from authz.model.compiled import Model
from authz.stores.memory import MemoryTuples
from tests.engine.test_semantics import CYCLIC, DOCUMENTS, RING, chain
from tests.engine.world import HEADER, World, tuple_of

USERS = (UserFilter("user"),)


def holders(world: World, target: str, *kinds: str, **context: object) -> list[str] | int:
    """List `document:1#viewer` for `user` or the kinds given, or say the number of the error."""
    name, _, relation = target.partition("#")
    filters = [UserFilter(*kind.split("#")) for kind in kinds] or USERS
    try:
        found = list_users(
            world.model, world.store, name, relation, filters, context=context or None
        )
    except AuthzError as error:
        return error.number
    assert not found.truncated
    return [str(user) for user in found.users]


def test_users_are_found_through_groups_parents_and_other_relations():
    world = World(
        DOCUMENTS,
        "document:1#viewer@user:anne",
        "document:1#owner@user:bob",
        "document:1#viewer@group:all#member",
        "group:all#member@group:eng#member",
        "group:eng#member@user:carl",
        "group:eng#member@user:anne",
        "document:1#parent@folder:a",
        "folder:a#parent@folder:b",
        "folder:b#owner@user:dora",
        "document:2#viewer@user:eve",
    )
    assert holders(world, "document:1#viewer") == [
        "user:anne",
        "user:bob",
        "user:carl",
        "user:dora",
    ]
    assert holders(world, "document:3#viewer") == []


def test_usersets_are_listed_where_the_filter_asks_for_them():
    world = World(
        DOCUMENTS,
        "document:1#viewer@group:all#member",
        "group:all#member@group:eng#member",
        "group:eng#member@user:anne",
        "document:1#parent@folder:a",
        "folder:a#viewer@group:f#member",
    )
    assert holders(world, "document:1#viewer", "group#member") == [
        "group:all#member",
        "group:eng#member",
        "group:f#member",
    ]
    assert holders(world, "document:1#viewer", "group") == []
    assert holders(world, "document:1#viewer", "document#owner") == ["document:1#owner"]
    assert holders(world, "document:1#viewer", "folder#viewer") == ["folder:a#viewer"]
    assert holders(world, "document:1#viewer", "user", "folder#owner", "user") == [
        "folder:a#owner",
        "user:anne",
    ]


def test_the_holders_of_a_relation_are_among_its_holders():
    assert holders(World(DOCUMENTS), "document:1#reader", "document#reader") == [
        "document:1#reader"
    ]


def test_everyone_is_listed_as_everyone():
    world = World(DOCUMENTS, "document:1#viewer@user:*", "document:1#viewer@user:anne")
    assert holders(world, "document:1#viewer") == ["user:*", "user:anne"]
    assert holders(world, "document:1#viewer", "group#member") == []


EXCLUDING = """
type user
type document
  relations
    define base: [user, user:*]
    define taken: [user, user:*]
    define spared: [user, user:*]
    define viewer: base but not taken
    define twice: base but not (taken but not spared)
    define both: base and spared
    define three: base and taken and spared
    define but_both: base but not (taken and spared)
"""


@pytest.mark.parametrize(
    ("relation", "named", "expected"),
    [
        ("viewer", "base@a base@b taken@a", "b"),
        ("viewer", "base@* taken@a", "*"),
        ("viewer", "base@* base@a base@b taken@a", "* b"),
        ("viewer", "base@a taken@*", ""),
        ("viewer", "base@* base@a taken@*", ""),
        ("twice", "base@* taken@a spared@a", "* a"),
        ("twice", "base@* taken@a taken@b spared@b", "* b"),
        ("twice", "base@* taken@* spared@a", "a"),
        ("twice", "base@a base@b taken@* spared@b", "b"),
        ("twice", "base@* taken@* spared@*", "*"),
        ("twice", "base@a taken@a spared@*", "a"),
        ("both", "base@a base@b spared@b spared@c", "b"),
        ("both", "base@* spared@a", "a"),
        ("both", "base@a spared@*", "a"),
        ("both", "base@* spared@*", "*"),
        ("both", "base@* base@a spared@*", "* a"),
        ("three", "base@* taken@a taken@b spared@*", "a b"),
        ("but_both", "base@* taken@a spared@b", "*"),
        ("but_both", "base@* taken@a spared@a", "*"),
        ("but_both", "base@a base@b taken@* spared@b", "a"),
    ],
)
def test_wildcards_meet_and_and_but_not(relation, named, expected):
    tuples = [f"document:1#{t.replace('@', '@user:')}" for t in named.split()]
    world = World(EXCLUDING, *tuples)
    assert holders(world, f"document:1#{relation}") == [f"user:{u}" for u in expected.split()]


def test_whoever_is_taken_away_through_a_group_is_not_listed():
    world = World(
        DOCUMENTS,
        "document:1#viewer@group:eng#member",
        "group:eng#member@user:anne",
        "group:eng#member@user:mallory",
        "document:1#blocked@group:bad#member",
        "group:bad#member@user:mallory",
    )
    assert holders(world, "document:1#reader") == ["user:anne"]
    assert holders(world, "document:1#reader", "group#member") == ["group:eng#member"]


def test_cycles_end_and_everybody_in_one_is_found_once():
    world = World(CYCLIC, *RING, "group:c#member@user:anne", "group:a#member@user:bob")
    assert holders(world, "group:b#member") == ["user:anne", "user:bob"]
    assert holders(world, "group:b#member", "group#member") == [
        "group:a#member",
        "group:b#member",
        "group:c#member",
    ]


def test_a_cycle_inside_the_subtracted_part_lists_nobody():
    world = World(
        CYCLIC, *RING, "document:1#granted@user:anne", "document:1#blocked@group:a#member"
    )
    assert holders(world, "document:1#viewer") == []


def test_twenty_four_hops_are_listed_and_the_next_is_too_complex():
    assert holders(World(DOCUMENTS, *chain(24)), "folder:0#viewer") == ["user:anne"]
    assert holders(World(DOCUMENTS, *chain(25)), "folder:0#viewer") == 2002


@pytest.mark.parametrize(
    ("target", "kind", "number"),
    [
        ("nothing:1#viewer", "user", 2021),
        ("document:1#nothing", "user", 2022),
        ("document:1#viewer", "nothing", 2021),
        ("document:1#viewer", "group#nothing", 2022),
        ("document:1#viewer", "group#a b", 2000),
        ("document:*#viewer", "user", 2000),
        ("document#viewer", "user", 2000),
        ("document:1#a b", "user", 2000),
    ],
)
def test_a_question_that_does_not_fit_the_model_is_an_error(target, kind, number):
    assert holders(World(DOCUMENTS), target, kind) == number


def test_a_listing_names_a_kind_of_user():
    world = World(DOCUMENTS)
    with pytest.raises(CheckError) as refused:
        list_users(world.model, world.store, "document:1", "viewer", [])
    assert refused.value.number == 2000


CONDITIONS = """
type user
type group
  relations
    define member: [user with ok]
type document
  relations
    define blocked: [user with ok]
    define direct: [user, user with ok]
    define viewer: [user, user with ok, user:* with ok, group#member with ok]
    define reader: viewer but not blocked
    define either: [user] or viewer
condition ok(x: int, y: int) {
  x < y
}
"""


def test_conditions_decide_who_is_listed():
    world = World(
        CONDITIONS,
        tuple_of("document:1#viewer@user:anne", "ok", y=5),
        tuple_of("document:1#viewer@user:bob", "ok", y=1),
        tuple_of("document:1#viewer@user:*", "ok", y=2),
        tuple_of("document:1#viewer@group:g#member", "ok", y=4),
        tuple_of("group:g#member@user:carl", "ok", y=9),
        tuple_of("document:1#blocked@user:anne", "ok", y=3),
    )
    assert holders(world, "document:1#viewer", x=3) == ["user:anne", "user:carl"]
    assert holders(world, "document:1#viewer", x=1) == ["user:*", "user:anne", "user:carl"]
    assert holders(world, "document:1#viewer", x=8) == []
    assert holders(world, "document:1#reader", x=3) == ["user:anne", "user:carl"]
    assert holders(world, "document:1#reader", x=2) == ["user:carl"]
    assert holders(world, "document:1#viewer", "group#member", x=3) == ["group:g#member"]
    assert holders(world, "document:1#viewer", "group#member", x=4) == []


@pytest.mark.parametrize(
    "broken",
    [
        "document:1#viewer@user:bob",
        "document:1#viewer@user:*",
        "document:1#viewer@group:g#member",
    ],
)
def test_a_condition_that_cannot_be_evaluated_is_an_error_and_no_gap(broken):
    world = World(CONDITIONS, "document:1#viewer@user:anne", tuple_of(broken, "ok", y=3))
    assert holders(world, "document:1#viewer") == 2000
    assert holders(world, "document:1#reader") == 2000


def test_an_error_in_the_subtracted_part_is_an_error_and_never_a_name():
    world = World(
        CONDITIONS,
        "document:1#viewer@user:anne",
        tuple_of("document:1#blocked@user:anne", "ok", y=3),
    )
    assert holders(world, "document:1#reader") == 2000
    assert holders(world, "document:1#reader", x=1) == []
    assert holders(world, "document:1#reader", x=5) == ["user:anne"]


def test_an_error_does_not_matter_to_who_holds_the_relation_otherwise():
    world = World(
        CONDITIONS,
        tuple_of("document:1#viewer@user:anne", "ok", y=3),
        "document:1#either@user:anne",
    )
    assert holders(world, "document:1#either") == ["user:anne"]


def test_a_request_can_bring_its_own_tuples():
    world = World(
        CONDITIONS,
        tuple_of("document:1#direct@user:anne", "ok", y=1),
        "document:1#direct@user:bob",
    )
    joined = world.with_tuples(
        tuple_of("document:1#direct@user:anne", "ok", y=9),
        tuple_of("document:1#direct@user:bob", "ok", y=1),
        "document:1#direct@user:carl",
    )
    assert holders(joined, "document:1#direct", x=5) == ["user:anne", "user:carl"]
    assert holders(world, "document:1#direct", x=5) == ["user:bob"]


@pytest.mark.parametrize(
    "newer",
    ["define viewer: [group#member]", "define viewer: [user:*]", "define viewer: [group]"],
)
def test_tuples_that_the_model_no_longer_admits_name_nobody(newer):
    text = "type user\ntype group\n  relations\n    define member: [user]\ntype document\n"
    older = Model.from_dsl(f"{HEADER}{text}  relations\n    define viewer: [user]\n")
    model = Model.from_dsl(f"{HEADER}{text}  relations\n    {newer}\n")
    store = MemoryTuples([admit(older, tuple_of("document:1#viewer@user:anne"))])
    assert list_users(model, store, "document:1", "viewer", USERS).users == ()


def test_a_way_that_the_model_no_longer_admits_leads_to_nobody():
    text = "type user\ntype group\n  relations\n    define member: [user]\ntype document\n  relations\n"
    older = Model.from_dsl(f"{HEADER}{text}    define viewer: [group#member]\n")
    newer = Model.from_dsl(
        f"{HEADER}{text}    define viewer: [group#member with c]\ncondition c(x: int) {{\n  x < 1\n}}\n"
    )
    store = MemoryTuples(
        admit(older, tuple_of(t))
        for t in ("document:1#viewer@group:g#member", "group:g#member@user:anne")
    )
    for kind in (UserFilter("user"), UserFilter("group", "member")):
        assert len(list_users(older, store, "document:1", "viewer", [kind]).users) == 1
        assert list_users(newer, store, "document:1", "viewer", [kind]).users == ()
