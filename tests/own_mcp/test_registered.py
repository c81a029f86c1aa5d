"""The server's own resource: there at each start, once, also when the issuer moves."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from mcp_tools.tools.scopes import SCOPES
from server.domain.registry import Resource, Scope
from server.services.registration import RegistrationError
from server.storage.migrate import upgrade
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.world import ISSUER, World, world_at

OURS = {scope.name for scope in SCOPES}


async def _at(w: World) -> dict[str, set[str]]:
    rows = await w.core.store.read(w.core.rows.resources.all)
    return {row.id: set(row.scopes) for row in rows}


async def test_it_is_registered_once_however_many_start(databases: Databases, clock: FrozenClock):
    url = databases.empty()
    upgrade(url)
    async with AsyncExitStack() as stack:
        several = [stack.enter_async_context(world_at(url, clock)) for _ in range(4)]
        started = await asyncio.gather(*several)
        assert await _at(started[0]) == {f"{ISSUER}/mcp": OURS}


async def test_it_moves_with_the_issuer(sqlite_url: str, clock: FrozenClock):
    upgrade(sqlite_url)
    async with world_at(sqlite_url, clock):
        pass
    moved = f"{ISSUER}/t/acme"
    async with world_at(sqlite_url, clock, issuer=moved) as w:
        assert await _at(w) == {f"{ISSUER}/mcp": set(), f"{moved}/mcp": OURS}


async def test_a_new_version_adds_its_scopes_and_keeps_what_an_operator_changed(
    sqlite_url: str, clock: FrozenClock
):
    upgrade(sqlite_url)
    async with world_at(sqlite_url, clock, mcp=False) as w:
        own = Scope(name="mandate:self", description="In our words")
        row = Resource(id=f"{ISSUER}/mcp", name="Our desk", scopes={own.name: own})
        await w.core.store.write(lambda tx: w.core.rows.resources.add(tx, row))
    async with world_at(sqlite_url, clock) as w:
        (found,) = await w.core.store.read(w.core.rows.resources.all)
        assert set(found.scopes) == OURS
        assert found.scopes["mandate:self"] == own


async def test_it_takes_no_scope_from_a_resource_that_is_not_ours(
    sqlite_url: str, clock: FrozenClock
):
    upgrade(sqlite_url)
    async with world_at(sqlite_url, clock, mcp=False) as w:
        taken = Scope(name="mandate:self", description="Somebody's")
        row = Resource(id="https://x.example/mcp", name="X", scopes={taken.name: taken})
        await w.core.store.write(lambda tx: w.core.rows.resources.add(tx, row))
    with pytest.raises(RegistrationError, match="mandate:self"):
        async with world_at(sqlite_url, clock):
            pass


async def test_switched_off_there_is_nothing(sqlite_url: str, clock: FrozenClock):
    upgrade(sqlite_url)
    async with world_at(sqlite_url, clock, mcp=False) as w:
        assert await _at(w) == {}
        assert (await w.http.post("/mcp", json={})).status_code == 404
        metadata = await w.http.get("/.well-known/oauth-protected-resource/mcp")
        assert metadata.status_code == 404
