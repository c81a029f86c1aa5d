"""Attacks on the graph's API that come between its checks, and servers that start at once."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from authz.calls.refusals import Forbidden
from authz.relations import RelationTuple
from server.app import assemble
from server.delegation.standing import Standing, standing
from server.domain.audit import AuditTag
from server.domain.registry import Status
from server.domain.unit import StaleSnapshotError
from server.protocol.bearer import SentToken
from server.protocol.dpop import SentProof
from server.protocol.graph_access import graph_caller
from server.protocol.graph_changes import GraphDatabase
from server.protocol.presented import Presented
from server.services.registration import set_client_status
from server.web.routes.graph import STORE
from tests.protocol.test_graph_api import call, everything, keeper, key, token_of, writing
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.stage import Stage, set_stage
from tests.support.world import ISSUER, Party, World, prepared, settings_for, world

BODIES = {
    "check": {"tuple_key": key("user:x", "viewer", "document:1")},
    "read": {},
    "write": writing("writes", ("user:x", "owner", "folder:1")),
}


@pytest.fixture
async def w(databases: Databases, clock: FrozenClock) -> AsyncIterator[World]:
    async with world(databases, clock, authz_api=True) as made:
        yield made


@pytest.fixture
async def stage(w: World) -> Stage:
    """Set Ada, agents A and B, and two resource servers on it."""
    return await set_stage(w)


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
    ids = {each.id for each in known}
    assert (len(known), ids) == (2, {core.policy.graph_resource, core.policy.mcp_resource})
    for each in servers:
        await each.close()


@requirement("mandate:graph:reserved")
async def test_whatever_a_route_does_its_changes_are_looked_at(stage: Stage):
    w = stage.world
    graph = await graph_of(w, await keeper(w))
    before = await everything(w)
    kept = RelationTuple(f"consent:{stage.grant.id}.0", "consented", "folder:home")
    with pytest.raises(Forbidden):
        await graph.write(lambda tx: w.core.relations.write(tx, [kept]))
    agent = f"consent:{stage.grant.id}.0"
    with pytest.raises(Forbidden):
        await graph.write(lambda tx: w.core.relations.delete_user(tx, agent))
    assert await everything(w) == before
    assert [row[0] for row in await w.audited(AuditTag.RELATIONS)] == ["refused"] * 2


async def test_who_is_shut_out_between_the_last_look_and_the_write_writes_nothing(stage: Stage):
    w = stage.world
    party = await keeper(w)
    presented = await w.server.services.reader.read(await token_of(w, party))
    assert isinstance(presented, Presented)
    revision = await w.core.snapshot.refresh()
    alive = await standing(w.core, presented.record, w.clock.now())
    assert isinstance(alive, Standing)

    async def still() -> bool:
        await set_client_status(w.core, party.client.id, Status.SUSPENDED, by="test")
        return True

    before = await everything(w)
    given = RelationTuple("user:bob", "viewer", "document:t1")
    graph = GraphDatabase(w.core, alive, revision, still)
    with pytest.raises(StaleSnapshotError):
        await graph.write(lambda tx: w.core.relations.write(tx, [given]))
    assert await everything(w) == before


async def graph_of(w: World, party: Party) -> GraphDatabase:
    """Return the graph as a caller has it once its token was looked at."""
    token = await token_of(w, party)
    services = w.server.services
    sent = SentToken(f"Bearer {token}", SentProof((), "POST", ISSUER))
    found = await graph_caller(w.core, services.reader, services.proofs, sent, "authz:write")
    assert isinstance(found, GraphDatabase)
    return found


async def test_groups_are_filled_by_whom_the_operator_trusts_with_the_graph(stage: Stage):
    w = stage.world
    token = await token_of(w, await keeper(w))
    body = writing("writes", ("user:bob", "member", "mandate/group:acme.eng"))
    assert (await call(w, token, "POST", "{store}/write", body)).status_code == 200
    (row,) = await w.audited(AuditTag.RELATIONS)
    assert row[0] == "done"


@requirement("mandate:graph:reserved")
@pytest.mark.parametrize("duplicate", ["error", "replace"])
async def test_no_tuple_brings_the_time_and_the_trail_has_the_condition(
    stage: Stage, duplicate: str
):
    w = stage.world
    token = await token_of(w, await keeper(w))
    body = writing("writes", ("user:bob", "member", "mandate/group:acme.eng"))
    (key,) = body["writes"]["tuple_keys"]
    body["writes"]["on_duplicate"] = duplicate
    ends = {"until": "2026-12-01T00:00:00Z"}
    key["condition"] = {"name": "mandate_until", "context": ends}
    assert (await call(w, token, "POST", "{store}/write", body)).status_code == 200
    key["condition"]["context"] = {**ends, "current_time": "2026-01-01T00:00:00Z"}
    answer = await call(w, token, "POST", "{store}/write", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), answer.text
    rows = await w.core.store.read(lambda tx: w.core.relations.changes(tx, 0, 1000))
    assert "current_time" not in rows[-1].context
    assert "2026-12-01T00:00:00Z" in rows[-1].context
