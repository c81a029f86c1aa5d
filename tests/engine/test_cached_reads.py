"""Reads that are kept: exact at every revision, for every worker, and bounded."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator

import pytest

from authz.engine.check import check_many
from authz.relations import Query, Relations, RelationTuple
from authz.stores.cached import LONGEST_ANSWER, MOST_CHANGES, Answers
from authz.stores.sql import SqlTuples
from server.domain.unit import Unit
from server.storage.store import OpenStore, open_store
from tests.engine.world import model
from tests.support.databases import Databases, PostgresDatabases

MODEL = model(
    """
type user
type group
  relations
    define member: [user, user:*, group#member]
type folder
  relations
    define parent: [folder]
    define banned: [user, group#member]
    define viewer: [user, group#member] or viewer from parent
type doc
  relations
    define parent: [folder]
    define viewer: [user, group#member] or viewer from parent
    define reader: viewer but not banned from parent
"""
)
USERS = [f"user:{name}" for name in "abc"]
GROUPS, FOLDERS = [f"group:{n}" for n in range(3)], [f"folder:{n}" for n in range(4)]
DOCS = [f"doc:{n}" for n in range(4)]
QUERIES = [Query(u, r, d) for u in USERS for d in DOCS for r in ("viewer", "reader")]


class Counted(SqlTuples):
    """Counts what is really read."""

    reads = 0

    def related(self, *arguments):
        Counted.reads += 1
        return super().related(*arguments)

    def held(self, *arguments):
        Counted.reads += 1
        return super().held(*arguments)


class Bare(Relations):
    """An engine that keeps nothing."""

    def _reader(self, tx, revision):
        return SqlTuples(tx, "main")

    def check_many(self, tx, queries):
        return check_many(self.model(tx), SqlTuples(tx, "main"), queries)


@pytest.fixture
def url(databases: Databases) -> Iterator[str]:
    def create(address: str) -> None:
        from server.storage.migrate import upgrade

        upgrade(address)

    yield databases.copy_of("whole", create)
    if isinstance(databases, PostgresDatabases):
        databases.drop_all()


@pytest.fixture
async def stores(url: str) -> AsyncIterator[tuple[OpenStore, OpenStore]]:
    """Two workers on one database."""
    opened = open_store(url), open_store(url)
    yield opened
    for store in opened:
        await store.close()


def worker(clock, **options) -> Relations:
    return Relations("main", clock, tuples=Counted, **options)


async def begin(store: OpenStore, relations: Relations, *tuples: tuple[str, str, str]) -> None:
    await store.write(lambda tx: relations.put_model(tx, MODEL))
    if tuples:
        await store.write(lambda tx: relations.write(tx, [RelationTuple(*t) for t in tuples]))


async def ask(store: OpenStore, relations: Relations, *questions: tuple[str, str, str]):
    return await store.read(lambda tx: relations.check_many(tx, [Query(*q) for q in questions]))


def change(rnd: random.Random) -> tuple[str, str, str]:
    kind = rnd.randrange(5)
    if kind == 0:
        return (
            rnd.choice([*USERS, "user:*", *(f"{g}#member" for g in GROUPS)]),
            "member",
            rnd.choice(GROUPS),
        )
    if kind == 1:
        return rnd.choice(FOLDERS), "parent", rnd.choice([*FOLDERS, *DOCS])
    holder = rnd.choice([*USERS, *(f"{g}#member" for g in GROUPS)])
    if kind == 2:
        return holder, "banned", rnd.choice(FOLDERS)
    return holder, "viewer", rnd.choice([*FOLDERS, *DOCS])


async def test_whatever_is_written_by_whom_the_answers_are_those_of_an_engine_that_keeps_nothing(
    stores, clock
):
    rnd = random.Random(7)
    workers = worker(clock), worker(clock)
    bare = Bare("main", clock)
    await begin(stores[0], workers[0])
    for _ in range(120):
        by = rnd.randrange(2)
        given = RelationTuple(*change(rnd))
        gone = rnd.random() < 0.4

        def work(tx: Unit, by: int = by, given: RelationTuple = given, gone: bool = gone) -> None:
            writes, deletes = ([], [given]) if gone else ([given], [])
            workers[by].write(tx, writes, deletes, on_duplicate="ignore", on_missing="ignore")

        if given.user.partition("#")[0] == given.object:
            continue
        await stores[by].write(work)
        expected = await stores[0].read(lambda tx: bare.check_many(tx, QUERIES))
        user, listed = rnd.choice(USERS), rnd.choice(["viewer", "reader"])
        names = await stores[0].read(
            lambda tx, u=user, r=listed: bare.list_objects(tx, u, r, "doc")
        )
        for store, relations in zip(stores, workers, strict=True):
            assert await store.read(lambda tx, r=relations: r.check_many(tx, QUERIES)) == expected
            found = await store.read(
                lambda tx, w=relations, u=user, r=listed: w.list_objects(tx, u, r, "doc")
            )
            assert found == names


async def test_what_was_read_is_not_read_again_until_it_is_touched(stores, clock):
    store, relations = stores[0], worker(clock)
    held = ("user:a", "viewer", "folder:1"), ("folder:1", "parent", "doc:1")
    await begin(store, relations, *held, ("user:b", "viewer", "doc:2"))
    question = ("user:a", "viewer", "doc:1")
    assert await ask(store, relations, question) == [True]
    Counted.reads = 0
    assert await ask(store, relations, question) == [True]
    assert Counted.reads == 0
    # Of what another worker writes, only what it touched is read again.
    other = worker(clock)
    await stores[1].write(lambda tx: other.write(tx, [RelationTuple("user:c", "viewer", "doc:3")]))
    assert await ask(store, relations, question) == [True]
    assert Counted.reads == 0
    gone = RelationTuple(*held[1])
    await stores[1].write(lambda tx: other.write(tx, [], [gone]))
    assert await ask(store, relations, question) == [False]
    assert Counted.reads > 0


async def test_what_a_transaction_that_is_undone_wrote_is_never_kept(stores, clock):
    store, relations = stores[0], worker(clock)
    await begin(store, relations)
    question = Query("user:a", "viewer", "doc:1")
    seen: list[object] = []

    def undone(tx: Unit) -> None:
        relations.write(tx, [RelationTuple("user:a", "viewer", "doc:1")])
        seen.extend(relations.check_many(tx, [question]))
        raise ValueError("undone")

    with pytest.raises(ValueError, match="undone"):
        await store.write(undone)
    assert set(seen) == {True}
    # The same revision again, with another tuple in it.
    await store.write(lambda tx: relations.write(tx, [RelationTuple("user:b", "viewer", "doc:1")]))
    asked = ("user:a", "viewer", "doc:1"), ("user:b", "viewer", "doc:1")
    assert await ask(store, relations, *asked) == [False, True]


async def test_readers_and_writers_at_once_never_see_less_than_was_acknowledged(stores, clock):
    workers = worker(clock), worker(clock)
    await begin(stores[0], workers[0])
    going = True

    async def load(by: int) -> None:
        while going:
            await stores[by].read(lambda tx: workers[by].check_many(tx, QUERIES))
            await asyncio.sleep(0)  # on SQLite a read never waits

    loads = [asyncio.ensure_future(load(n % 2)) for n in range(6)]
    for number in range(40):
        given = RelationTuple("user:a", "viewer", f"doc:{number % 4}")
        add = number % 8 < 4
        writes, deletes = ([given], []) if add else ([], [given])
        await stores[0].write(lambda tx, w=writes, d=deletes: workers[0].write(tx, w, d))
        for store, relations in zip(stores, workers, strict=True):
            assert await ask(store, relations, (given.user, "viewer", given.object)) == [add]
    going = False
    await asyncio.gather(*loads)


async def test_a_database_that_was_put_back_is_read_anew(stores, clock):
    store, relations = stores[0], worker(clock)
    await begin(store, relations, ("user:a", "viewer", "doc:1"))
    question = ("user:a", "viewer", "doc:1")
    assert await ask(store, relations, question) == [True]

    def back(tx: Unit) -> None:
        from sqlalchemy import text

        tx.execute(text("DELETE FROM authz_tuple"))
        tx.execute(text("DELETE FROM authz_changelog"))
        tx.execute(text("UPDATE authz_store SET revision = 1"))

    await store.write(back)
    assert await ask(store, relations, question) == [False]


class Source:
    """A reader with as many changes as one likes."""

    def __init__(self, changes: int) -> None:
        self.asked: list[tuple[int, int]] = []
        self._changes = changes

    def changes(self, after: int, limit: int) -> list[object]:
        self.asked.append((after, limit))
        if self._changes < 0:
            raise RuntimeError("the database is gone")
        return [object()] * self._changes


def test_after_very_many_changes_all_is_forgotten():
    answers = Answers()
    answers.keep(0, "q", {("doc", "1"): ((),)})
    assert answers.at(0, ("doc", "1"), "q") == ((),)
    answers.catch_up(Source(MOST_CHANGES), 5)  # type: ignore[arg-type]
    assert (answers.revision, len(answers)) == (5, 0)


def test_changes_that_cannot_be_read_leave_nothing_to_believe():
    answers = Answers()
    answers.keep(0, "q", {("doc", "1"): ((),)})
    with pytest.raises(RuntimeError):
        answers.catch_up(Source(-1), 5)  # type: ignore[arg-type]
    assert answers.at(0, ("doc", "1"), "q") is None
    assert answers.at(5, ("doc", "1"), "q") is None
    answers.catch_up(Source(0), 5)  # type: ignore[arg-type]
    assert len(answers) == 0


def test_an_answer_of_another_revision_is_neither_kept_nor_given():
    answers = Answers()
    answers.catch_up(Source(0), 3)  # type: ignore[arg-type]
    answers.keep(2, "q", {("doc", "1"): ("old",)})
    assert len(answers) == 0
    answers.keep(3, "q", {("doc", "1"): ("new",)})
    assert answers.at(2, ("doc", "1"), "q") is None
    assert answers.at(3, ("doc", "1"), "q") == ("new",)


def test_an_answer_of_an_older_stand_is_not_given_when_the_revision_has_come_back():
    """A thread with an older snapshot may move the cache back, and another one forth again."""
    answers = Answers()
    answers.catch_up(Source(0), 7)  # type: ignore[arg-type]

    class Moving(dict):
        def get(self, question, default=None):
            # Between two steps of the reader: back to 5, an old answer is kept, forth to 7.
            answers.catch_up(Source(0), 5)  # type: ignore[arg-type]
            answers.keep(5, "q", {("doc", "1"): ("revoked since",)})
            answers.catch_up(Source(0), 7)  # type: ignore[arg-type]
            return ("revoked since",)

    answers._by_key["doc", "1"] = Moving()
    assert answers.at(7, ("doc", "1"), "q") is None


def test_it_is_bounded_in_answers_and_in_rows():
    answers = Answers(most=10)
    for number in range(100):
        for question in ("q", "r"):
            answers.keep(0, question, {("doc", str(number)): ()})
    assert len(answers) <= 10
    assert answers.at(0, ("doc", "99"), "r") == ()
    assert answers.at(0, ("doc", "1"), "q") is None
    answers.keep(0, "wide", {("doc", "99"): ((),) * (LONGEST_ANSWER + 1)})
    assert answers.at(0, ("doc", "99"), "wide") is None
    for number in range(100):
        answers.keep(0, "q", {("doc", str(number)): ((),) * 4})
        assert len(answers) <= 10
