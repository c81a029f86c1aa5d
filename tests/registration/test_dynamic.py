"""Dynamic registration (RFC 7591): who may, what they become, and how many."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx2
import pytest
from sqlalchemy import TextClause, text

from authz.tx import Row, Tx
from server.domain.audit import AuditTag
from server.domain.registry import ClientAuth, GrantType, Origin, Status
from server.services.initial_tokens import add_initial_token, revoke_initial_token
from server.services.registration import RegistrationError, set_client_status
from tests.registration.publisher import request
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import Databases, SqliteDatabases
from tests.support.world import World, world, world_at

CALLBACK = "https://app.example/cb"
PUBLIC = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none", "client_name": "Old"}
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


@pytest.fixture
async def opened(databases: Databases, clock: FrozenClock) -> AsyncIterator[World]:
    """Run a server where anybody may register."""
    async with world(databases, clock, client_registration="open") as made:
        yield made


@pytest.fixture
async def small(sqlite_databases: SqliteDatabases, clock: FrozenClock) -> AsyncIterator[World]:
    """Run the same on SQLite alone."""
    async with world(sqlite_databases, clock, client_registration="open") as made:
        yield made


@pytest.fixture
async def guarded(databases: Databases, clock: FrozenClock) -> AsyncIterator[World]:
    """Run a server where an initial access token is needed."""
    async with world(databases, clock, client_registration="token") as made:
        yield made


async def register(w: World, metadata: Any, token: str | None = None) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return await w.http.post("/register", json=metadata, headers=headers)


@requirement("rfc7591:2:defaults", "rfc7591:3.2.1:201", "rfc7591:5:no-authority", "mcp:as:dcr")
async def test_a_client_becomes_what_it_may_and_is_told_what_that_is(opened: World) -> None:
    asked = {
        "redirect_uris": [CALLBACK],
        "client_name": "Old client",
        "grant_types": ["authorization_code", "refresh_token", "client_credentials", EXCHANGE],
        "may_impersonate": True, "first_party": True, "may_introspect": True,
        "agent_id": "agt_x", "client_id": "cli_mine", "client_secret": "mine", "software_id": "x",
    }  # fmt: skip
    answer = await register(opened, asked)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert told["client_id"].startswith("cli_")
    assert told["client_id"] != "cli_mine"
    assert told["grant_types"] == ["authorization_code", "refresh_token"]
    # RFC 7591 §2: the default.
    assert told["token_endpoint_auth_method"] == "client_secret_basic"
    assert len(told["client_secret"]) == 43
    assert told["client_secret_expires_at"] == 0
    client = await opened.core.snapshot.client(told["client_id"])
    assert client is not None
    assert client.by_itself is not None
    assert client.by_itself.origin is Origin.DYNAMIC
    assert client.grant_types == {GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN}
    assert not client.may_impersonate
    assert not client.may_introspect
    assert not client.first_party
    assert client.agent_id is None
    basic = httpx2.BasicAuth(told["client_id"], told["client_secret"])
    for grant in ("client_credentials", EXCHANGE):
        refused = await opened.http.post("/token", data={"grant_type": grant}, auth=basic)
        assert refused.json()["error"] == "unauthorized_client"
    (row,) = await opened.audited(AuditTag.CLIENT_REGISTERED)
    assert row[:2] == ("done", "open")
    begun = await opened.http.get(
        "/authorize", params=request(told["client_id"], redirect_uri=CALLBACK)
    )
    assert begun.status_code == 303


def _rows(tx: Tx, statement: TextClause) -> list[Row]:
    return tx.fetch(statement)


async def test_nothing_secret_is_stored_as_it_is(small: World) -> None:
    told = (await register(small, {"redirect_uris": [CALLBACK]})).json()

    tables = ("client", "self_registered_client", "audit", "sign_in_failure")
    found = [
        await small.core.store.read(partial(_rows, statement=text(f"SELECT * FROM {table}")))
        for table in tables
    ]
    everything = repr(found)
    assert told["client_id"] in everything
    assert told["client_secret"] not in everything
    assert told["registration_access_token"] not in everything
    assert "127.0.0.1" not in everything


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uris": None}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": [7]}, "invalid_client_metadata"),
        ({"redirect_uris": ["http://app.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["JaVaScRiPt:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.example/cb#x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.example/../cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://user@app.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://localhost:80@evil.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://[::1/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.example:x/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.example/" + "a" * 1024]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["app:/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://127.0.0.1/cb"], "application_type": "web"},
         "invalid_redirect_uri"),
        ({"redirect_uris": ["http://localhost/cb"], "application_type": "web"},
         "invalid_redirect_uri"),
        ({"application_type": "toaster"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "client_secret_jwt"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
        ({"jwks": {"keys": []}, "jwks_uri": "https://app.example/jwks"}, "invalid_client_metadata"),
        ({"jwks": {"keys": [{"kty": "oct", "k": "eA"}]}}, "invalid_client_metadata"),
        ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
        ({"grant_types": ["implicit"]}, "invalid_client_metadata"),
        ({"response_types": ["token"]}, "invalid_client_metadata"),
        ({"client_name": "a\u202eb"}, "invalid_client_metadata"),
        ({"client_name": "a" * 101}, "invalid_client_metadata"),
        ({"scope": "a  b"}, "invalid_client_metadata"),
        ({"scope": ["a"]}, "invalid_client_metadata"),
        ({"post_logout_redirect_uris": ["javascript:x"]}, "invalid_redirect_uri"),
    ],
    ids=repr,
)  # fmt: skip
@requirement("rfc7591:3.2.2:errors", "rfc7591:2:jwks-or-uri")
async def test_unsafe_metadata_is_refused_and_nothing_is_kept(
    small: World, changes: dict[str, Any], error: str
) -> None:
    answer = await register(small, {**PUBLIC, **changes})
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert await small.core.store.read(small.core.rows.clients.all) == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 400), (b"[]", "application/json", 400),
        (b"{", "application/json", 400), (b"\xff", "application/json", 400),
        (b'{"a":1,"a":2}', "application/json", 400), (b"[" * 5000, "application/json", 400),
        (b'{"redirect_uris":["https://app.example/cb"]}', "text/plain", 400),
        (b"redirect_uris=x", "application/x-www-form-urlencoded", 400),
        (b" " * 70_000, "application/json", 400),
    ],
)  # fmt: skip
async def test_what_is_no_registration_is_told_so(
    small: World, body: bytes, kind: str, status: int
) -> None:
    answer = await small.http.post("/register", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert answer.json()["error"] in {"invalid_client_metadata", "invalid_request"}


@requirement("mcp:as:dcr")
async def test_off_there_is_no_such_endpoint_and_nobody_says_so(
    sqlite_databases: SqliteDatabases, clock: FrozenClock
) -> None:
    async with world(sqlite_databases, clock) as w:
        assert (await register(w, PUBLIC)).status_code == 404
        told = (await w.http.get("/.well-known/oauth-authorization-server")).json()
        assert "registration_endpoint" not in told


async def test_on_metadata_names_the_endpoint(small: World) -> None:
    told = (await small.http.get("/.well-known/oauth-authorization-server")).json()
    assert told["registration_endpoint"] == f"{told['issuer']}/register"


async def test_the_same_public_client_is_one_client(opened: World) -> None:
    first = (await register(opened, PUBLIC)).json()
    again = (await register(opened, PUBLIC)).json()
    assert again == first
    assert "client_secret" not in first
    # Nobody can change what others share.
    assert "registration_access_token" not in first
    own = f"/register/{first['client_id']}"
    for method in ("GET", "PUT", "DELETE"):
        for token in ("", "x"):
            refused = await opened.http.request(
                method, own, json=PUBLIC, headers={"Authorization": f"Bearer {token}"}
            )
            assert refused.status_code == 401
    for changes in ({"client_name": "New"}, {"redirect_uris": [CALLBACK, "https://b.example/cb"]},
                    {"scope": "a"}, {"grant_types": ["authorization_code", "refresh_token"]}):  # fmt: skip
        other = (await register(opened, {**PUBLIC, **changes})).json()
        assert other["client_id"] != first["client_id"]


async def test_a_confidential_client_is_never_anothers(opened: World) -> None:
    same = {"redirect_uris": [CALLBACK], "client_name": "Same"}
    one, two = [(await register(opened, same)).json() for _ in range(2)]
    for name in ("client_id", "client_secret", "registration_access_token"):
        assert one[name] != two[name]


async def test_a_public_client_that_was_disabled_does_not_come_back_by_the_door(
    small: World,
) -> None:
    told = (await register(small, PUBLIC)).json()
    await set_client_status(small.core, told["client_id"], Status.SUSPENDED, by="test")
    answer = await register(small, PUBLIC)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")


async def test_two_workers_make_one_client_of_the_same_software(
    databases: Databases, clock: FrozenClock
) -> None:
    async with (
        world(databases, clock, client_registration="open") as one,
        world_at(one.server.settings.database_url, clock, client_registration="open") as two,
    ):
        answers = await asyncio.gather(*(register(w, PUBLIC) for w in (one, two) * 4))
        assert {each.status_code for each in answers} == {201}
        assert len({each.json()["client_id"] for each in answers}) == 1


async def test_one_source_registers_only_so_many_in_a_day(
    databases: Databases, clock: FrozenClock
) -> None:
    async with world(databases, clock, client_registration="open", registered_per_source=2) as w:
        made = [{**PUBLIC, "client_name": f"App {n}"} for n in range(3)]
        assert [(await register(w, each)).status_code for each in made] == [201, 201, 429]
        # What is there already is no new one.
        assert (await register(w, made[0])).status_code == 201
        full = await register(w, made[2])
        assert int(full.headers["retry-after"]) > 0
        clock.advance(days=1, seconds=1)
        assert (await register(w, made[2])).status_code == 201


async def test_there_are_only_so_many_altogether(databases: Databases, clock: FrozenClock) -> None:
    async with world(databases, clock, client_registration="open", registered_overall=2) as w:
        many = ({**PUBLIC, "client_name": f"App {n}"} for n in range(6))
        answers = await asyncio.gather(*(register(w, each) for each in many))
        assert sorted(each.status_code for each in answers) == [201, 201, 429, 429, 429, 429]


@requirement("rfc7591:3:initial-token")
async def test_where_a_token_is_needed_it_is_good_for_so_many_clients(
    guarded: World, clock: FrozenClock
) -> None:
    for token in (None, "", "x"):
        refused = await register(guarded, PUBLIC, token)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
    made = await add_initial_token(guarded.core, uses=2, days=1, by="test")
    apps = [{**PUBLIC, "client_name": f"App {n}"} for n in range(4)]
    answers = await asyncio.gather(*(register(guarded, each, made.secret) for each in apps))
    assert sorted(each.status_code for each in answers) == [201, 201, 401, 401]
    # What is refused for another reason takes no use.
    more = await add_initial_token(guarded.core, uses=1, days=1, by="test")
    bad = {**PUBLIC, "redirect_uris": ["javascript:x"]}
    assert (await register(guarded, bad, more.secret)).status_code == 400
    assert (await register(guarded, apps[2], more.secret)).status_code == 201
    late = await add_initial_token(guarded.core, uses=1, days=1, by="test")
    clock.advance(days=1)
    assert (await register(guarded, apps[3], late.secret)).status_code == 401
    gone = await add_initial_token(guarded.core, uses=1, days=1, by="test")
    assert await revoke_initial_token(guarded.core, gone.token.id, by="test")
    assert not await revoke_initial_token(guarded.core, gone.token.id, by="test")
    assert (await register(guarded, apps[3], gone.secret)).status_code == 401


async def test_a_token_for_nothing_or_for_ever_is_not_made(small: World) -> None:
    for uses, days in ((0, 1), (1, 0), (10_001, 1), (1, 367)):
        with pytest.raises(RegistrationError):
            await add_initial_token(small.core, uses=uses, days=days, by="test")


async def test_a_client_may_bring_a_key_instead_of_a_secret(small: World) -> None:
    key = {"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "1",
           "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
           "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}  # fmt: skip
    told = (
        await register(
            small,
            {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt",
             "jwks": {"keys": [key]}},
        )
    ).json()  # fmt: skip
    assert told["jwks"] == {"keys": [key]}
    assert "client_secret" not in told
    client = await small.core.snapshot.client(told["client_id"])
    assert client is not None
    assert client.auth is ClientAuth.PRIVATE_KEY_JWT
    assert client.name == "Unnamed application"


async def test_a_program_on_a_persons_computer_gets_no_secret_unless_it_asks(small: World) -> None:
    local = {"redirect_uris": ["http://127.0.0.1/cb", "app.example:/cb"], "client_name": "Local"}
    one, two = [(await register(small, local)).json() for _ in range(2)]
    assert one == two
    assert one["token_endpoint_auth_method"] == "none"
    assert one["application_type"] == "native"
    asked = (
        await register(small, {**local, "token_endpoint_auth_method": "client_secret_post"})
    ).json()
    assert asked["client_secret"]
    mixed = (await register(small, {"redirect_uris": ["http://127.0.0.1/cb", CALLBACK]})).json()
    assert mixed["token_endpoint_auth_method"] == "client_secret_basic"
