"""Pages of listings: put together they are the whole, each name once, whatever the page size."""

import pytest

from authz.engine.listing import list_objects
from authz.engine.users import UserFilter, list_users
from authz.errors import CheckError, ResolutionTooComplex
from tests.engine.test_hostile import GROUPS
from tests.engine.test_semantics import DOCUMENTS
from tests.engine.world import World, tuple_of

KINDS = (UserFilter("user"), UserFilter("group", "member"), UserFilter("document", "owner"))
WORLD = (
    *(f"document:1#viewer@user:{name}" for name in ("anne", "bob", "Zoe", "é", "😀", "!")),
    "document:1#viewer@user:*",
    *(f"document:1#viewer@group:{n}#member" for n in range(4)),
    *(f"group:{n}#member@user:u{m}" for n in range(4) for m in range(n, n + 5)),
    "document:1#owner@user:u3",
    "document:1#blocked@user:u4",
    "document:1#blocked@group:2#member",
    "document:1#approved@user:*",
    *(f"document:{n}#viewer@user:anne" for n in ("10", "2", "Z", "é", "😀", "!")),
    "document:2#blocked@user:anne",
    *(f"document:{n}#approved@user:anne" for n in ("10", "Z")),
)


def pages_of_users(world: World, relation: str, limit: int) -> list[list[str]]:
    pages: list[list[str]] = []
    truncated, after = True, ""
    while truncated:
        page = list_users(
            world.model, world.store, "document:1", relation, KINDS, limit=limit, after=after
        )
        pages.append([str(user) for user in page.users])
        truncated, after = page.truncated, pages[-1][-1] if pages[-1] else ""
    return pages


def pages_of_objects(world: World, relation: str, limit: int) -> list[list[str]]:
    pages: list[list[str]] = []
    truncated, after = True, ""
    while truncated:
        page = list_objects(
            world.model, world.store, "user:anne", relation, "document", limit=limit, after=after
        )
        pages.append(list(page.objects))
        truncated, after = page.truncated, page.objects[-1] if page.objects else ""
    return pages


@pytest.mark.parametrize("read", [pages_of_users, pages_of_objects])
@pytest.mark.parametrize("relation", ["viewer", "reader", "signer"])
def test_pages_put_together_are_the_whole_once(read, relation):
    world = World(DOCUMENTS, *WORLD)
    (whole,) = read(world, relation, 1000)
    assert len(whole) == len(set(whole)) > 1
    for limit in range(1, len(whole) + 2):
        pages = read(world, relation, limit)
        assert [name for page in pages for name in page] == whole
        assert {len(page) for page in pages[:-1]} <= {limit}
        # The last page is not empty: `truncated` is said only when there is more.
        assert pages[-1]


def test_pages_come_by_kind_and_then_by_name():
    (whole,) = pages_of_users(World(DOCUMENTS, *WORLD), "viewer", 1000)
    users = [name for name in whole if name.startswith("user:")]
    assert users[:5] == ["user:!", "user:*", "user:Zoe", "user:anne", "user:bob"]
    assert users[-2:] == ["user:é", "user:😀"]
    assert whole == [
        "document:1#owner",
        *(f"group:{n}#member" for n in range(4)),
        *users,
    ]


def test_a_name_that_is_gone_is_a_cursor_still():
    world = World(DOCUMENTS, *WORLD)
    page = list_users(
        world.model, world.store, "document:1", "viewer", KINDS[:1], limit=1, after="user:annf"
    )
    assert [str(user) for user in page.users] == ["user:bob"]
    listed = list_objects(
        world.model, world.store, "user:anne", "viewer", "document", limit=1, after="document:11"
    )
    assert listed.objects == ("document:2",)


@pytest.mark.parametrize("after", ["anne", "user:", "user:a b", "user:*#member", "user:a\x00"])
def test_a_malformed_cursor_is_an_error(after):
    world = World(DOCUMENTS, *WORLD)
    with pytest.raises(CheckError):
        list_users(world.model, world.store, "document:1", "viewer", KINDS, after=after)
    with pytest.raises(CheckError):
        list_objects(world.model, world.store, "user:anne", "viewer", "document", after=after)


def test_a_cursor_of_another_type_is_an_error():
    world = World(DOCUMENTS, *WORLD)
    with pytest.raises(CheckError):
        list_objects(world.model, world.store, "user:anne", "viewer", "document", after="folder:1")


def test_a_page_is_no_longer_than_the_limit_of_openfga():
    world = World(DOCUMENTS, *(f"document:1#viewer@user:{n}" for n in range(1200)))
    page = list_users(world.model, world.store, "document:1", "viewer", KINDS, limit=5000)
    assert len(page.users) == 1000
    assert page.truncated
    for limit in (0, -1):
        none = list_users(world.model, world.store, "document:1", "viewer", KINDS, limit=limit)
        assert none.users == ()
        assert none.truncated


CONDITIONAL = """
type user
type document
  relations
    define viewer: [user with ok]
condition ok(x: int, y: int) {
  x < y
}
"""


def test_a_page_is_filled_behind_names_whose_condition_does_not_hold():
    stored = [
        tuple_of(f"document:1#viewer@user:{n:04}", "ok", y=int(n in (5, 1500))) for n in range(2000)
    ]
    world = World(CONDITIONAL, *stored)
    kinds = [UserFilter("user")]
    page = list_users(
        world.model, world.store, "document:1", "viewer", kinds, context={"x": 0}, limit=1
    )
    assert [str(user) for user in page.users] == ["user:0005"]
    assert page.truncated
    page = list_users(
        world.model,
        world.store,
        "document:1",
        "viewer",
        kinds,
        context={"x": 0},
        limit=1,
        after="user:0005",
    )
    assert [str(user) for user in page.users] == ["user:1500"]
    assert not page.truncated


def blocked_world() -> World:
    """Ten groups with a member each, of which the last two are not blocked."""
    return World(
        GROUPS,
        *(f"document:1#allowed@group:{n}#member" for n in range(10)),
        *(f"group:{n}#member@user:{n}" for n in range(10)),
        *(f"document:1#blocked@group:{n}#member" for n in range(2, 8)),
    )


def test_a_page_that_costs_too_much_is_short_and_the_next_goes_on(monkeypatch):
    world = blocked_world()
    # A descent visits 17 object relations (the blocked groups on both sides).
    monkeypatch.setattr("authz.engine.users.MAX_LISTING_STEPS", 8 * 17)
    kinds = [UserFilter("user")]
    page = list_users(world.model, world.store, "document:1", "viewer", kinds)
    assert [str(user) for user in page.users] == ["user:0", "user:1"]
    assert page.truncated
    page = list_users(world.model, world.store, "document:1", "viewer", kinds, after="user:1")
    assert [str(user) for user in page.users] == ["user:8", "user:9"]
    assert not page.truncated


def test_a_page_that_would_be_empty_before_its_end_is_an_error(monkeypatch):
    world = blocked_world()
    monkeypatch.setattr("authz.engine.users.MAX_LISTING_STEPS", 3 * 17)
    with pytest.raises(ResolutionTooComplex):
        list_users(
            world.model, world.store, "document:1", "viewer", [UserFilter("user")], after="user:1"
        )
