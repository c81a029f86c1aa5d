"""A client that fails to authenticate is counted and logged, in words of ours alone."""

import base64
import io
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import httpx2
import orjson
import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from server.app import assemble, create_app
from server.domain.refusal import ClientFault
from server.domain.registry import ClientAuth, GrantType, Status
from server.protocol.client_assertion import ASSERTION_TYPE
from server.signals.logs import configure_logging
from server.signals.telemetry import Telemetry
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.world import ISSUER, Party, World, prepared, settings_for

STRANGER = "s3cret-stranger"
ENDPOINTS = ("/token", "/introspect", "/revoke", "/par", "/access/v1/evaluation",
             "/access/v1/relations")  # fmt: skip


class Watched:
    """A world, what it logs and what it counts."""

    def __init__(self, w: World, reader: InMemoryMetricReader, stream: io.StringIO) -> None:
        self.w = w
        self._reader = reader
        self.stream = stream

    def warnings(self) -> list[dict[str, Any]]:
        lines = [orjson.loads(line) for line in self.stream.getvalue().splitlines()]
        told = ("message", "reason", "client_id")
        return [
            {name: line[name] for name in told if name in line}
            for line in lines
            if line["level"] == "warning"
        ]

    def counted(self) -> list[tuple[dict[str, Any], Any]]:
        data = self._reader.get_metrics_data()
        if data is None:
            return []
        return [
            (dict(point.attributes or {}), getattr(point, "value", None))
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == "mandate.refusals"
            for point in metric.data.data_points
        ]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root, ours = logging.getLogger(), logging.getLogger("mandate")
    before = (root.handlers[:], root.level, ours.level, logging.raiseExceptions)
    flags = (logging.logThreads, logging.logProcesses, logging.logMultiprocessing)
    written = io.StringIO()
    configure_logging("INFO", written)
    yield written
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])
    logging.raiseExceptions = before[3]
    logging.logThreads, logging.logProcesses, logging.logMultiprocessing = flags


@pytest.fixture
async def watched(
    databases: Databases, clock: FrozenClock, stream: io.StringIO
) -> AsyncIterator[Watched]:
    url = databases.copy_of("prepared", prepared)
    reader = InMemoryMetricReader()
    server = await assemble(settings_for(url), clock=clock, telemetry=Telemetry(metrics=reader))
    transport = httpx2.ASGITransport(app=create_app(server), client=("127.0.0.1", 50_000))
    async with httpx2.AsyncClient(transport=transport, base_url=ISSUER) as http:
        yield Watched(World(server, clock, http), reader, stream)
    await server.close()


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_every_endpoint_tells_a_wrong_secret_once(watched: Watched, path: str):
    party = await watched.w.client("app")
    answer = await watched.w.http.post(
        path, data={"token": "t"}, headers=basic(party.client.id, STRANGER)
    )
    assert answer.status_code == 401
    assert watched.warnings() == [
        {
            "message": "client authentication failed",
            "reason": "wrong_secret",
            "client_id": party.client.id,
        }
    ]
    assert watched.counted() == [({"error": "invalid_client", "reason": "wrong_secret"}, 1)]


@requirement("mandate:log:no-secret")
async def test_nothing_that_a_stranger_chose_is_in_logs_or_labels(watched: Watched):
    party, core = await watched.w.client("app"), watched.w.core
    before = await core.store.read(core.rows.audit.unsealed)
    for number in range(5):
        await watched.w.post(
            "/token", {"grant_type": "x"}, headers=basic(f"{STRANGER}-{number}", STRANGER)
        )
        await watched.w.post("/token", {"client_id": f"{STRANGER}-{number}"})
    await watched.w.post("/token", {"client_id": party.client.id, "client_secret": STRANGER})
    await watched.w.post(
        "/token", {"grant_type": "x"}, headers={"Authorization": f"Bearer {STRANGER}"}
    )
    assertion = {"client_assertion": f"{STRANGER}.{STRANGER}.x", "client_assertion_type": STRANGER}
    await watched.w.post("/token", assertion)
    await watched.w.post("/token", {**assertion, "client_assertion_type": ASSERTION_TYPE})

    assert len(watched.warnings()) == 14
    assert STRANGER not in watched.stream.getvalue()
    assert str(party.secret) not in watched.stream.getvalue()
    assert watched.counted()
    for labels, _ in watched.counted():
        assert labels["error"] in {"invalid_client", "invalid_request"}
        assert labels["reason"] in set(ClientFault)
    assert await core.store.read(core.rows.audit.unsealed) == before


async def test_the_reason_tells_apart_what_the_answer_does_not(watched: Watched):
    w = watched.w
    app = await w.client("app")
    other = await w.client("other", auth=ClientAuth.POST)
    public = await w.client("public", auth=ClientAuth.NONE, grant_types=frozenset({GrantType.AUTHORIZATION_CODE}))  # fmt: skip
    gone = await w.client("gone")
    await disable(w, gone)
    tries: list[tuple[str, dict[str, str], dict[str, str], Party | None]] = [
        ("several_methods", {"client_secret": "x"}, basic(app.client.id, "x"), None),
        ("no_credential", {"client_id": app.client.id}, {}, app),
        ("unknown_client", {"client_id": "nobody"}, {}, None),
        ("disabled_client", {}, gone.basic, gone),
        ("wrong_method", {}, basic(other.client.id, str(other.secret)), other),
        ("wrong_method", {}, basic(public.client.id, "x"), public),
        ("scheme", {}, {"Authorization": "Digest x"}, None),
        ("malformed_credential", {}, {"Authorization": "Basic !"}, None),
        ("two_client_ids", {"client_id": "x"}, app.basic, None),
        ("wrong_secret", {}, basic(app.client.id, ""), app),
        ("public_client", {"client_id": public.client.id, "token": "t"}, {}, public),
    ]
    for reason, form, headers, whose in tries:
        watched.stream.seek(0)
        watched.stream.truncate()
        answer = await w.post("/introspect", {"token": "t", **form}, headers=headers)
        assert answer.status_code == (400 if reason == "several_methods" else 401)
        told = {"message": "client authentication failed", "reason": reason}
        if whose is not None:
            told["client_id"] = whose.client.id
        assert watched.warnings() == [told], reason
        if reason not in {"several_methods", "public_client"}:
            assert answer.json()["reason"] == "invalid_client"
            assert answer.json()["error_description"] == "Client authentication failed."


async def test_a_client_that_authenticates_is_not_told_of(watched: Watched):
    party = await watched.w.client("app")
    await watched.w.post("/revoke", {"token": "t"}, by=party)
    assert watched.warnings() == []
    assert watched.counted() == []


async def disable(w: World, party: Party) -> None:
    off = replace(party.client, status=Status.SUSPENDED)
    await w.core.store.write(lambda tx: w.core.rows.clients.update(tx, off))
