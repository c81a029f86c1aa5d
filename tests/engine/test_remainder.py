"""A listing of `but not` checks only what is subtracted, where that says the same."""

import pytest

from authz.engine.check import check
from authz.engine.listing import list_objects
from authz.engine.query import Query
from authz.engine.remainder import subtracted
from authz.errors import CheckError
from tests.engine.world import World, model, tuple_of

ORDINARY = """
type user
type group
  relations
    define member: [user]
type doc
  relations
    define owner: [user, user with sure]
    define blocked: [user, user:*, group#member, user with sure]
    define viewer: owner
    define reader: viewer but not blocked
condition sure(x: bool) {
  x
}
"""


@pytest.mark.parametrize(
    ("subtract", "name"),
    [
        ("[user]", "blocked"),
        ("[user, group#member]", "blocked"),
        ("[group#up]", "blocked"),
        ("[group#member] and owner", "blocked"),
        # Tuples could lead in a circle: only a check of the whole minds that.
        ("[user, doc#blocked]", ""),
        ("[user] or blocked from parent", ""),
        ("[user, group#nested]", ""),
    ],
)
def test_what_could_run_in_a_circle_is_checked_whole(subtract, name):
    found = model(
        f"""
type user
type group
  relations
    define member: [user]
    define up: member
    define nested: [user, group#nested]
type doc
  relations
    define parent: [doc]
    define owner: [user]
    define blocked: {subtract}
    define reader: owner but not blocked
    define nested: reader but not blocked
"""
    )
    assert subtracted(found, "doc", "reader") == name
    assert not subtracted(found, "doc", "owner")
    # The base is more than a union of paths.
    assert not subtracted(found, "doc", "nested")


def listed(world: World, user: str, context: dict[str, bool] | None = None) -> list[str]:
    found = list_objects(world.model, world.store, user, "reader", "doc", context=context)
    return list(found.objects)


def test_the_blocked_are_left_out_whichever_way_they_are_blocked():
    world = World(
        ORDINARY,
        *(f"doc:{n}#owner@user:a" for n in range(5)),
        "doc:1#blocked@user:a",
        "doc:2#blocked@user:*",
        "doc:3#blocked@group:g#member",
        "group:g#member@user:a",
        "doc:4#blocked@user:b",
    )
    assert listed(world, "user:a") == ["doc:0", "doc:4"]


def test_a_userset_holds_its_own_relation_whatever_is_subtracted():
    named = ORDINARY.replace("define blocked: [user,", "define blocked: [doc#reader, user,")
    world = World(named, "doc:1#blocked@doc:1#reader")
    assert not subtracted(world.model, "doc", "reader")
    assert check(world.model, world.store, Query("doc:1#reader", "reader", "doc:1"))
    assert listed(world, "doc:1#reader") == ["doc:1"]


def test_a_subtracted_condition_that_fails_is_an_error():
    world = World(ORDINARY, "doc:1#owner@user:a", tuple_of("doc:1#blocked@user:a", "sure"))
    with pytest.raises(CheckError):
        listed(world, "user:a")
    assert listed(world, "user:a", {"x": True}) == []
    assert listed(world, "user:a", {"x": False}) == ["doc:1"]


def test_an_owner_by_a_condition_that_fails_is_checked_whole():
    world = World(ORDINARY, tuple_of("doc:1#owner@user:a", "sure"), "doc:1#blocked@user:a")
    # The base is an error, what is subtracted is held: false whatever the condition says.
    assert listed(world, "user:a") == []
    with pytest.raises(CheckError):
        listed(World(ORDINARY, tuple_of("doc:1#owner@user:a", "sure")), "user:a")
