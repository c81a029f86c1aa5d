"""Random models and tuples: who is listed is who passes the check, and nobody is left out.

Everyone of a type stands for those whom no tuple names where it would give them something.
"""

import itertools
import random

import pytest

from authz.engine.check import check
from authz.engine.query import Query
from authz.engine.users import UserFilter, list_users
from authz.stores.memory import MemoryTuples
from authz.stores.overlay import Overlay
from tests.engine.test_differential import (
    IDS,
    NAMES,
    OBJECTS,
    TYPES,
    draw_model,
    draw_tuples,
)

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
    model = draw_model(rnd)
    stored = draw_tuples(rnd, model)
    apart = rnd.randrange(len(stored) + 1)
    # Some of the tuples are a request's own: it must make no difference.
    store = Overlay(MemoryTuples(stored[apart:]), MemoryTuples(stored[:apart]))
    count = 0
    for name, relation in itertools.product(OBJECTS, (*NAMES, "parent")):
        for kind, universe in KINDS:
            expected = {u for u in universe if check(model, store, Query(u, relation, name))}
            listing = list_users(model, store, name, relation, [kind])
            assert not listing.truncated
            listed = [str(user) for user in listing.users]
            case = (seed, name, relation, kind)
            assert len(listed) == len(set(listed)), case
            assert set(listed) <= expected, case
            if "user:*" not in listed:
                assert set(listed) == expected, case
            page, after = list_users(model, store, name, relation, [kind], limit=1), ""
            while page.users:
                paged, after = page.users[0], str(page.users[0])
                assert str(paged) == listed.pop(0), case
                page = list_users(model, store, name, relation, [kind], limit=1, after=after)
            assert not listed, case
            count += len(expected)
    return count


def test_those_are_listed_who_pass_the_check():
    assert sum(compare(seed) for seed in range(25)) > 1000


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_those_are_listed_who_pass_the_check_for_very_many_models():
    for seed in range(20_000, 21_000):
        compare(seed)
