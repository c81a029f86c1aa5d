"""Metadata clients within the policy: off, whose scopes, how many, for how long, beside others."""

import json
from typing import Any

from mcp_tools.tools.scopes import SCOPES
from server.domain.registry import Client, ClientAuth, GrantType, Origin, Status
from server.domain.self_registration import Registration
from server.protocol.registration.adopt import MOST_OF_HOST
from server.protocol.registration.arrivals import LONGEST_MS, OF_SOURCE
from server.services.client_upkeep import forget_idle_clients
from server.services.registration import add_client, set_client_status
from tests.outbound.origin import Authority
from tests.registration.publisher import CALLBACK, HOST, Publisher, request
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import SqliteDatabases
from tests.support.world import DOCS, World, world, world_at


async def ask(w: World, client_id: str, **changes: Any) -> Any:
    return await w.http.get("/authorize", params=request(client_id, **changes))


async def test_strangers_make_only_so_many_looks(small: World, publisher: Publisher) -> None:
    for number in range(OF_SOURCE):
        answer = await ask(small, publisher.put(f"/{number}.json"))
        assert answer.status_code == 303
    answer = await ask(small, publisher.put("/more.json"))
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) <= 60
    assert publisher.asked("/more.json") == 0
    # Clients that are known already are not held up.
    assert (await ask(small, publisher.url("/0.json"))).status_code == 303


async def test_off_means_that_no_url_is_a_client(
    sqlite_databases: SqliteDatabases,
    clock: FrozenClock,
    authority: Authority,
    publisher: Publisher,
) -> None:
    url = publisher.put()
    async with world(
        sqlite_databases, clock, outbound_ca_file=authority.ca_file, client_documents="off"
    ) as w:
        assert (await ask(w, url)).status_code == 400
        told = (await w.http.get("/.well-known/oauth-authorization-server")).json()
        assert told["client_id_metadata_document_supported"] is False
    assert publisher.origin.connections == 0


async def test_switched_off_it_stops_those_that_came_before_at_once(
    sqlite_databases: SqliteDatabases,
    clock: FrozenClock,
    authority: Authority,
    publisher: Publisher,
) -> None:
    url = publisher.put()
    settings: dict[str, Any] = {"outbound_ca_file": authority.ca_file}
    async with world(sqlite_databases, clock, client_documents="allow", **settings) as w:
        assert (await ask(w, url)).status_code == 303
        place = w.server.settings.database_url
        async with world_at(place, clock, client_documents="off", **settings) as off:
            assert (await ask(off, url)).status_code == 400
            refused = await off.post(
                "/token", {"grant_type": "refresh_token", "refresh_token": "x", "client_id": url}
            )
            assert refused.json()["error"] == "invalid_client"


async def test_scopes_of_the_server_itself_are_not_asked_for(
    sqlite_databases: SqliteDatabases,
    clock: FrozenClock,
    authority: Authority,
    publisher: Publisher,
) -> None:
    url = publisher.put()
    async with world(
        sqlite_databases, clock, outbound_ca_file=authority.ca_file, client_documents="allow",
        authz_api=True,
    ) as w:  # fmt: skip
        await w.resource()
        assert (await ask(w, url)).status_code == 303
        client = await w.core.snapshot.client(url)
        assert client is not None
        # Of our MCP server, what an agent may hold: nothing that is people's own.
        assert client.scopes == {
            "docs:read",
            "docs:write",
            "docs:delete",
            *(s.name for s in SCOPES if not s.person),
        }
        asked = await ask(w, url, scope="authz:read", resource=w.core.policy.graph_resource)
        assert "error=invalid_scope" in asked.headers["location"]


async def test_a_document_may_want_less_than_there_is(small: World, publisher: Publisher) -> None:
    await small.resource()
    url = publisher.put(scope="docs:read openid unknown:scope")
    assert (await ask(small, url, scope="docs:read", resource=DOCS)).status_code == 303
    more = await ask(small, url, scope="docs:write", resource=DOCS)
    assert "error=invalid_scope" in more.headers["location"]


@requirement("cimd:6:advertised")
async def test_metadata_says_so_while_it_is_on(small: World) -> None:
    told = (await small.http.get("/.well-known/oauth-authorization-server")).json()
    assert told["client_id_metadata_document_supported"] is True


async def test_a_client_that_an_administrator_registered_under_a_url_is_theirs(
    small: World, publisher: Publisher
) -> None:
    url = publisher.put()
    theirs = Client(
        id=url, name="Vanity", auth=ClientAuth.NONE, redirect_uris=(CALLBACK,),
        grant_types=frozenset({GrantType.AUTHORIZATION_CODE}),
    )  # fmt: skip
    await add_client(small.core, theirs, by="test")
    assert (await ask(small, url)).status_code == 303
    assert publisher.origin.connections == 0


async def test_a_client_that_an_administrator_disabled_stays_out(
    small: World, publisher: Publisher, clock: FrozenClock
) -> None:
    url = publisher.put()
    await ask(small, url)
    await set_client_status(small.core, url, Status.SUSPENDED, by="test")
    clock.advance(ms=LONGEST_MS)
    publisher.put(client_name="Another name")
    assert (await ask(small, url)).status_code == 400
    assert publisher.asked() == 1


async def test_a_pushed_request_brings_its_client_as_well(
    small: World, publisher: Publisher
) -> None:
    url = publisher.put()
    pushed = await small.post("/par", request(url))
    assert pushed.status_code == 201, pushed.text
    denied = await small.post("/par", request("https://10.0.0.1/client.json"))
    assert denied.status_code == 400
    assert denied.json()["reason"] == "client_document_unavailable"
    assert "10.0.0.1" not in json.dumps(denied.json())


async def test_who_got_no_yes_is_forgotten_after_a_day_and_who_got_one_is_not(
    w: World, publisher: Publisher, clock: FrozenClock
) -> None:
    core = w.core
    lonely, wanted, late = [publisher.put(f"/{n}.json") for n in range(3)]
    for url in (lonely, wanted):
        assert (await ask(w, url)).status_code == 303
    await core.store.write(lambda tx: core.rows.registrations.consented(tx, wanted, clock.now()))
    clock.advance(hours=23)
    assert (await ask(w, late)).status_code == 303
    clock.advance(hours=2)
    assert await forget_idle_clients(core) == {"unused": 1, "idle": 0}
    await core.snapshot.refresh()
    found = [await core.snapshot.client(url) for url in (lonely, wanted, late)]
    assert [client is not None for client in found] == [False, True, True]
    # It comes back by its document, as before.
    assert (await ask(w, lonely)).status_code == 303


async def test_one_host_has_only_so_many_clients(small: World, publisher: Publisher) -> None:
    core, now = small.core, small.clock.now()
    for number in range(MOST_OF_HOST):
        kept = Registration(
            client_id=f"https://{HOST}/{number}", origin=Origin.DOCUMENT, host=HOST,
            created_at=now, used_at=now,
        )  # fmt: skip
        await core.store.write(lambda tx, kept=kept: core.rows.registrations.add(tx, kept))  # type: ignore[misc]
    url = publisher.put()
    assert (await ask(small, url)).status_code == 429
    assert await core.snapshot.client(url) is None
