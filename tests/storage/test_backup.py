"""Backup and restore: nothing lost, nothing overwritten, nothing told (`docs/operations.md`)."""

import asyncio
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from server.domain.unit import Unit
from server.storage.backup import BackupError, backup, restore
from server.storage.migrate import upgrade
from server.storage.store import open_store
from tests.storage.test_store_contract import adding, count
from tests.support.databases import Databases, sqlite_path
from tests.support.schema import read_sql, run_sql


@pytest.fixture
def filled(databases: Databases) -> str:
    """A database of this version with rows in it."""
    url = databases.copy_of("migrated", upgrade)
    run_sql(
        url, *(f"INSERT INTO one_time_link VALUES ('h{n}', 'p', 'e', 1, NULL)" for n in range(50))
    )
    return url


def links(url: str) -> list[tuple[object, ...]]:
    return read_sql(url, "SELECT * FROM one_time_link ORDER BY hash")


async def test_what_was_backed_up_comes_back(
    filled: str, databases: Databases, tmp_path: Path
) -> None:
    before = links(filled)
    backup(filled, tmp_path / "copy")
    run_sql(filled, "DELETE FROM one_time_link")
    target = databases.empty()

    restore(target, tmp_path / "copy")

    assert links(target) == before
    store = open_store(target)
    assert await store.write(adding("new")) == 1
    assert await store.read(count) == 51
    await store.close()


def test_a_backup_is_readable_by_its_owner_alone_and_overwrites_nothing(
    filled: str, tmp_path: Path
) -> None:
    target = tmp_path / "copy"
    backup(filled, target)
    assert target.stat().st_mode & 0o777 == 0o600
    first = target.read_bytes()
    with pytest.raises(BackupError, match="exists"):
        backup(filled, target)
    assert target.read_bytes() == first
    assert [file.name for file in tmp_path.iterdir()] == ["copy"]


def test_a_database_that_holds_something_is_replaced_only_by_force(
    filled: str, tmp_path: Path
) -> None:
    backup(filled, tmp_path / "copy")
    before = links(filled)
    run_sql(filled, "DELETE FROM one_time_link WHERE hash <> 'h1'")

    with pytest.raises(BackupError, match="--force"):
        restore(filled, tmp_path / "copy")
    assert len(links(filled)) == 1
    restore(filled, tmp_path / "copy", force=True)
    assert links(filled) == before


def test_a_backup_of_a_newer_version_is_refused(
    filled: str, databases: Databases, tmp_path: Path
) -> None:
    run_sql(
        filled,
        "UPDATE alembic_version SET version_num = 'f00ba4'"
        " WHERE version_num = (SELECT min(version_num) FROM alembic_version)",
    )
    backup(filled, tmp_path / "copy")
    target = databases.empty()
    with pytest.raises(BackupError, match="newer"):
        restore(target, tmp_path / "copy")


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"SQLite format 3\0" + b"x" * 5000, b"PGDMP" + b"x" * 50]
)
def test_a_file_that_is_no_backup_changes_nothing(
    filled: str, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "copy").write_bytes(content)
    before = links(filled)
    with pytest.raises(BackupError):
        restore(filled, tmp_path / "copy", force=True)
    with pytest.raises(BackupError):
        restore(filled, tmp_path / "absent", force=True)
    assert links(filled) == before


async def test_a_database_in_use_is_not_replaced(filled: str, tmp_path: Path) -> None:
    backup(filled, tmp_path / "copy")
    store = open_store(filled)
    await store.write(adding("live"))
    with pytest.raises(BackupError, match="in use"):
        restore(filled, tmp_path / "copy", force=True)
    assert await store.read(count) == 51
    await store.close()


async def test_a_backup_of_a_running_server_is_one_moment_of_it(
    filled: str, databases: Databases, tmp_path: Path
) -> None:
    store = open_store(filled)
    going = True

    def pair(number: int) -> object:
        def work(tx: Unit) -> None:
            adding(f"left{number}")(tx)
            adding(f"right{number}")(tx)

        return work

    async def load() -> None:
        number = 0
        while going:
            await store.write(pair(number))  # type: ignore[arg-type]
            number += 1

    running = asyncio.ensure_future(load())
    await asyncio.to_thread(backup, filled, tmp_path / "copy")
    going = False
    await running
    await store.close()

    target = databases.empty()
    restore(target, tmp_path / "copy")
    names = [str(row[0]) for row in links(target)]
    lefts = {name[4:] for name in names if name.startswith("left")}
    assert lefts == {name[5:] for name in names if name.startswith("right")}


def test_a_log_of_the_old_file_is_not_played_into_the_new_one(
    sqlite_url: str, tmp_path: Path
) -> None:
    upgrade(sqlite_url)
    backup(sqlite_url, tmp_path / "copy")
    path = sqlite_path(sqlite_url)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("INSERT INTO one_time_link VALUES ('late', 'p', 'e', 1, NULL)")
        connection.commit()
        log = path.with_name(path.name + "-wal").read_bytes()
    path.with_name(path.name + "-wal").write_bytes(log)  # as a killed server leaves it

    restore(sqlite_url, tmp_path / "copy", force=True)

    assert links(sqlite_url) == []


@pytest.mark.postgres
def test_the_password_is_in_no_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[list[str], str]] = []

    def run(arguments: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
        environment = options["env"]
        assert isinstance(environment, dict)
        seen.append((arguments, environment["PGPASSWORD"]))
        return subprocess.CompletedProcess(arguments, 0, b"", b"")

    monkeypatch.setattr("server.storage.backup_postgres.subprocess.run", run)
    backup("postgresql://me:s3cret-word@127.0.0.1:1/db?sslmode=require", tmp_path / "copy")

    ((arguments, password),) = seen
    assert password == "s3cret-word"
    assert "s3cret-word" not in " ".join(arguments)
    assert "sslmode=require" in " ".join(arguments)


@pytest.mark.postgres
def test_without_the_client_programs_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match="postgresql-client"):
        backup("postgresql://me:s3cret-word@127.0.0.1:1/db", tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.postgres
def test_a_database_that_is_not_there_is_told_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(BackupError) as caught:
        backup("postgresql://me:s3cret-word@127.0.0.1:1/db", tmp_path / "copy")
    assert "s3cret-word" not in str(caught.value)
