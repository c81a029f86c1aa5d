"""SIGKILL of `mandate authz serve` in the middle of writes: the changelog is the whole truth."""

import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.kill.writers import SIZE, Writers
from tests.support.databases import Databases
from tests.support.processes import ServerProcess, mandate_command, run_mandate

pytestmark = [pytest.mark.kill, pytest.mark.timeout(1800)]

KILLS = int(os.environ.get("MANDATE_KILLS", "3"))
KEY = "a-preshared-key-of-the-kills"
HEADERS = {"Authorization": f"Bearer {KEY}"}
DIRECT = {"relations": {"viewer": {"directly_related_user_types": [{"type": "user"}]}}}
MODEL = {
    "schema_version": "1.1",
    "type_definitions": [
        {"type": "user"},
        {"type": "document", "relations": {"viewer": {"this": {}}}, "metadata": DIRECT},
    ],
}
Key = tuple[str, str]
"""Document and user."""


def test_nothing_acknowledged_is_lost_and_no_write_is_half_there(
    durable: Databases, tmp_path: Path
) -> None:
    settings = {
        "MANDATE_AUTHZ_DATABASE_URL": durable.empty(),
        "MANDATE_AUTHZ_KEYS": KEY,
        "MANDATE_AUTHZ_LOG_LEVEL": "WARNING",
    }
    run_mandate("authz", "migrate", settings=settings, cwd=tmp_path)
    command = mandate_command("authz", "serve", "--port", "{port}")

    def process() -> ServerProcess:
        return ServerProcess(
            folder=tmp_path, settings=settings, command=command, ready_path="/healthz"
        )

    with process() as first, Client(first.url) as http:
        store = f"/stores/{http.call('POST', '/stores', {'name': 'killed'})['id']}"
        http.call("POST", f"{store}/authorization-models", MODEL)
    written: set[str] = set()
    deleted: set[str] = set()
    sent: set[str] = set()
    for kill in range(KILLS):
        server = process().start()
        writers = Writers(f"{server.url}{store}", HEADERS, str(kill), until=40 + 29 * kill % 200)
        runner = threading.Thread(target=writers.run)
        runner.start()
        writers.reached.wait(120)
        server.kill()
        runner.join(60)
        assert not runner.is_alive()
        assert not writers.unexpected
        assert len(writers.written) >= 40
        written |= writers.written
        deleted |= writers.deleted
        sent |= writers.sent
        with process() as again, Client(again.url) as http:
            _compare(http.changes(store), http.tuples(store), written, deleted, sent)


def _compare(
    changes: list[tuple[str, Key]],
    stored: set[Key],
    written: set[str],
    deleted: set[str],
    sent: set[str],
) -> None:
    replayed: set[Key] = set()
    for operation, key in changes:
        # Each is written while it is not there, and deleted while it is.
        assert (key in replayed) == (operation == "TUPLE_OPERATION_DELETE")
        (replayed.discard if key in replayed else replayed.add)(key)
    assert replayed == stored
    there = Counter(document for document, _ in stored)
    assert set(there.values()) <= {SIZE}
    assert {f"document:{batch}" for batch in written - sent} <= there.keys()
    assert not {f"document:{batch}" for batch in deleted} & there.keys()
    ever = {document for _, (document, _) in changes}
    assert {f"document:{batch}" for batch in written} <= ever
    # What a request wrote and deleted stands together: no other writer's change comes between.
    begun = [document for _, (document, _) in changes[::SIZE]]
    assert [document for _, (document, _) in changes] == [d for d in begun for _ in range(SIZE)]


class Client(httpx2.Client):
    """Speaks to one process."""

    def __init__(self, url: str) -> None:
        super().__init__(base_url=url, headers=HEADERS, trust_env=False, timeout=30)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Return what a call answers."""
        answer = self.request(method, path, json=body)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    def changes(self, store: str) -> list[tuple[str, Key]]:
        """Read the whole changelog, oldest first."""
        found: list[tuple[str, Key]] = []
        token = ""
        while True:
            query = f"?page_size=100&continuation_token={token}" if token else "?page_size=100"
            page = self.call("GET", f"{store}/changes{query}")
            if not page["changes"]:
                return found
            for change in page["changes"]:
                key = change["tuple_key"]
                found.append((change["operation"], (key["object"], key["user"])))
            token = page["continuation_token"]

    def tuples(self, store: str) -> set[Key]:
        """Read every tuple."""
        found: set[Key] = set()
        token = ""
        while True:
            body = {"page_size": 100, "continuation_token": token}
            page = self.call("POST", f"{store}/read", body)
            found |= {(t["key"]["object"], t["key"]["user"]) for t in page["tuples"]}
            token = page["continuation_token"]
            if not token:
                return found
