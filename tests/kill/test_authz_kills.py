"""SIGKILL of `mandate authz serve` while tuples are written: no acknowledged write is lost."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.authz_api.conftest import KEY
from tests.authz_api.test_beyond import changes_of, keys_of, replayed
from tests.authz_api.test_hostile import MODEL
from tests.requirements import requirement
from tests.support.databases import Databases
from tests.support.ports import free_port
from tests.support.processes import ServerProcess, mandate_command, run_mandate

pytestmark = [pytest.mark.kill, pytest.mark.timeout(1800)]

KILLS = int(os.environ.get("MANDATE_KILLS", "3"))
WRITERS = 6
TOGETHER = 5
"""Tuples of one write: all of them are there, or none."""
_HEADERS = {"Authorization": f"Bearer {KEY}"}


class _Writer:
    """Writes, replaces and deletes groups of tuples of its own until the server is gone.

    `groups` is the state of each group as acknowledged: its number `x`, or None when deleted.
    `open` is the group of the call that was never answered, which may be in either state.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.groups: dict[str, int | None] = {}
        self.open = ""
        self.attempt = 0

    def step(self, http: httpx2.Client, store: str) -> None:
        self.attempt += 1
        turn = self.attempt % 4
        if turn in {1, 2}:
            user = f"user:w{self.number}-{self.attempt}"
            self._write(http, store, user, self.attempt, "error")
        elif turn == 3:
            self._write(http, store, self._last(), self.attempt, "replace")
        else:
            self.open = self._last()
            body = {"tuple_key": {"user": self.open}}
            http.post(f"{store}/delete-matching", json=body).raise_for_status()
            self.groups[self.open], self.open = None, ""

    def _last(self) -> str:
        return next(reversed(self.groups))

    def _write(self, http: httpx2.Client, store: str, user: str, x: int, duplicates: str) -> None:
        self.open = user
        condition = {"name": "small", "context": {"x": x}}
        keys = [
            {"user": user, "relation": "viewer", "object": f"document:{n}", "condition": condition}
            for n in range(TOGETHER)
        ]
        writes = {"tuple_keys": keys, "on_duplicate": duplicates}
        http.post(f"{store}/write", json={"writes": writes}).raise_for_status()
        self.groups[user], self.open = x, ""


@requirement("mandate:kill:authz-nothing-lost")
def test_a_killed_authz_server_kept_every_write_whole(durable: Databases, tmp_path: Path) -> None:
    port = free_port()
    settings = {
        "MANDATE_AUTHZ_DATABASE_URL": durable.empty(),
        "MANDATE_AUTHZ_KEYS": KEY,
        "MANDATE_AUTHZ_LOG_LEVEL": "WARNING",
    }
    run_mandate("authz", "migrate", settings=settings, cwd=tmp_path)

    def server() -> ServerProcess:
        command = mandate_command("authz", "serve", "--port", "{port}")
        return ServerProcess(
            folder=tmp_path, settings=settings, command=command, ready_path="/healthz", port=port
        )

    url = f"http://127.0.0.1:{port}"
    store = ""
    writers: list[_Writer] = []
    for kill in range(KILLS):
        process = server().start()
        with _client(url) as http:
            if not store:
                store = f"/stores/{http.post('/stores', json={'name': 'killed'}).json()['id']}"
                http.post(f"{store}/authorization-models", json=MODEL).raise_for_status()
            _compare(http, store, writers)
        # What was open before is settled now, one way or the other: new writers, new groups.
        fresh = [_Writer(WRITERS * kill + number) for number in range(WRITERS)]
        _kill_under(process, fresh, url, store, until=40 + 37 * kill % 200)
        writers += fresh
    with server(), _client(url) as http:
        _compare(http, store, writers)


def _client(url: str) -> httpx2.Client:
    return httpx2.Client(base_url=url, headers=_HEADERS, trust_env=False, timeout=30)


def _kill_under(
    process: ServerProcess, writers: list[_Writer], url: str, store: str, until: int
) -> None:
    reached = threading.Event()
    done: list[None] = []

    def work(writer: _Writer) -> None:
        with _client(url) as http:
            while True:
                try:
                    writer.step(http, store)
                except httpx2.TransportError:
                    reached.set()
                    return
                done.append(None)
                if len(done) >= until:
                    reached.set()

    with ThreadPoolExecutor(WRITERS) as pool:
        running = [pool.submit(work, writer) for writer in writers]
        assert reached.wait(120)
        process.kill()
        for one in running:
            one.result(60)
    assert len(done) >= until


def _compare(http: httpx2.Client, store: str, writers: list[_Writer]) -> None:
    """Compare what was acknowledged with what is stored, and that with the changelog."""
    changes = changes_of(http, store)
    stored = replayed(changes)
    assert sorted(stored) == sorted(keys_of(http, store))
    found: dict[str, list[int]] = {}
    for name, condition in stored.items():
        found.setdefault(name.rpartition("@")[2], []).append(condition["context"]["x"])
    for user, numbers in found.items():
        assert len(numbers) == TOGETHER, f"{user} is half there"
        assert len(set(numbers)) == 1, f"{user} is half replaced"
    allowed: dict[str, set[int | None]] = {}
    for writer in writers:
        allowed |= {user: {x} for user, x in writer.groups.items()}
        if writer.open:
            # Never answered: as before, or done.
            before = writer.groups.get(writer.open)
            allowed[writer.open] = {before, writer.attempt, None}
    for user, states in allowed.items():
        assert found.get(user, [None])[0] in states, user
    assert set(found) <= set(allowed)
