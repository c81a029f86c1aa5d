"""Two processes on one database: what one acknowledged the other knows, and a token proves it."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.authz_api.conftest import KEY
from tests.support.databases import Databases, PostgresDatabases
from tests.support.processes import ServerProcess, mandate_command, run_mandate

ROUNDS = 100
MODEL = {
    "schema_version": "1.1",
    "type_definitions": [
        {"type": "user"},
        {
            "type": "group",
            "relations": {"member": {"this": {}}},
            "metadata": {"relations": {"member": {"directly_related_user_types": [{"type": "user"}]}}},
        },
        {
            "type": "document",
            "relations": {"viewer": {"this": {}}},
            "metadata": {
                "relations": {
                    "viewer": {
                        "directly_related_user_types": [
                            {"type": "user"}, {"type": "group", "relation": "member"},
                        ]
                    }
                }
            },
        },
    ],
}  # fmt: skip


@pytest.fixture
def pair(databases: Databases, tmp_path: Path) -> Iterator[list[httpx2.Client]]:
    """Two clients, each of its own process."""
    settings = {
        "MANDATE_AUTHZ_DATABASE_URL": databases.empty(),
        "MANDATE_AUTHZ_KEYS": KEY,
        "MANDATE_AUTHZ_LOG_LEVEL": "WARNING",
    }
    run_mandate("authz", "migrate", settings=settings, cwd=tmp_path)
    command = mandate_command("authz", "serve", "--port", "{port}")
    processes = [
        ServerProcess(folder=tmp_path, settings=settings, command=command, ready_path="/healthz")
        for _ in range(2)
    ]
    headers = {"Authorization": f"Bearer {KEY}"}
    with processes[0] as one, processes[1] as two:
        clients = [
            httpx2.Client(base_url=each.url, headers=headers, trust_env=False, timeout=30)
            for each in (one, two)
        ]
        yield clients
        for client in clients:
            client.close()
    if isinstance(databases, PostgresDatabases):
        databases.drop_all()


def sent(answer: httpx2.Response) -> httpx2.Response:
    assert answer.status_code in {200, 201}, answer.text
    return answer


def test_what_one_process_acknowledged_the_other_knows_at_once(pair):
    one, two = pair
    store = sent(one.post("/stores", json={"name": "shared"})).json()["id"]
    sent(one.post(f"/stores/{store}/authorization-models", json=MODEL))
    member = {"user": "user:ada", "relation": "member", "object": "group:eng"}
    through = {"user": "group:eng#member", "relation": "viewer", "object": "document:1"}
    sent(one.post(f"/stores/{store}/write", json={"writes": {"tuple_keys": [through]}}))
    question = {"tuple_key": {"user": "user:ada", "relation": "viewer", "object": "document:1"}}
    for number in range(ROUNDS):
        writer, reader = (one, two) if number % 2 else (two, one)
        # What one process wrote the other takes back.
        change = "deletes" if number % 2 else "writes"
        written = sent(
            writer.post(f"/stores/{store}/write", json={change: {"tuple_keys": [member]}})
        )
        token = written.headers["mandate-consistency-token"]
        for client in (reader, writer):
            asked = sent(
                client.post(
                    f"/stores/{store}/check",
                    json=question,
                    headers={"Mandate-At-Least-As-Fresh": token},
                )
            )
            assert asked.json()["allowed"] is (change == "writes"), (number, change)
            assert asked.headers["mandate-consistency-token"] == token
        listed = sent(
            reader.post(
                f"/stores/{store}/list-objects",
                json={"user": "user:ada", "relation": "viewer", "type": "document"},
            )
        )
        assert listed.json()["objects"] == (["document:1"] if change == "writes" else [])
    # A token of more than there is belongs to another database: nothing is decided.
    name, _, revision = token.rpartition(".")
    ahead = {"Mandate-At-Least-As-Fresh": f"{name}.{int(revision) + 1}"}
    assert two.post(f"/stores/{store}/check", json=question, headers=ahead).status_code == 409
