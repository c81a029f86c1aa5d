"""Real `mandate serve` processes on one database: what one acknowledged, the next request sees."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from authz.clock import SystemClock
from tests.requirements import requirement
from tests.support.databases import Databases
from tests.support.ports import free_ports
from tests.support.processes import ServerProcess, mandate_command
from tests.support.stage import Stage, set_stage
from tests.support.world import ACCESS, DOCS, EXCHANGE, TEST_KEK, prepared, world_at

ROUNDS = 200

Site = tuple[Stage, list[str]]


def _site(databases: Databases, folder: Path, running: ExitStack, *workers: int) -> Site:
    """Start one process for each number of `workers`, all on one database and one issuer."""
    ports = free_ports(len(workers))
    issuer = f"http://127.0.0.1:{ports[0]}"
    url = databases.copy_of("prepared", prepared)
    settings = {
        "MANDATE_ISSUER": issuer,
        "MANDATE_DATABASE_URL": url,
        "MANDATE_KEK": TEST_KEK,
        "MANDATE_LOG_LEVEL": "WARNING",
    }
    stage = asyncio.run(_stage(url, issuer))
    for port, count in zip(ports, workers, strict=True):
        command = mandate_command("serve", "--port", "{port}", "--workers", str(count))
        running.enter_context(
            ServerProcess(folder=folder, settings=settings, command=command, port=port)
        )
    return stage, [f"http://127.0.0.1:{port}" for port in ports]


async def _stage(url: str, issuer: str) -> Stage:
    clock: Any = SystemClock()
    async with world_at(url, clock, issuer=issuer) as w:
        return await set_stage(w)


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """End every process with the test."""
    with ExitStack() as stack:
        yield stack


@requirement("mandate:revoke:next-request")
def test_two_ports_refuse_what_the_other_revoked_200_of_200(
    databases: Databases, tmp_path: Path, running: ExitStack
) -> None:
    stage, (one, two) = _site(databases, tmp_path, running, 1, 1)
    with httpx2.Client() as http:
        refused = sum(
            _revoked_here_dead_there(http, stage, *((one, two) if n % 2 else (two, one)))
            for n in range(ROUNDS)
        )
    assert refused == ROUNDS


def test_workers_of_one_port_refuse_what_any_of_them_revoked(
    databases: Databases, tmp_path: Path, running: ExitStack
) -> None:
    stage, (url,) = _site(databases, tmp_path, running, 2)
    # A connection of its own for each request: whichever worker takes it.
    limits = httpx2.Limits(max_keepalive_connections=0)
    with httpx2.Client(limits=limits) as http:
        refused = sum(_revoked_here_dead_there(http, stage, url, url) for _ in range(ROUNDS))
    assert refused == ROUNDS


def _revoked_here_dead_there(http: httpx2.Client, stage: Stage, here: str, there: str) -> bool:
    """Exchange and use a token at both, revoke its actor here; tell whether it is dead there."""
    a, docs = stage.a.basic, stage.docs.basic
    actor = http.post(f"{here}/token", data={"grant_type": "client_credentials"}, headers=a)
    data = {
        "grant_type": EXCHANGE,
        "subject_token": stage.subject,
        "subject_token_type": ACCESS,
        "actor_token": actor.json()["access_token"],
        "actor_token_type": ACCESS,
        "resource": DOCS,
    }
    token = http.post(f"{there}/token", data=data, headers=a).json()["access_token"]
    question = {
        "subject": {"type": "access_token", "id": token},
        "action": {"name": "docs:read", "properties": {"relation": "viewer"}},
        "resource": {"type": "document", "id": "t1"},
    }

    def allowed(url: str) -> bool:
        answer = http.post(f"{url}/access/v1/evaluation", json=question, headers=docs)
        return bool(answer.json()["decision"])

    assert allowed(here)
    assert allowed(there)
    gone = http.post(f"{here}/revoke", data={"token": data["actor_token"]}, headers=a)
    assert gone.status_code == 200
    return not allowed(there) and not allowed(here)
