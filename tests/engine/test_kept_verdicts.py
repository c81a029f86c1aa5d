"""Whole checks that are kept: true at their revision, their model and without context alone."""

from typing import Any

import pytest

from authz.engine.check import check_many
from authz.engine.kept import check_many_kept
from authz.engine.query import Query
from authz.errors import CheckError
from authz.model.subject import parse_key
from authz.stores.memory import MemoryTuples
from authz.stores.protocol import EdgeRow, NewTuple
from authz.stores.verdicts import Verdicts
from tests.engine.world import model

MODEL = model(
    """
type user
type doc
  relations
    define viewer: [user, user with until]
condition until(now: int, end: int) {
  now < end
}
"""
)
OTHER = model("type user\ntype doc\n  relations\n    define viewer: [user]\n")
SEEN_KEY = parse_key("user:a", "viewer", "doc:1")
SEEN = Query("user:a", "viewer", "doc:1")
TIMED = NewTuple(parse_key("user:b", "viewer", "doc:1"), "until", '{"end":10}')


class Counting(MemoryTuples):
    """Tuples that count how often they are read."""

    def __init__(self, *keys: str) -> None:
        super().__init__([NewTuple(parse_key(*key.split())) for key in keys])
        self.reads = 0

    def related(self, *arguments: Any) -> list[EdgeRow]:
        self.reads += 1
        return super().related(*arguments)


def test_a_check_is_read_once_at_a_revision():
    verdicts = Verdicts()
    store = Counting("user:a viewer doc:1")
    for _ in range(3):
        assert check_many_kept(MODEL, store, [SEEN], verdicts.under(5, "m")) == [True]
    assert store.reads == 1


@pytest.mark.parametrize(("revision", "name"), [(6, "m"), (4, "m"), (5, "n")])
def test_another_revision_or_model_is_asked_anew(revision, name):
    verdicts = Verdicts()
    check_many_kept(MODEL, Counting("user:a viewer doc:1"), [SEEN], verdicts.under(5, "m"))
    assert check_many_kept(OTHER, Counting(), [SEEN], verdicts.under(revision, name)) == [False]


def test_what_a_slow_reader_of_an_older_revision_keeps_is_not_believed_later():
    verdicts = Verdicts()
    slow = verdicts.under(5, "m")
    verdicts.under(6, "m")
    check_many_kept(MODEL, Counting("user:a viewer doc:1"), [SEEN], slow)
    assert check_many_kept(MODEL, Counting(), [SEEN], verdicts.under(6, "m")) == [False]


def test_a_check_with_context_is_asked_each_time():
    verdicts = Verdicts()
    store = MemoryTuples([TIMED])
    for now, allowed in ((5, True), (15, False), (5, True)):
        query = Query("user:b", "viewer", "doc:1", {"now": now})
        assert check_many_kept(MODEL, store, [query], verdicts.under(5, "m")) == [allowed]


def test_errors_are_not_kept_and_answers_stay_in_their_places():
    verdicts = Verdicts()
    store = MemoryTuples([NewTuple(SEEN_KEY), TIMED])
    queries = [
        Query("user:b", "viewer", "doc:1"),
        SEEN,
        Query("user:b", "viewer", "doc:1", {"now": 1}),
        Query("user:c", "viewer", "doc:1"),
        Query("user:a", "fly", "doc:1"),
    ]
    for _ in range(2):
        answers = check_many_kept(MODEL, store, queries, verdicts.under(5, "m"))
        assert [isinstance(a, CheckError) for a in answers] == [True, False, False, False, True]
        assert answers[1:4] == check_many(MODEL, store, queries[1:4]) == [True, True, False]


def test_they_are_bounded():
    verdicts = Verdicts(most=10)
    store = MemoryTuples([])
    for number in range(100):
        query = Query("user:a", "viewer", f"doc:{number}")
        check_many_kept(MODEL, store, [query], verdicts.under(5, "m"))
    assert len(verdicts.under(5, "m").kept) == 10
