"""Two real `mandate serve` workers with a real OpenFGA server, from push to revocation."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from authz.clock import SystemClock
from tests.protocol.test_decision import at_docs, question
from tests.support.clock import FrozenClock
from tests.support.databases import SqliteDatabases
from tests.support.ports import free_port
from tests.support.processes import ServerProcess, mandate_command, run_mandate
from tests.support.remote import new_store
from tests.support.stage import Stage, set_stage
from tests.support.world import TEST_KEK, Party, prepared, world_at

pytestmark = pytest.mark.openfga


def test_two_workers_send_what_changes_and_obey_it_at_once(
    sqlite_databases: SqliteDatabases, openfga: ServerProcess, tmp_path: Path
) -> None:
    url, port = sqlite_databases.copy_of("prepared", prepared), free_port()
    issuer = f"http://127.0.0.1:{port}"
    settings = {
        "MANDATE_ISSUER": issuer,
        "MANDATE_DATABASE_URL": url,
        "MANDATE_KEK": TEST_KEK,
        "MANDATE_AUTHZ_ENGINE": "openfga",
        "MANDATE_OPENFGA_URL": openfga.url,
        "MANDATE_OPENFGA_STORE_ID": new_store(openfga.url),
        "MANDATE_OPENFGA_TIMEOUT_MS": "10000",
    }
    stage, token = asyncio.run(_filled(url, issuer))
    asked = question(token, on=["document:t1"])
    command = mandate_command("serve", "--workers", "2", "--port", "{port}")
    with ServerProcess(folder=tmp_path, settings=settings, command=command, port=port) as server:
        # Started before the push: it denies, and it is up.
        assert httpx2.get(f"{server.url}/readyz").json() == {"status": "graph"}
        assert _asked(server, stage.docs, asked)["reason"] == "checker_unavailable"
        run_mandate("authz", "push", settings=settings, cwd=tmp_path)
        assert httpx2.get(f"{server.url}/readyz").json() == {"status": "ready"}
        for _ in range(5):
            assert _asked(server, stage.docs, asked)["decision"] is True
        owns = {"user": f"user:{stage.ada.id}", "relation": "owner", "object": "folder:tax"}
        for _ in range(3):
            # Whichever worker answers: denied from the acknowledgement on.
            _write(server, stage.docs, deletes=[owns])
            for _ in range(4):
                assert _asked(server, stage.docs, asked)["decision"] is False
            _write(server, stage.docs, writes=[owns])
            _until_yes(server, stage.docs, asked)
        run_mandate("authz", "diff", settings=settings, cwd=tmp_path)


async def _filled(url: str, issuer: str) -> tuple[Stage, str]:
    async with world_at(url, FrozenClock(SystemClock().now()), issuer=issuer) as w:
        stage = await set_stage(w)
        return stage, await at_docs(stage)


def _asked(server: ServerProcess, docs: Party, asked: dict[str, Any]) -> dict[str, Any]:
    answer = httpx2.post(f"{server.url}/access/v1/evaluation", json=asked, headers=docs.basic)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    return {"decision": told["decision"], "reason": told["context"].get("reason")}


def _write(server: ServerProcess, docs: Party, **body: Any) -> None:
    answer = httpx2.post(f"{server.url}/access/v1/relations", json=body, headers=docs.basic)
    assert answer.status_code == 200, answer.text


def _until_yes(server: ServerProcess, docs: Party, asked: dict[str, Any]) -> None:
    limit = time.monotonic() + 30
    while not _asked(server, docs, asked)["decision"]:
        assert time.monotonic() < limit, "an addition was never applied"
