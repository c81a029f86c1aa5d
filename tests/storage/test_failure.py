"""A full disk, a lost database and a stuck writer fail closed and recover (issue, "Bad input")."""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from authz.tx import Tx
from server.domain.unit import ConflictError, UnavailableError, Unit
from server.storage.postgres import WRITERS
from server.storage.sqlite import SqliteStore
from server.storage.sqlite_file import connect
from server.storage.store import OpenStore, open_store
from tests.storage.test_store_contract import adding, count
from tests.support.databases import PostgresDatabases, sqlite_path
from tests.support.postgres import PostgresCluster
from tests.support.schema import create_tables

PATIENCE_MS = 100


@pytest.fixture
def path(sqlite_url: str) -> Path:
    create_tables(sqlite_url)
    return sqlite_path(sqlite_url)


@pytest.fixture
async def sqlite(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(str(path), patience_ms=PATIENCE_MS)
    yield store
    await store.close()


@pytest.fixture
def other_process(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(str(path), busy_ms=0)) as connection:
        yield connection


def limit_pages(pages: int) -> Callable[[Unit], object]:
    return lambda tx: tx.fetch(text(f"PRAGMA max_page_count = {pages}"))


async def test_a_full_disk_refuses_whatever_is_not_stored_and_recovers(
    sqlite: SqliteStore,
) -> None:
    await sqlite.write(limit_pages(1))  # SQLite takes the present size for what is less
    stored = 0
    with contextlib.suppress(UnavailableError):
        while stored < 2000:
            await sqlite.write(adding(f"n{stored}", "x" * 500))
            stored += 1

    assert stored < 2000
    assert await sqlite.read(count) == stored
    assert await sqlite.revision() == 0
    await sqlite.write(limit_pages(1_000_000))
    await sqlite.write(adding("after"))
    assert await sqlite.read(count) == stored + 1


async def test_of_a_batch_on_a_full_disk_what_is_acknowledged_is_stored(
    sqlite: SqliteStore,
) -> None:
    await sqlite.write(limit_pages(1))
    done = await asyncio.gather(
        *(sqlite.write(adding(f"n{n}", "x" * 900)) for n in range(300)),
        return_exceptions=True,
    )
    assert any(isinstance(result, UnavailableError) for result in done)
    assert await sqlite.read(count) == done.count(1)


async def test_a_stuck_writer_refuses_within_the_patience_and_recovers(
    sqlite: SqliteStore, other_process: sqlite3.Connection
) -> None:
    await sqlite.write(adding("before"))
    other_process.execute("BEGIN IMMEDIATE")
    # More than a batch: the last of a long queue must not wait once for each batch before it.
    async with asyncio.timeout(40 * PATIENCE_MS / 1000):
        done = await asyncio.gather(
            *(sqlite.write(adding(f"n{n}")) for n in range(4000)), return_exceptions=True
        )
    assert all(isinstance(result, UnavailableError) for result in done)
    assert await sqlite.read(count) == 1

    other_process.execute("ROLLBACK")
    assert await sqlite.write(adding("after")) == 1


async def test_a_lock_that_is_given_back_in_time_costs_nothing_but_time(
    path: Path, other_process: sqlite3.Connection
) -> None:
    store = SqliteStore(str(path), patience_ms=10_000)
    other_process.execute("BEGIN IMMEDIATE")
    waiting = asyncio.ensure_future(store.write(adding("a")))
    await asyncio.sleep(0)
    other_process.execute("COMMIT")
    assert await waiting == 1
    await store.close()


async def test_a_queue_that_is_full_refuses_at_once(
    sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.storage.sqlite.MAX_WAITING", 10)
    done = await asyncio.gather(
        *(sqlite.write(adding(f"n{n}")) for n in range(25)), return_exceptions=True
    )
    assert done[:10] == [1] * 10
    assert all(isinstance(result, UnavailableError) for result in done[10:])
    assert await sqlite.write(adding("later")) == 1


async def test_a_file_that_is_no_database_refuses_and_works_once_it_is_put_right(
    sqlite_url: str,
) -> None:
    create_tables(sqlite_url)
    path = sqlite_path(sqlite_url)
    store = SqliteStore(str(path), patience_ms=PATIENCE_MS)
    good = path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        good = path.read_bytes()
    path.write_bytes(b"no database " * 400)
    with pytest.raises(UnavailableError):
        await store.write(adding("a"))
    path.write_bytes(good)
    assert await store.write(adding("b")) == 1
    await store.close()


async def test_the_database_and_its_log_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "new.db"
    store = open_store(f"sqlite:///{path}")
    create_tables(f"sqlite:///{path}")
    await store.write(adding("a"))
    assert {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {
        "new.db": 0o600,
        "new.db-wal": 0o600,
        "new.db-shm": 0o600,
    }
    assert path.parent.stat().st_mode & 0o077 == 0
    await store.close()


@pytest.mark.parametrize("address", ["sqlite:///:memory:", "sqlite:///", "mysql://x", "x.db"])
def test_what_cannot_be_a_database_of_ours_is_refused_at_the_start(address: str) -> None:
    with pytest.raises(ValueError, match="database"):
        open_store(address)


@pytest.fixture
def own_cluster(postgres_cluster: PostgresCluster) -> Iterator[PostgresCluster]:
    """A cluster that a test may kill."""
    cluster = PostgresCluster(postgres_cluster.binaries, durable=False)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def postgres_url(postgres_databases: PostgresDatabases) -> Iterator[str]:
    yield postgres_databases.copy_of("tables", create_tables)
    postgres_databases.drop_all()


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[OpenStore]:
    store = open_store(postgres_url, patience_ms=PATIENCE_MS * 20)
    yield store
    await store.close()


@pytest.mark.postgres
async def test_a_postgresql_that_is_gone_refuses_and_works_when_it_is_back(
    own_cluster: PostgresCluster,
) -> None:
    address = own_cluster.url(own_cluster.create())
    create_tables(address)
    # A refused connection is told at once; a whole patience is for a machine that is busy.
    postgres = open_store(address)
    await asyncio.gather(*(postgres.write(adding(f"n{n}")) for n in range(20)))
    assert await postgres.read(count) == 20
    own_cluster.kill()
    done = await asyncio.gather(
        *(postgres.write(adding(f"lost{n}")) for n in range(20)),
        postgres.read(count),
        postgres.revision(),
        return_exceptions=True,
    )
    assert all(isinstance(result, UnavailableError) for result in done)

    own_cluster.restart()
    names = [f"new{n}" for n in range(20)]
    tried = await asyncio.gather(
        *(postgres.write(adding(n)) for n in names), return_exceptions=True
    )
    # A connection that was idle may learn of its end only now: 503, and the next try works.
    assert all(each == 1 or isinstance(each, UnavailableError) for each in tried)
    again = [name for name, each in zip(names, tried, strict=True) if each != 1]
    assert await asyncio.gather(*(postgres.write(adding(n)) for n in again)) == [1] * len(again)
    assert await postgres.read(count) == 40
    assert await postgres.revision() == 0
    await postgres.close()


@pytest.mark.postgres
async def test_a_row_that_another_session_holds_refuses_within_the_patience_and_recovers(
    postgres: OpenStore, postgres_url: str
) -> None:
    import psycopg

    await postgres.write(adding("held"))
    with psycopg.connect(postgres_url) as other:
        other.execute("UPDATE one_time_link SET used_at = 1")
        with pytest.raises(UnavailableError):
            await postgres.write(_use_held)
        other.rollback()
    assert await postgres.write(_use_held) == 1


def _use_held(tx: Unit) -> int:
    return tx.execute(text("UPDATE one_time_link SET used_at = 2 WHERE hash = 'held'"))


@pytest.mark.postgres
async def test_a_unit_with_a_bug_closes_no_connection(postgres: OpenStore) -> None:
    def session(tx: Tx) -> int:
        return int(tx.fetch(text("SELECT pg_backend_pid()"))[0][0])

    before = await postgres.read(session)
    for bad in (text("SELECT nothing_like_it"), text("SELECT 1 / 0")):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the driver's own words
            await postgres.read(lambda tx, bad=bad: tx.fetch(bad))  # type: ignore[misc]
        assert not isinstance(caught.value, UnavailableError)
    await postgres.write(adding("taken"))
    with pytest.raises(ConflictError):
        await postgres.write(adding("taken"))
    # Nobody closed the connection that met the bugs.
    alive = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    assert (before,) in await postgres.read(lambda tx: tx.fetch(alive))


@pytest.mark.postgres
async def test_what_ends_one_connection_is_taken_to_have_ended_all(postgres: OpenStore) -> None:
    """A server that stops says so before it closes; whoever was idle meanwhile hears nothing."""

    async def sessions() -> set[int]:
        together = threading.Barrier(WRITERS)

        def session(tx: Tx) -> int:
            together.wait(30)
            return int(tx.fetch(text("SELECT pg_backend_pid()"))[0][0])

        return set(await asyncio.gather(*(postgres.write(session) for _ in range(WRITERS))))

    before = await sessions()
    assert len(before) == WRITERS

    def told(tx: Tx) -> None:
        raise psycopg.errors.AdminShutdown

    with pytest.raises(UnavailableError):
        await postgres.write(told)
    assert (await sessions()).isdisjoint(before)


@pytest.mark.postgres
async def test_a_commit_is_durable_also_where_the_cluster_is_set_otherwise(
    postgres: OpenStore,
) -> None:
    setting = text("SHOW synchronous_commit")
    assert await postgres.write(lambda tx: tx.fetch(setting)) == [("on",)]
