"""Attacks on the graph's API that come between its checks, and servers that start at once."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from server.app import assemble
from server.domain.registry import Status
from server.services.registration import set_client_status
from server.web.routes.graph import STORE
from tests.protocol.test_graph_api import keeper, key, token_of, writing
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.world import World, prepared, settings_for, world

BODIES = {
    "check": {"tuple_key": key("user:x", "viewer", "document:1")},
    "read": {},
    "write": writing("writes", ("user:x", "owner", "folder:1")),
}


@pytest.fixture
async def w(databases: Databases, clock: FrozenClock) -> AsyncIterator[World]:
    async with world(databases, clock, authz_api=True) as made:
        yield made


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("how", ["disabled", "expired"])
async def test_who_is_shut_out_while_the_body_is_on_its_way_is_out(
    w: World, path: str, how: str
) -> None:
    await w.resource()
    party = await keeper(w)
    token = await token_of(w, party)
    whole = json.dumps(BODIES[path]).encode()

    async def slowly() -> AsyncIterator[bytes]:
        yield whole[:1]
        if how == "disabled":
            await set_client_status(w.core, party.client.id, Status.SUSPENDED, by="test")
        else:
            w.clock.advance(minutes=15)
        yield whole[1:]

    before = await w.core.store.read(w.core.relations.revision)
    headers = {"Authorization": f"Bearer {token}"}
    url = f"/authz/stores/{STORE}/{path}"
    answer = await w.http.post(url, content=slowly(), headers=headers)
    assert answer.status_code == 503, answer.text
    assert (await w.http.post(url, content=whole, headers=headers)).status_code == 401
    assert await w.core.store.read(w.core.relations.revision) == before


async def test_servers_that_start_together_register_the_resource_once(
    databases: Databases, clock: FrozenClock
) -> None:
    settings = settings_for(databases.copy_of("prepared", prepared), authz_api=True)
    servers = await asyncio.gather(*(assemble(settings, clock=clock) for _ in range(4)))
    core = servers[0].services.core
    known = await core.store.read(core.rows.resources.all)
    assert [each.id for each in known] == [core.policy.graph_resource]
    for each in servers:
        await each.close()
