"""The ground the other tests stand on holds."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser

from tests.support.clock import FrozenClock
from tests.support.databases import Databases, sqlite_path
from tests.support.entropy import SequenceEntropy
from tests.support.postgres import PostgresCluster
from tests.support.processes import ServerProcess


def _run(address: str, statement: str) -> list[tuple[object, ...]]:
    if address.startswith("sqlite"):
        with closing(sqlite3.connect(sqlite_path(address))) as connection, connection:
            return connection.execute(statement).fetchall()
    with psycopg.connect(address) as session:
        cursor = session.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_the_clock_stands_still_until_it_is_moved(clock: FrozenClock):
    before = clock.now()
    assert clock.now() == before
    assert clock.advance(minutes=1, seconds=1) == before + 61_000


def test_entropy_repeats_for_a_seed_and_never_within_a_run():
    first, second = SequenceEntropy("a"), SequenceEntropy("a")
    ids = [first.id("dlg") for _ in range(50)]
    assert ids == [second.id("dlg") for _ in range(50)]
    assert len(set(ids)) == 50
    assert len(first.bytes(100)) == 100
    assert SequenceEntropy("b").token() != SequenceEntropy("a").token()


def test_each_test_has_a_database_of_its_own(databases: Databases):
    made: list[str] = []

    def prepare(address: str) -> None:
        made.append(address)
        _run(address, "CREATE TABLE note (text TEXT)")

    name = f"note-{os.getpid()}"
    one, other = databases.copy_of(name, prepare), databases.copy_of(name, prepare)
    assert len(made) == 1
    _run(one, "INSERT INTO note VALUES ('here')")
    assert _run(one, "SELECT text FROM note") == [("here",)]
    assert _run(other, "SELECT text FROM note") == []


@pytest.mark.postgres
def test_a_durable_cluster_keeps_what_it_acknowledged_through_a_kill(
    durable_postgres_cluster: PostgresCluster,
):
    cluster = durable_postgres_cluster
    address = cluster.url(cluster.create())
    assert _run(address, "SHOW fsync") == [("on",)]
    _run(address, "CREATE TABLE note (text TEXT)")
    _run(address, "INSERT INTO note VALUES ('kept')")
    cluster.kill()
    cluster.restart()
    assert _run(address, "SELECT text FROM note") == [("kept",)]


def test_a_server_process_is_waited_for_and_ended_by_its_id(tmp_path: Path):
    (tmp_path / "readyz").write_text("yes")
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port}"]
    with ServerProcess(folder=tmp_path, settings={}, command=command) as server:
        pid = server.pid
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_server_that_cannot_start_tells_what_it_printed(tmp_path: Path):
    command = [sys.executable, "-c", "raise SystemExit('the schema is behind')"]
    with pytest.raises(RuntimeError, match="the schema is behind"):
        ServerProcess(folder=tmp_path, settings={}, command=command).start()


@pytest.mark.browser
def test_the_browser_opens_a_page_of_a_server_on_loopback(browser: Browser, tmp_path: Path):
    (tmp_path / "readyz").write_text("yes")
    (tmp_path / "page.html").write_text("<title>here</title><h1>It is here</h1>")
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port}"]
    with ServerProcess(folder=tmp_path, settings={}, command=command) as server:
        page = browser.new_context().new_page()
        page.goto(f"{server.url}/page.html")
        assert page.title() == "here"
        assert page.get_by_role("heading", name="It is here").is_visible()
        page.context.close()


@pytest.mark.node
def test_node_is_new_enough_and_has_its_clients(node: Path, node_packages: Path):
    script = "import('oauth4webapi').then(m => console.log(typeof m.discoveryRequest))"
    told = subprocess.run(
        [node, "--input-type=module", "-e", script],
        cwd=node_packages,
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout.strip() == "function"
