"""Listings under hostile input: bounded work, the standard error, and nobody listed by a limit."""

import itertools

import pytest

from authz.engine import limits
from authz.engine.expand import expand
from authz.engine.listing import TUPLES_AN_OBJECT, list_objects
from authz.engine.users import LEAST_NAMES, UserFilter, list_users
from authz.errors import CheckError, ResolutionTooComplex
from authz.model.subject import Subject
from authz.stores.memory import MemoryTuples
from authz.stores.protocol import NewTuple
from tests.engine.test_hostile import GROUPS
from tests.engine.world import World

USERS = [UserFilter("user")]
USERSETS = [UserFilter("group", "member")]


class Counting(MemoryTuples):
    """Counts what is asked of it, and how much it returns at once."""

    asked = 0
    most = 0

    def related(self, wanted, ids, user):
        self.asked += 1
        return super().related(wanted, ids, user)

    def held(self, user_type, user_relation, ids, object_types, relations):
        self.asked += 1
        rows = super().held(user_type, user_relation, ids, object_types, relations)
        self.most = max(self.most, len(rows))
        return rows

    def held_behind(self, user_type, user_relation, ids, object_type, relations, after, limit):
        before, self.asked = self.most, self.asked + 1
        page = super().held_behind(
            user_type, user_relation, ids, object_type, relations, after, limit
        )
        self.most = max(before, len(page.rows))
        return page

    def holders(self, object_type, ids, relations, user_type, after, limit):
        self.asked += 1
        rows = super().holders(object_type, ids, relations, user_type, after, limit)
        self.most = max(self.most, len(rows))
        return rows


def counted(world: World) -> Counting:
    assert isinstance(world.store, MemoryTuples)
    stored = world.store._tuples.values()
    return Counting(NewTuple(kept.key, kept.condition, kept.context) for kept in stored)


def names(world: World, target: str, filters: list[UserFilter]) -> list[str]:
    name, _, relation = target.partition("#")
    listing = list_users(world.model, world.store, name, relation, filters)
    assert not listing.truncated
    return [str(user) for user in listing.users]


def test_a_dense_cycle_is_walked_once():
    groups = [f"g{n}" for n in range(30)]
    pairs = itertools.permutations(groups, 2)
    world = World(
        GROUPS,
        *(f"group:{a}#member@group:{b}#member" for a, b in pairs),
        "group:g7#member@user:anne",
        "document:1#allowed@user:bob",
        "document:1#allowed@user:anne",
        "document:1#blocked@group:g0#member",
    )
    assert names(world, "group:g0#member", USERS) == ["user:anne"]
    assert len(names(world, "group:g0#member", USERSETS)) == 30
    # The blocked groups run in a circle: nobody is let through because of that.
    assert names(world, "document:1#viewer", USERS) == []


@pytest.mark.parametrize("relation", ["allowed", "viewer"])
def test_a_listing_asks_once_a_level_however_many_objects_it_has(relation):
    world = World(
        GROUPS,
        *(f"document:1#allowed@group:{n}#member" for n in range(50)),
        *(f"group:{n}#member@group:{n}{m}#member" for n in range(50) for m in "ab"),
        *(f"group:{n}{m}#member@user:{n}{m}" for n in range(50) for m in "ab"),
        *(f"document:1#blocked@user:{n}a" for n in range(50)),
    )
    store = counted(world)
    listing = list_users(world.model, store, "document:1", relation, USERS)
    assert len(listing.users) == (50 if relation == "viewer" else 100)
    # Three levels; then the names on documents and on groups.
    assert store.asked == 5


def test_a_page_does_not_read_all_names_of_a_crowd():
    world = World(GROUPS, *(f"document:1#allowed@user:{n}" for n in range(5000)))
    store = counted(world)
    page = list_users(world.model, store, "document:1", "viewer", USERS, limit=10)
    assert len(page.users) == 10
    assert page.truncated
    assert store.most <= LEAST_NAMES


def test_a_page_does_not_read_all_that_a_user_holds():
    world = World(
        GROUPS,
        *(f"document:{n}#allowed@group:all#member" for n in range(5000)),
        "group:all#member@user:anne",
    )
    for relation in ("allowed", "viewer"):
        store = counted(world)
        page = list_objects(world.model, store, "user:anne", relation, "document", limit=10)
        assert len(page.objects) == 10
        assert page.truncated
        assert store.most <= TUPLES_AN_OBJECT * 11


def test_names_on_very_many_objects_are_read_few_at_a_time(monkeypatch):
    monkeypatch.setattr("authz.engine.users.MAX_PAGE_TUPLES", 4000)
    world = World(
        GROUPS,
        *(f"group:root#member@group:{n}#member" for n in range(99)),
        *(f"group:{n}#member@user:{m}" for n in range(99) for m in range(200)),
    )
    store = counted(world)
    found: list[Subject] = []
    truncated = True
    while truncated:
        after = str(found[-1]) if found else ""
        page = list_users(world.model, store, "group:root", "member", USERS, after=after)
        found += page.users
        truncated = page.truncated
    assert len(found) == 200
    assert store.most <= 4000


def test_names_in_vain_on_very_many_objects_do_not_cost_a_statement_each():
    # Everybody is named once, on one of many groups, and is blocked.
    world = World(
        GROUPS,
        *(f"document:1#allowed@group:{n}#member" for n in range(30)),
        *(f"group:{n}#member@user:{m}" for n in range(30) for m in range(n * 50, n * 50 + 50)),
        "document:1#blocked@group:all#member",
        *(f"group:all#member@group:{n}#member" for n in range(30)),
    )
    store = counted(world)
    assert list_users(world.model, store, "document:1", "viewer", USERS, limit=1).users == ()
    # The levels, then 16, 128, 1001 and the other names, on the document and on groups.
    assert store.asked <= 4 + 4 * 2


def test_a_graph_that_is_too_wide_says_so_where_that_is_safe(monkeypatch):
    monkeypatch.setattr("authz.engine.descent.MAX_CANDIDATES", 50)
    wide = [
        *(f"group:root#member@group:{n}#member" for n in range(60)),
        *(f"group:{n}#member@group:x{n}#member" for n in range(60)),
    ]
    world = World(GROUPS, *wide, "group:root#member@user:anne", "group:x1#member@user:mallory")
    listing = list_users(world.model, world.store, "group:root", "member", USERS)
    assert [str(user) for user in listing.users] == ["user:anne"]
    assert listing.truncated
    with pytest.raises(ResolutionTooComplex):
        list_users(world.model, world.store, "group:root", "member", USERS, after="user:anne")


def test_nobody_is_listed_because_who_takes_away_was_left_out(monkeypatch):
    monkeypatch.setattr("authz.engine.descent.MAX_CANDIDATES", 50)
    world = World(
        GROUPS,
        "document:1#allowed@user:mallory",
        *(f"document:1#blocked@group:{n}#member" for n in range(60)),
        *(f"group:{n}#member@group:x{n}#member" for n in range(60)),
        "group:x1#member@user:mallory",
    )
    with pytest.raises(ResolutionTooComplex):
        list_users(world.model, world.store, "document:1", "viewer", USERS)


def test_a_subtracted_part_that_is_too_deep_is_an_error():
    world = World(
        GROUPS,
        "document:1#allowed@user:mallory",
        "document:1#blocked@group:0#member",
        *(f"group:{n}#member@group:{n + 1}#member" for n in range(30)),
        "group:30#member@user:mallory",
    )
    with pytest.raises(ResolutionTooComplex):
        list_users(world.model, world.store, "document:1", "viewer", USERS)


def test_filters_are_bounded():
    world = World(GROUPS)
    many = USERS * (limits.MAX_FILTERS + 1)
    with pytest.raises(CheckError):
        list_users(world.model, world.store, "document:1", "viewer", many)


@pytest.mark.parametrize(
    "text",
    ["group:" + "a" * 10_000_000, ":" * 1000, "group:", ":a", "group:a#", "group: a", "group:\x00"],
)
def test_malformed_names_are_one_short_error(text):
    world = World(GROUPS)
    for given, relation, kind in [
        (text, "member", "user"),
        ("group:a", text, "user"),
        ("group:a", "member", text),
    ]:
        with pytest.raises(CheckError) as refused:
            list_users(world.model, world.store, given, relation, [UserFilter(kind)])
        assert len(str(refused.value)) < 700
        assert str(refused.value).isprintable()
    for given, relation in [(text, "member"), ("group:a", text)]:
        with pytest.raises(CheckError) as refused:
            expand(world.model, world.store, given, relation)
        assert refused.value.number == 2000


@pytest.mark.parametrize("name", ["ключ", "名前", "🙂", "a'b\"c", "%s", "{0}", "__proto__"])
def test_ids_of_every_script_are_ids(name):
    world = World(GROUPS, f"group:{name}#member@user:{name}", f"group:a#member@group:{name}#member")
    assert names(world, "group:a#member", USERS) == [f"user:{name}"]
    assert names(world, "group:a#member", USERSETS) == sorted(
        ["group:a#member", f"group:{name}#member"]
    )


def test_a_context_that_is_too_large_is_refused():
    world = World(GROUPS)
    with pytest.raises(CheckError):
        list_users(
            world.model, world.store, "document:1", "viewer", USERS, context={"x": "a" * 40_000}
        )


def test_a_listing_that_fails_is_no_listing():
    class Broken(MemoryTuples):
        def holders(self, object_type, ids, relations, user_type, after, limit):
            raise OSError("the disk is gone")

    world = World(GROUPS)
    for filters in (USERS, [*USERSETS, *USERS]):
        with pytest.raises(OSError, match="disk"):
            list_users(world.model, Broken(), "document:1", "viewer", filters)
    with pytest.raises(OSError, match="disk"):
        expand(world.model, Broken(), "document:1", "allowed")
