"""Client ID Metadata Documents at the authorization endpoint: who is let in, and from where."""

import asyncio
import gzip
from typing import Any

import pytest

from mcp_tools.tools.scopes import SCOPES
from server.domain.registry import Client, ClientAuth, GrantType
from server.outbound.addresses import AddressPolicy
from server.outbound.download import tls_context
from server.outbound.fetcher import Fetcher
from server.protocol.registration.arrivals import LONGEST_MS, SHORTEST_MS
from server.services.client_documents import RemoteClientDocuments
from server.services.registration import add_client
from tests.outbound.origin import Authority, Deadlines, Names, reply
from tests.registration.publisher import CALLBACK, Publisher, request
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import SqliteDatabases
from tests.support.world import DOCS, World, world

PRIVATE = {"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "1",
           "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
           "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
           "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}  # fmt: skip
PUBLIC = {name: value for name, value in PRIVATE.items() if name != "d"}


async def ask(w: World, client_id: str, **changes: Any) -> Any:
    return await w.http.get("/authorize", params=request(client_id, **changes))


@requirement("cimd:5:fetched", "mcp:as:cimd")
async def test_a_client_comes_by_its_document_and_is_kept(w: World, publisher: Publisher) -> None:
    await w.resource()
    url = publisher.put()
    assert (await ask(w, url, scope="docs:read", resource=DOCS)).status_code == 303
    client = await w.core.snapshot.client(url)
    assert client is not None
    assert client.is_document
    assert (client.name, client.auth) == ("Quill", ClientAuth.NONE)
    assert client.redirect_uris == (CALLBACK,)
    assert client.grant_types == {GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN}
    assert client.scopes == {
        "docs:read",
        "docs:write",
        "docs:delete",
        *(s.name for s in SCOPES if not s.person),
    }
    assert not (client.may_impersonate)
    assert not (client.may_introspect)
    assert not (client.first_party)
    assert client.agent_id is None


async def test_a_document_can_ask_for_nothing_but_what_a_person_grants(
    w: World, publisher: Publisher
) -> None:
    url = publisher.put(
        grant_types=[
            "authorization_code", "client_credentials",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ],
        may_impersonate=True, first_party=True, may_introspect=True, agent_id="agt_x",
        resource_id=DOCS, status="active",
    )  # fmt: skip
    assert (await ask(w, url)).status_code == 303
    client = await w.core.snapshot.client(url)
    assert client is not None
    assert client.grant_types == {GrantType.AUTHORIZATION_CODE}
    assert not (client.may_impersonate)
    assert not (client.first_party)
    assert not (client.may_introspect)
    assert (client.agent_id, client.resource_id) == (None, None)
    for grant in ("client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"):
        answer = await w.post("/token", {"grant_type": grant, "client_id": url})
        assert answer.json()["error"] == "unauthorized_client"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"client_id": "https://127.0.0.1/client.json"},
        {"client_id": "https://evil.example/client.json"},
        {"client_name": None},
        {"client_name": " "},
        {"client_name": "Mandate\u202eadmin"},
        {"client_name": "a" * 101},
        {"redirect_uris": None},
        {"redirect_uris": []},
        {"redirect_uris": "https://127.0.0.1/cb"},
        {"redirect_uris": ["http://evil.example/cb"]},
        {"redirect_uris": ["https://evil.example/cb"]},
        {"redirect_uris": [CALLBACK, "https://evil.example/cb"]},
        {"redirect_uris": ["https://127.0.0.1.evil.example/cb"]},
        {"redirect_uris": ["https://127.0.0.1@evil.example/cb"]},
        {"redirect_uris": ["javascript:alert(1)"]},
        {"redirect_uris": ["data:text/html,x"]},
        {"redirect_uris": ["https://127.0.0.1/cb#x"]},
        {"redirect_uris": ["https://127.0.0.1/*"]},
        {"redirect_uris": [CALLBACK] * 21},
        {"client_secret": "s3cret"},
        {"client_secret_expires_at": 0},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"token_endpoint_auth_method": "client_secret_jwt"},
        {"token_endpoint_auth_method": ["none"]},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": []}},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [PRIVATE]}},
        {"jwks": {"keys": [PRIVATE]}},
        {"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}},
        {"jwks": {"keys": [PUBLIC]}, "jwks_uri": "https://127.0.0.1/jwks"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://127.0.0.1/jwks"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "file:///etc/passwd"},
        {"grant_types": ["client_credentials"]},
        {"grant_types": ["refresh_token"]},
        {"response_types": ["token"]},
        {"application_type": "web"},
        {"application_type": "toaster"},
        {"scope": 7},
        {"require_pushed_authorization_requests": "yes"},
    ],
    ids=repr,
)
@requirement("cimd:4:client-id-equal", "cimd:4.1:no-secret", "mcp:as:cimd-document")
async def test_a_document_that_is_not_in_order_lets_nobody_in(
    small: World, publisher: Publisher, changes: dict[str, Any]
) -> None:
    url = publisher.put(**{"client_id": publisher.url(), **changes})
    answer = await ask(small, url)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "invalid_client_metadata" in answer.text
    assert await small.core.snapshot.client(url) is None
    # It is not remembered either: a mended document is good at once (draft §5.3).
    publisher.put()
    assert (await ask(small, url)).status_code == 303


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b"\xff", b'{"client_id":1,"client_id":2}', b"[" * 999]
)
async def test_what_is_no_json_object_lets_nobody_in(
    small: World, publisher: Publisher, body: bytes
) -> None:
    publisher.documents["/client.json"] = body
    assert (await ask(small, publisher.url())).status_code == 400


@pytest.mark.parametrize(
    "client_id",
    [
        "https://127.0.0.1:{port}", "https://127.0.0.1:{port}/", "https://127.0.0.1:{port}//../x",
        "https://127.0.0.1:{port}/a/../client.json", "https://127.0.0.1:{port}/./client.json",
        "https://127.0.0.1:{port}/a/%2e%2E/client.json", "https://127.0.0.1:{port}/client.json#x",
        "https://127.0.0.1:{port}/client.json?a=b", "https://user@127.0.0.1:{port}/client.json",
        "https://127.0.0.1:{port}/client.json\\", "https://LOCALHOST:{port}/client.json",
        "https://127.1:{port}/client.json", "https://2130706433:{port}/client.json",
        "https://127.0.0.1:{port}/" + "a" * 256,
    ],
)  # fmt: skip
@requirement("cimd:3:url")
async def test_an_id_that_is_no_clean_url_is_not_even_asked_for(
    small: World, publisher: Publisher, client_id: str
) -> None:
    url = client_id.format(port=publisher.origin.port)
    publisher.put(client_id=url)
    answer = await ask(small, url)
    assert answer.status_code == 400
    assert publisher.origin.connections == 0


@pytest.mark.parametrize("scheme", ["http", "HTTPS", "ftp", "file"])
async def test_another_scheme_names_no_document(
    small: World, publisher: Publisher, scheme: str
) -> None:
    url = publisher.put().replace("https", scheme)
    answer = await ask(small, url)
    assert answer.status_code == 400
    assert "not registered" in answer.text
    assert publisher.origin.connections == 0


async def _hangs_up(_: object, writer: Any) -> None:
    raise ConnectionResetError


@pytest.mark.parametrize(
    "broken",
    [
        reply(b"{}", "302 Found", location="https://127.0.0.1/elsewhere"),
        reply(b"{}", "307 Temporary Redirect", location="http://169.254.169.254/"),
        reply(b"{}", "404 Not Found"),
        reply(b"{}", "500 Oops"),
        reply(b" " * 6000),
        reply(b" " * 6000, content_length=""),
        reply(b"{}", content_type="text/html"),
        reply(b"{}", content_type=""),
        reply(gzip.compress(b" " * 10_000_000), content_encoding="gzip"),
        reply(b"{}", content_length="99999999999"),
        _hangs_up,
    ],
)
@requirement("cimd:5:200-only", "cimd:5:no-redirects", "cimd:7.7:size")
async def test_a_document_that_cannot_be_had_tells_nothing_about_why(
    small: World, publisher: Publisher, broken: Any
) -> None:
    publisher.documents["/client.json"] = broken
    answer = await ask(small, publisher.url())
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "cannot be had" in answer.text
    for word in ("302", "404", "timeout", "refused", "redirect", "169.254"):
        assert word not in answer.text.replace("style.css", "")


@requirement("cimd:7.6:special-addresses")
async def test_a_loopback_document_is_reached_only_while_our_issuer_is_loopback(
    sqlite_databases: SqliteDatabases,
    clock: FrozenClock,
    authority: Authority,
    publisher: Publisher,
) -> None:
    url = publisher.put()
    settings: dict[str, Any] = {
        "outbound_ca_file": authority.ca_file, "client_documents": "allow",
    }  # fmt: skip
    async with world(sqlite_databases, clock, **settings) as inside:
        assert (await ask(inside, url)).status_code == 303
    before = publisher.origin.connections
    async with world(sqlite_databases, clock, issuer="https://as.example", **settings) as outside:
        for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"):
            place = publisher.origin.url("/client.json", host)
            assert (await ask(outside, place)).status_code == 400
    assert publisher.origin.connections == before


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "192.168.1.1", "169.254.169.254", "[::ffff:7f00:1]", "[fd00:ec2::254]",
             "[fe80::1]", "0.0.0.0", "100.64.0.1", "nowhere.invalid"],
)  # fmt: skip
async def test_an_inner_address_is_never_asked(small: World, host: str) -> None:
    answer = await ask(small, f"https://{host}/client.json")
    assert answer.status_code == 400
    assert "cannot be had" in answer.text


@requirement("cimd:5.3:cached")
async def test_a_fresh_document_is_not_asked_for_again(
    small: World, publisher: Publisher, clock: FrozenClock
) -> None:
    url = publisher.put()
    publisher.headers = {"cache_control": "max-age=600"}
    for _ in range(3):
        assert (await ask(small, url)).status_code == 303
    assert publisher.asked() == 1
    clock.advance(ms=599_000)
    assert (await ask(small, url)).status_code == 303
    assert publisher.asked() == 1
    clock.advance(ms=1_000)
    assert (await ask(small, url)).status_code == 303
    assert publisher.asked() == 2


@pytest.mark.parametrize(
    ("control", "ms"),
    [("no-store", SHORTEST_MS), ("max-age=0", SHORTEST_MS), ("max-age=9999999", LONGEST_MS)],
)
async def test_freshness_has_a_floor_and_a_ceiling(
    small: World, publisher: Publisher, clock: FrozenClock, control: str, ms: int
) -> None:
    url = publisher.put()
    publisher.headers = {"cache_control": control}
    await ask(small, url)
    clock.advance(ms=ms - 1)
    await ask(small, url)
    assert publisher.asked() == 1
    clock.advance(ms=1)
    await ask(small, url)
    assert publisher.asked() == 2


async def test_a_stale_document_that_cannot_be_had_begins_nothing(
    small: World, publisher: Publisher, clock: FrozenClock
) -> None:
    url = publisher.put()
    await ask(small, url)
    publisher.documents.clear()
    clock.advance(ms=LONGEST_MS)
    assert (await ask(small, url)).status_code == 400
    publisher.put()
    assert (await ask(small, url)).status_code == 303


@requirement("cimd:4.2:redirect-exact")
async def test_redirect_uris_are_those_of_the_document(small: World, publisher: Publisher) -> None:
    url = publisher.put(redirect_uris=[CALLBACK, "http://localhost/callback", "app.example:/cb"])
    for good in (
        CALLBACK, "http://127.0.0.1:53000/callback", "http://localhost:53000/callback",
        "app.example:/cb",
    ):  # fmt: skip
        assert (await ask(small, url, redirect_uri=good)).status_code == 303, good
    for bad in (
        "http://127.0.0.1/callback2", "https://127.0.0.1/callback", "http://[::1]/callback",
        "http://localhost.evil.example/callback", "http://localhost:53000/callback/../x",
        "app.example:/cb2", "https://evil.example/callback",
    ):  # fmt: skip
        answer = await ask(small, url, redirect_uri=bad)
        assert answer.status_code == 400, bad
        assert "location" not in answer.headers


async def test_a_name_that_changes_its_address_and_a_slow_origin_get_nowhere(
    authority: Authority, clock: FrozenClock, publisher: Publisher
) -> None:
    """DNS rebinding, and an origin that never ends its answer: through the same fetcher."""
    url = publisher.put()
    names = Names(origin_test=[("127.0.0.1",), ("169.254.169.254",)])
    deadlines = Deadlines()
    fetcher = Fetcher(
        policy=AddressPolicy.for_issuer("http://127.0.0.1:9000"),
        resolver=names,
        tls=tls_context(authority.ca_file),
        clock=clock,
        deadline=deadlines,
    )
    documents = RemoteClientDocuments(fetcher)
    place = url.replace("127.0.0.1", "origin.test")
    assert await documents.fetch(place) is not None
    assert await documents.fetch(place) is None
    assert len(publisher.origin.requests) == 1

    async def never(_: object, writer: Any) -> None:
        deadlines.expire()
        await asyncio.Event().wait()

    publisher.documents["/client.json"] = never
    assert await documents.fetch(url) is None
    assert deadlines.seconds[-1] == 5.0
    await fetcher.close()


@requirement("rfc9700:2.1:exact-redirect")
async def test_the_port_of_localhost_may_differ_for_self_registered_clients_alone(
    small: World,
) -> None:
    theirs = Client(
        id="cli_theirs", name="Theirs", auth=ClientAuth.NONE,
        redirect_uris=("http://localhost/callback",),
        grant_types=frozenset({GrantType.AUTHORIZATION_CODE}),
    )  # fmt: skip
    await add_client(small.core, theirs, by="test")
    for uri, status in (("http://localhost/callback", 303), ("http://localhost:53/callback", 400)):
        assert (await ask(small, "cli_theirs", redirect_uri=uri)).status_code == status
