"""Where two features meet: what one took away must not come back through the other."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from authz.decision import Denied
from server.delegation.coverage import covers
from server.delegation.standing import Standing, path_standing, standing
from server.domain.interactions import AuthorizationRequest
from server.domain.registry import Status
from server.domain.self_registration import TrustRequest
from server.protocol.registration.ask import MOST_OF_ONE, MOST_WAITING
from server.services.registration import set_client_dpop, set_client_status
from server.services.release import GivenUp, release
from server.services.withdraw import By, revoke
from tests.protocol.test_more_authority import SEARCH, given, waiting
from tests.registration.test_management import SAID, manage, registered
from tests.support.approvals import say
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.enterprise_house import set_house
from tests.support.stage import Stage, set_stage
from tests.support.world import World, world

ROUNDS = 10


async def status_of(w: World, told: dict[str, Any]) -> Status:
    client = await w.core.store.read(lambda tx: w.core.rows.clients.get(tx, told["client_id"]))
    assert client is not None
    return client.status


async def test_an_update_of_a_client_beside_an_end_of_it_brings_it_not_back(
    databases: Databases, clock: FrozenClock
) -> None:
    async with world(databases, clock, client_registration="open", registered_per_source=100) as w:
        for number in range(ROUNDS):
            name = f"App {number}"
            told = await registered(w, client_name=name)

            async def put(told: dict[str, Any] = told, name: str = name) -> None:
                body = {**SAID, "client_id": told["client_id"], "client_name": name}
                await manage(w, "PUT", told, json=body)

            if number % 2:
                end = set_client_status(w.core, told["client_id"], Status.SUSPENDED, by="admin")
                await asyncio.gather(put(), put(), put(), end, put(), put())
                assert await status_of(w, told) is Status.SUSPENDED
            else:
                await asyncio.gather(put(), put(), manage(w, "DELETE", told), put(), put())
                assert await status_of(w, told) is Status.RETIRED


async def test_a_client_cannot_take_back_that_it_must_bind_its_tokens(
    databases: Databases, clock: FrozenClock
) -> None:
    async with world(databases, clock, client_registration="open") as w:
        told = await registered(w)
        for required in (True, False):
            assert await set_client_dpop(w.core, told["client_id"], required=required, by="admin")
            body = {**SAID, "client_id": told["client_id"]}
            assert (await manage(w, "PUT", told, json=body)).status_code == 200
            client = await w.core.store.read(
                lambda tx: w.core.rows.clients.get(tx, told["client_id"])
            )
            assert client is not None
            assert client.dpop_bound_access_tokens is required


async def test_a_yes_for_more_beside_a_revocation_leaves_nothing_alive(
    databases: Databases, clock: FrozenClock
) -> None:
    async with world(databases, clock) as w:
        stage = await set_stage(w)
        approval = await waiting(stage, SEARCH)
        await asyncio.gather(
            say(w, stage, approval.id), revoke(w.core, stage.grant.id, By(user=stage.ada))
        )
        rows = await w.core.store.read(
            lambda tx: w.core.rows.delegations.of_pair(tx, stage.ada.id, stage.a.agent.id)
        )
        assert [row for row in rows if row.live(clock.now())] == []


async def test_what_extends_a_dead_delegation_is_dead(stage: Stage) -> None:
    """However it came about that only the base was closed."""
    w, core = stage.world, stage.world.core
    extension = await given(stage, SEARCH)
    now = w.clock.now()
    await core.snapshot.refresh()
    found = await path_standing(core, extension.id, now, issued_at=now)
    assert not isinstance(found, Denied)
    await core.store.write(
        lambda tx: core.rows.delegations.close(tx, stage.grant.id, now=now, reason="user")
    )
    await core.snapshot.refresh()
    assert isinstance(await path_standing(core, extension.id, now, issued_at=now), Denied)


async def test_what_extends_a_delegation_is_never_found_silently(stage: Stage) -> None:
    w = stage.world
    extension = await given(stage, SEARCH)
    session = await w.core.store.read(
        lambda tx: w.core.rows.sessions.get(tx, stage.grant.sid or "")
    )
    assert session is not None
    request = AuthorizationRequest(
        client_id=stage.a.client.id, redirect_uri="", redirect_uri_sent=False,
        response_mode="query", state=None, scope="notes:read", code_challenge="",
        resources=(), details=(SEARCH,), agent_id=None, hand_overs=(), max_depth=0,
    )  # fmt: skip
    assert not covers(extension, request, session, w.clock.now())


@pytest.fixture
async def w(databases: Databases, clock: FrozenClock) -> AsyncIterator[World]:
    async with world(databases, clock) as made:
        yield made


async def test_an_agent_that_gives_time_back_does_not_speak_for_the_person(w: World) -> None:
    house = await set_house(w)
    told = await house.token()
    await w.core.snapshot.refresh()
    presented = await w.server.services.reader.read(told["access_token"])
    assert not isinstance(presented, Denied)
    alive = await standing(w.core, presented.record, w.clock.now())
    assert isinstance(alive, Standing)
    cut = GivenUp(scopes=frozenset(), objects=frozenset(), expires_at=w.clock.now() + 1000)
    await release(w.core, alive, told["grant_id"], cut)
    w.clock.advance(seconds=5)
    answer = await house.ask(house.idp.jag(house.assistant))
    assert answer.status_code == 200, answer.text


async def test_one_person_keeps_nobody_elses_wish_out(w: World) -> None:
    def wish(number: int, who: str) -> TrustRequest:
        return TrustRequest(
            host=f"h{number}.example", client_id=f"https://h{number}.example/c", asked_by=who,
            first_at=number, last_at=number, times=1,
        )  # fmt: skip

    def asked(number: int, who: str) -> Any:
        return w.core.store.write(
            lambda tx: w.core.rows.trust.ask(tx, wish(number, who), MOST_WAITING, MOST_OF_ONE)
        )

    noted = [await asked(number, "usr_a") for number in range(MOST_OF_ONE + 2)]
    assert noted == [True] * MOST_OF_ONE + [False] * 2
    assert await asked(100, "usr_b") is True
