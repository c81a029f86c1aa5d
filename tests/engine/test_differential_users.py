"""Random models and tuples: who is listed is who passes the check, and nobody is left out.

Everyone of a type stands for those whom no tuple names where it would give them something.
"""

import itertools
import random

import pytest

from authz.engine.check import check, check_many
from authz.engine.query import Query
from authz.engine.tuples import admit
from authz.engine.users import UserFilter, list_users
from authz.errors import CheckError, InvalidTuple
from authz.model.subject import RelationTuple
from authz.stores.memory import MemoryTuples
from authz.stores.overlay import Overlay
from authz.stores.protocol import NewTuple
from tests.engine.test_differential import (
    IDS,
    NAMES,
    OBJECTS,
    TYPES,
    draw_model,
    draw_tuples,
)
from tests.engine.world import model

PEOPLE = ("user:a", "user:b", "user:nobody", "user:*")
KINDS = [
    (UserFilter("user"), PEOPLE),
    *(
        (UserFilter(kind, name), tuple(f"{kind}:{i}#{name}" for i in IDS))
        for kind, name in itertools.product(TYPES, NAMES)
    ),
    *((UserFilter(kind), tuple(f"{kind}:{i}" for i in IDS)) for kind in TYPES),
]


def compare(seed: int) -> int:
    """Compare every listing of one random world; return how many names were listed."""
    rnd = random.Random(seed)
    drawn = draw_model(rnd)
    stored = draw_tuples(rnd, drawn)
    apart = rnd.randrange(len(stored) + 1)
    # Some of the tuples are a request's own: it must make no difference.
    store = Overlay(MemoryTuples(stored[apart:]), MemoryTuples(stored[:apart]))
    count = 0
    for name, relation in itertools.product(OBJECTS, (*NAMES, "parent")):
        for kind, universe in KINDS:
            expected = {u for u in universe if check(drawn, store, Query(u, relation, name))}
            listing = list_users(drawn, store, name, relation, [kind])
            assert not listing.truncated
            listed = [str(user) for user in listing.users]
            case = (seed, name, relation, kind)
            assert len(listed) == len(set(listed)), case
            assert set(listed) <= expected, case
            if "user:*" not in listed:
                assert set(listed) == expected, case
            page, after = list_users(drawn, store, name, relation, [kind], limit=1), ""
            while page.users:
                paged, after = page.users[0], str(page.users[0])
                assert str(paged) == listed.pop(0), case
                page = list_users(drawn, store, name, relation, [kind], limit=1, after=after)
            assert not listed, case
            count += len(expected)
    return count


CONDITIONAL = model(
    """
type user
type group
  relations
    define member: [user, user with ok, user:* with ok, group#member, group#member with ok]
type folder
  relations
    define viewer: [user, user:* with ok, group#member]
    define banned: [user with ok, group#member]
type doc
  relations
    define parent: [folder, folder with ok]
    define blocked: [user, user with ok, group#member]
    define spared: [user, user:*, user:* with ok]
    define viewer: [user, user with ok, user:*, group#member with ok] or viewer from parent
    define reader: viewer but not blocked
    define twice: viewer but not (blocked but not spared)
    define both: viewer and spared
    define safe: viewer but not banned from parent
condition ok(x: int, y: int) {
  x < y
}
"""
)
PLACES = {
    "group": ("member",),
    "folder": ("viewer", "banned"),
    "doc": ("parent", "blocked", "spared", "viewer"),
}
NAMED = ("user:a", "user:b", "user:*", "group:1#member", "group:2#member", "folder:1", "folder:2")


def draw_conditional(rnd: random.Random) -> list[NewTuple]:
    """Draw tuples of which some have a condition; some of these lack a parameter."""
    found: dict[object, NewTuple] = {}
    for _ in range(rnd.randint(4, 25)):
        kind = rnd.choice(list(PLACES))
        key = (rnd.choice(NAMED), rnd.choice(PLACES[kind]), f"{kind}:{rnd.choice('12')}")
        condition = rnd.choice(("", "ok"))
        context = {"y": rnd.randint(1, 3)} if condition and rnd.random() < 0.9 else None
        try:
            new = admit(CONDITIONAL, RelationTuple(*key, condition, context))
        except InvalidTuple:
            continue
        found[new.key] = new
    return list(found.values())


def compare_conditional(seed: int) -> tuple[int, int]:
    """Compare listings of one world with conditions; return how many listed, and failed."""
    rnd = random.Random(seed)
    store = MemoryTuples(draw_conditional(rnd))
    listed = failed = 0
    for relation in ("viewer", "reader", "twice", "both", "safe"):
        for kind, universe in (
            (UserFilter("user"), PEOPLE),
            (UserFilter("group", "member"), NAMED[3:5]),
        ):
            context = {"x": rnd.randint(0, 3)}
            queries = [Query(user, relation, "doc:1", context) for user in universe]
            verdicts = dict(zip(universe, check_many(CONDITIONAL, store, queries), strict=True))
            try:
                found = list_users(CONDITIONAL, store, "doc:1", relation, [kind], context=context)
            except CheckError:
                failed += 1
                continue
            names = {str(user) for user in found.users}
            assert all(verdicts[name] is True for name in names), (seed, relation, kind)
            if "user:*" not in names:
                # Nobody is left out, and nobody of whom it could not be said.
                left = {verdicts[name] for name in universe if name not in names}
                assert left <= {False}, (seed, relation, kind)
            listed += len(names)
    return listed, failed


def test_with_conditions_too_and_who_cannot_be_told_is_an_error():
    totals = [compare_conditional(seed) for seed in range(150)]
    assert sum(listed for listed, _ in totals) > 100
    assert sum(failed for _, failed in totals) > 20


def test_those_are_listed_who_pass_the_check():
    assert sum(compare(seed) for seed in range(25)) > 1000


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_those_are_listed_who_pass_the_check_for_very_many_models():
    for seed in range(20_000, 21_000):
        compare(seed)
