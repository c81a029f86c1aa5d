"""`mandate doctor` finds what is wrong and says what to do about it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from server.app import assemble
from server.doctor import Check, examine
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.keys.kek import create_kek_file
from server.settings import Settings
from server.storage.migrate import upgrade
from tests.support.clock import FrozenClock
from tests.support.databases import Databases, PostgresDatabases, SqliteDatabases, sqlite_path
from tests.support.entropy import SequenceEntropy
from tests.support.schema import run_sql

ISSUER = "http://127.0.0.1:9123"


@pytest.fixture
def databases(sqlite_databases: SqliteDatabases) -> SqliteDatabases:
    """One engine: what is looked at is the same on both."""
    return sqlite_databases


@pytest.fixture
async def settings(
    databases: Databases, tmp_path: Path, clock: FrozenClock, entropy: SequenceEntropy
) -> Settings:
    """The settings of a server that has started once."""
    kek = tmp_path / "kek"
    create_kek_file(kek, entropy)
    made = Settings(
        issuer=ISSUER, database_url=databases.copy_of("migrated", upgrade), kek_file=kek,
        _env_file=None,
    )  # fmt: skip
    server = await assemble(made, clock=clock, entropy=entropy)
    await server.close()
    return made


def answering(issuer: str) -> Callable[[str], bytes]:
    return lambda url: orjson.dumps({"issuer": issuer, "asked": url})


def nonsense(url: str) -> bytes:
    return b"no"


def silent(url: str) -> bytes:
    raise ConnectionRefusedError(url)


async def findings(
    settings: Settings, clock: FrozenClock, fetch: Callable[[str], bytes] | None = None
) -> dict[str, Check]:
    entropy = SequenceEntropy("doctor")
    return {
        check.name: check
        async for check in examine(
            settings, clock=clock, entropy=entropy, fetch=fetch or answering(ISSUER)
        )
    }


async def test_a_sound_server_has_nothing_to_be_done(
    settings: Settings, clock: FrozenClock
) -> None:
    found = await findings(settings, clock)
    assert {name: check.seen for name, check in found.items() if not check.ok} == {}
    expected = {"settings", "key-encryption key", "schema", "database", "signing keys", "clock",
                "audit", "issuer"}  # fmt: skip
    assert expected <= set(found)


@pytest.mark.postgres
async def test_a_sound_server_on_postgresql_has_nothing_to_be_done(
    postgres_databases: PostgresDatabases,
    settings: Settings,
    clock: FrozenClock,
    entropy: SequenceEntropy,
) -> None:
    address = postgres_databases.copy_of("migrated", upgrade)
    made = settings.model_copy(update={"database_url": address})
    server = await assemble(made, clock=clock, entropy=entropy)
    await server.close()
    found = await findings(made, clock)
    postgres_databases.drop_all()
    assert {name: check.seen for name, check in found.items() if not check.ok} == {}
    assert "disk" not in found


async def test_a_key_file_that_others_may_read_is_found(
    settings: Settings, clock: FrozenClock
) -> None:
    assert settings.kek_file is not None
    settings.kek_file.chmod(0o644)
    check = (await findings(settings, clock))["key-encryption key"]
    assert not check.ok
    assert "0600" in check.seen


async def test_a_key_that_opens_nothing_is_found(
    settings: Settings, clock: FrozenClock, tmp_path: Path
) -> None:
    create_kek_file(tmp_path / "other", SequenceEntropy("other"))
    check = (await findings(settings.model_copy(update={"kek_file": tmp_path / "other"}), clock))[
        "signing keys"
    ]
    assert not check.ok
    assert "key-encryption key" in check.next


async def test_a_schema_behind_is_found(
    settings: Settings, clock: FrozenClock, databases: Databases
) -> None:
    found = await findings(settings.model_copy(update={"database_url": databases.empty()}), clock)
    assert found["schema"].next == "run `mandate migrate`"
    assert "database" not in found


async def test_a_database_that_is_away_is_found_without_its_password(
    settings: Settings, clock: FrozenClock
) -> None:
    pytest.importorskip("psycopg")
    away = "postgresql://me:s3cret-word@127.0.0.1:1/db"
    check = (await findings(settings.model_copy(update={"database_url": away}), clock))["database"]
    assert not check.ok
    assert "s3cret-word" not in check.seen + check.next


async def test_old_keys_a_slow_clock_and_a_lazy_sealer_are_found(
    settings: Settings, clock: FrozenClock, entropy: SequenceEntropy
) -> None:
    server = await assemble(settings, clock=clock, entropy=entropy)
    core = server.services.core
    record = AuditRecord(tag=AuditTag.SIGNED_IN, outcome=Outcome.DONE, at=clock.now())
    await core.store.write(lambda tx: core.rows.audit.record(tx, record))
    await server.close()

    clock.advance(days=200)
    found = await findings(settings, clock)
    assert not found["signing keys"].ok
    assert found["signing keys"].next == "run `mandate keys rotate`"
    assert not found["audit"].ok
    assert "audit seal" in found["audit"].next

    clock.advance(days=-201)
    found = await findings(settings, clock)
    assert not found["clock"].ok
    assert "86400 s behind" in found["clock"].seen


async def test_without_an_active_key_it_says_rotate(settings: Settings, clock: FrozenClock) -> None:
    run_sql(settings.database, "DELETE FROM signing_key WHERE status = 'active'")
    check = (await findings(settings, clock))["signing keys"]
    assert (check.ok, check.next) == (False, "run `mandate keys rotate`")


@pytest.mark.parametrize("fetch", [silent, answering("https://other.example"), nonsense])
async def test_an_issuer_that_is_not_there_or_another_is_found(
    settings: Settings, clock: FrozenClock, fetch: Any
) -> None:
    check = (await findings(settings, clock, fetch))["issuer"]
    assert not check.ok
    assert "MANDATE_ISSUER" in check.next


async def test_a_database_that_takes_no_writes_is_found(
    sqlite_url: str, tmp_path: Path, clock: FrozenClock, entropy: SequenceEntropy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("server.doctor.PATIENCE_MS", 50)
    create_kek_file(tmp_path / "kek", entropy)
    upgrade(sqlite_url)
    made = Settings(
        issuer=ISSUER, database_url=sqlite_url, kek_file=tmp_path / "kek", _env_file=None
    )
    with closing(sqlite3.connect(sqlite_path(sqlite_url), isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")
        check = (await findings(made, clock))["database"]
    assert not check.ok
    assert "lock" in check.next
