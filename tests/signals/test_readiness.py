"""`/healthz` and `/readyz`: alive, and able to work; else 503 and one word why."""

import asyncio
from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from server.domain.unit import UnavailableError
from server.signals.readiness import Readiness, State
from server.storage.migrate import upgrade
from server.storage.schema_state import applied_in
from server.storage.store import OpenStore, open_store
from server.web.routes.health import routes
from tests.support.databases import Databases, sqlite_path
from tests.support.schema import create_tables, run_sql


def readiness(
    store: OpenStore,
    wanted: frozenset[str],
    can_sign: Callable[[], bool] = lambda: True,
    *,
    graph: bool = True,
) -> Readiness:
    async def answers() -> bool:
        return graph

    return Readiness(
        store, applied=applied_in, wanted=wanted, can_sign=can_sign, graph_answers=answers
    )


async def test_a_server_that_can_work_says_so(databases: Databases) -> None:
    url = databases.copy_of("migrated", upgrade)
    store = open_store(url)
    wanted = await store.read(applied_in)
    assert wanted
    assert await readiness(store, wanted).check() is State.READY
    assert await readiness(store, wanted | {"newer"}).check() is State.SCHEMA
    assert await readiness(store, wanted, lambda: False).check() is State.KEY

    def no_ring() -> bool:
        raise UnavailableError("keys")

    assert await readiness(store, wanted, no_ring).check() is State.KEY
    assert await readiness(store, wanted, graph=False).check() is State.GRAPH
    run_sql(url, "DELETE FROM alembic_version")
    assert await readiness(store, wanted).check() is State.SCHEMA
    await store.close()
    assert await readiness(store, wanted).check() is State.DATABASE


async def test_a_database_without_a_schema_is_not_ready(databases: Databases) -> None:
    store = open_store(databases.copy_of("tables", create_tables))
    assert await readiness(store, frozenset({"x"})).check() is State.DATABASE
    await store.close()


async def test_a_stuck_writer_is_not_ready_and_becomes_ready_again(sqlite_url: str) -> None:
    import sqlite3
    from contextlib import closing

    upgrade(sqlite_url)
    store = open_store(sqlite_url, patience_ms=50)
    wanted = await store.read(applied_in)
    asked = readiness(store, wanted)
    with closing(sqlite3.connect(sqlite_path(sqlite_url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert await asked.check() is State.WRITER
        other.execute("ROLLBACK")
    assert await asked.check() is State.READY
    await store.close()


async def test_a_flood_of_askers_costs_one_probe(sqlite_url: str) -> None:
    upgrade(sqlite_url)
    store = open_store(sqlite_url)
    wanted = await store.read(applied_in)
    probes = []

    def counting() -> bool:
        probes.append(1)
        return True

    asked = readiness(store, wanted, counting)
    assert await asyncio.gather(*(asked.check() for _ in range(100))) == [State.READY] * 100
    assert len(probes) == 1
    await store.close()


@pytest.mark.parametrize(
    ("state", "status"),
    # Without the remote engine every decision denies; signing in and revoking must go on.
    [(State.READY, 200), (State.GRAPH, 200), (State.WRITER, 503), (State.DATABASE, 503)],
)
async def test_the_routes_answer_with_a_word(sqlite_url: str, state: State, status: int) -> None:
    upgrade(sqlite_url)
    store = open_store(sqlite_url)
    wanted = await store.read(applied_in)

    class Fixed(Readiness):
        async def check(self) -> State:
            return state

    async def answers() -> bool:
        return True

    fixed = Fixed(store, applied=applied_in, wanted=wanted, can_sign=bool, graph_answers=answers)
    app = Starlette(routes=routes(fixed))
    client = TestClient(app)
    assert client.get("/healthz").json() == {"status": "alive"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (status, {"status": state.value})
    assert answer.headers["cache-control"] == "no-store"
    await store.close()
