"""RFC 7592: a client manages its own registration, with its own token and nothing else."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from server.domain.audit import AuditTag
from server.domain.delegation import Detail
from server.domain.registry import Status
from server.services.client_upkeep import forget_idle_clients
from tests.registration.publisher import request
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.stage import set_stage
from tests.support.world import DOCS, Party, World, world

CALLBACK = "https://app.example/cb"
SAID = {"redirect_uris": [CALLBACK], "client_name": "App",
        "grant_types": ["authorization_code", "refresh_token"]}  # fmt: skip


@pytest.fixture
async def w(databases: Databases, clock: FrozenClock) -> AsyncIterator[World]:
    """Run a server where anybody may register."""
    async with world(databases, clock, client_registration="open") as made:
        yield made


async def registered(w: World, **changes: Any) -> dict[str, Any]:
    answer = await w.http.post("/register", json={**SAID, **changes})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def manage(w: World, method: str, told: dict[str, Any], **kw: Any) -> httpx2.Response:
    token = kw.pop("token", told.get("registration_access_token", ""))
    place = told["registration_client_uri"]
    headers = {"Authorization": f"Bearer {token}"}
    return await w.http.request(method, place, headers=headers, **kw)


async def party(w: World, told: dict[str, Any]) -> Party:
    client = await w.core.store.read(lambda tx: w.core.rows.clients.get(tx, told["client_id"]))
    assert client is not None
    return Party(client, told.get("client_secret"))


@requirement("rfc7592:2:own-token")
async def test_only_its_own_token_opens_a_registration(w: World) -> None:
    own, other = await registered(w), await registered(w)
    read = await manage(w, "GET", own)
    assert read.status_code == 200
    assert read.json()["client_id"] == own["client_id"]
    assert "client_secret" not in read.json()
    body = {**SAID, "client_id": own["client_id"]}
    for token in ("", "x", other["registration_access_token"], own["client_secret"]):
        for method in ("GET", "PUT", "DELETE"):
            refused = await manage(w, method, own, token=token, json=body)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Bearer")
    unknown = {**own, "registration_client_uri": own["registration_client_uri"] + "x"}
    assert (await manage(w, "GET", unknown)).status_code == 401
    assert (await manage(w, "GET", own)).status_code == 200


@requirement("rfc7592:2.2:revalidated")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": None}, "invalid_client_metadata"),
        ({"client_id": "cli_other"}, "invalid_client_metadata"),
        ({"client_secret": "chosen"}, "invalid_client_metadata"),
        ({"client_secret": 7}, "invalid_client_metadata"),
        ({"registration_access_token": "x"}, "invalid_client_metadata"),
        ({"client_secret_expires_at": 0}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "none"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "client_secret_post"}, "invalid_client_metadata"),
        ({"redirect_uris": ["javascript:x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
    ],
    ids=repr,
)
async def test_an_update_is_checked_as_a_registration_is(
    w: World, changes: dict[str, Any], error: str
) -> None:
    told = await registered(w)
    before = (await party(w, told)).client
    body = {
        k: v
        for k, v in {**SAID, "client_id": told["client_id"], **changes}.items()
        if v is not None
    }
    answer = await manage(w, "PUT", told, json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert (await party(w, told)).client == before


@requirement("rfc7592:2.2:revalidated")
async def test_an_update_replaces_the_whole_and_grants_nothing_more(w: World) -> None:
    told = await registered(w, post_logout_redirect_uris=["https://app.example/bye"])
    body = {
        "client_id": told["client_id"], "client_secret": told["client_secret"],
        "client_name": "App 2", "redirect_uris": ["https://app.example/new"],
        "may_impersonate": True, "grant_types": ["authorization_code", "client_credentials"],
    }  # fmt: skip
    answer = await manage(w, "PUT", told, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["redirect_uris"] == ["https://app.example/new"]
    client = (await party(w, told)).client
    assert client.post_logout_redirect_uris == ()
    assert client.grant_types == {"authorization_code"}
    assert not client.may_impersonate
    assert client.by_itself is not None
    assert client.by_itself.changed_at == w.clock.now()
    assert [row[1] for row in await w.audited(AuditTag.CLIENT_CHANGED)] == ["registration_changed"]
    old = await w.http.get("/authorize", params=request(client.id, redirect_uri=CALLBACK))
    assert old.status_code == 400


@requirement("rfc7592:2.3:deleted")
async def test_a_deleted_client_is_dead_with_all_that_it_held(w: World) -> None:
    stage = await set_stage(w)
    told = await registered(w)
    mine = await party(w, told)
    code = await w.code(mine, stage.ada, offline=True)
    tokens = (await w.redeem(mine, code)).json()
    grant = await w.delegation(
        stage.ada, stage.a, (Detail(resource=DOCS, scopes=frozenset({"docs:read"})),),
        client_id=told["client_id"],
    )  # fmt: skip
    assert (await manage(w, "DELETE", told)).status_code == 204
    assert (await manage(w, "DELETE", told)).status_code == 401
    renewed = await w.post(
        "/token", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}, by=mine
    )
    assert renewed.json()["error"] == "invalid_client"
    alive = await w.http.get(
        "/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}
    )
    assert alive.status_code == 401
    row = await w.core.store.read(lambda tx: w.core.rows.delegations.get(tx, grant.id))
    assert row is not None
    assert row.revoked_at is not None


async def test_a_client_that_an_administrator_disabled_manages_nothing(w: World) -> None:
    from server.services.registration import set_client_status

    told = await registered(w)
    await set_client_status(w.core, told["client_id"], Status.SUSPENDED, by="test")
    assert (await manage(w, "GET", told)).status_code == 401


# ---------------------------------------------------------------------------- idle clients


async def status_of(w: World, client_id: str) -> Status | None:
    client = await w.core.store.read(lambda tx: w.core.rows.clients.get(tx, client_id))
    return None if client is None else client.status


async def test_who_holds_something_is_never_retired_and_who_holds_nothing_is(
    w: World, clock: FrozenClock
) -> None:
    stage = await set_stage(w)
    nobody, idle, granted, fresh = [await registered(w, client_name=f"App {n}") for n in range(4)]
    rows, core = w.core.rows, w.core
    for told in (idle, granted, fresh):
        await core.store.write(
            lambda tx, t=told: rows.registrations.consented(tx, t["client_id"], clock.now())  # type: ignore[misc]
        )
    clock.advance(days=80)
    begun = await w.http.get(
        "/authorize", params=request(fresh["client_id"], redirect_uri=CALLBACK)
    )
    assert begun.status_code == 303
    mine = await party(w, granted)
    tokens = (await w.redeem(mine, await w.code(mine, stage.ada, offline=True))).json()
    clock.advance(days=11)
    assert await forget_idle_clients(core) == {"unused": 1, "idle": 1}
    assert await status_of(w, nobody["client_id"]) is None
    assert await status_of(w, idle["client_id"]) is Status.RETIRED
    assert await status_of(w, granted["client_id"]) is Status.ACTIVE
    assert await status_of(w, fresh["client_id"]) is Status.ACTIVE
    renewed = await w.post(
        "/token", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}, by=mine
    )
    assert renewed.status_code == 200
    # When its grant has ended as well, it goes; and no token of its opens anything any more.
    clock.advance(days=31)
    assert (await forget_idle_clients(core))["idle"] == 1
    assert await status_of(w, granted["client_id"]) is Status.RETIRED
    assert (await manage(w, "GET", granted)).status_code == 401


async def test_a_delegation_keeps_its_client(w: World, clock: FrozenClock) -> None:
    stage = await set_stage(w)
    told = await registered(w)
    await w.core.store.write(
        lambda tx: w.core.rows.registrations.consented(tx, told["client_id"], clock.now())
    )
    await w.delegation(
        stage.ada, stage.a, (), client_id=told["client_id"],
        expires_at=clock.now() + 200 * 86_400_000,
    )  # fmt: skip
    clock.advance(days=100)
    assert await forget_idle_clients(w.core) == {"unused": 0, "idle": 0}
    clock.advance(days=101)
    assert (await forget_idle_clients(w.core))["idle"] == 1


async def test_the_question_and_the_end_are_one(w: World, clock: FrozenClock) -> None:
    """A client that was found idle and is used before it is retired stays."""
    told = await registered(w)
    rows, core = w.core.rows.registrations, w.core
    await core.store.write(lambda tx: rows.consented(tx, told["client_id"], clock.now()))
    clock.advance(days=100)
    before = clock.now() - 90 * 86_400_000
    await w.http.get("/authorize", params=request(told["client_id"], redirect_uri=CALLBACK))
    gone = await core.store.write(
        lambda tx: rows.retire(tx, told["client_id"], before, clock.now())
    )
    assert not gone
    assert await status_of(w, told["client_id"]) is Status.ACTIVE
