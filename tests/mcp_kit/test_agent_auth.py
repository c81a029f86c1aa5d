"""An agent as itself: where it looks for its token, whom it believes, and what it asks for."""

import base64
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import pytest

from mcp_tools.client.agent_auth import AgentAuth
from mcp_tools.client.credentials import ClientSecret
from mcp_tools.client.errors import AuthorityEnded, InsufficientScope, TryAgain, WrongServer
from mcp_tools.client.find import find_issuer
from tests.mcp_kit.archive import rpc
from tests.requirements import requirement
from tests.support.clock import FrozenClock

RESOURCE = "https://tools.test/mcp"
ISSUER = "https://issuer.test/t/acme"
RFC8414 = "https://issuer.test/.well-known/oauth-authorization-server/t/acme"
OIDC_INSERTED = "https://issuer.test/.well-known/openid-configuration/t/acme"
OIDC_APPENDED = "https://issuer.test/t/acme/.well-known/openid-configuration"
PRM = "https://tools.test/.well-known/oauth-protected-resource/mcp"
PRM_AT_ROOT = "https://tools.test/.well-known/oauth-protected-resource"


@dataclass
class Net:
    """A server and an issuer that answer as told, and what they were asked."""

    clock: FrozenClock
    documents: dict[str, Any] = field(default_factory=dict)
    challenge: str = f'Bearer resource_metadata="{PRM}"'
    needed: str = "docs:read"
    granted: str | None = None
    refusal: dict[str, str] | None = None
    refused: set[str] = field(default_factory=set)
    visited: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    calls: list[str | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.documents = {
            PRM: {"resource": RESOURCE, "authorization_servers": [ISSUER]},
            RFC8414: {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token"},
        }

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        url = str(request.url)
        if url == RESOURCE:
            return self._call(request)
        self.visited.append(url)
        if request.method == "POST":
            return self._token(request)
        if url in self.documents:
            return httpx2.Response(200, json=self.documents[url])
        return httpx2.Response(404)

    def _token(self, request: httpx2.Request) -> httpx2.Response:
        form = dict(parse_qsl(request.content.decode()))
        self.forms.append(form)
        basic = request.headers["authorization"].removeprefix("Basic ")
        assert base64.b64decode(basic) == b"agent:made-up"
        if self.refusal is not None:
            return httpx2.Response(400, json=self.refusal)
        scope = self.granted if self.granted is not None else form.get("scope", "docs:read")
        value = f"{len(self.forms)}:{scope}"
        body = {"access_token": value, "token_type": "Bearer", "expires_in": 300, "scope": scope}
        return httpx2.Response(200, json=body)

    def _call(self, request: httpx2.Request) -> httpx2.Response:
        token = request.headers.get("authorization")
        self.calls.append(token)
        if token is None or token in self.refused:
            return httpx2.Response(401, headers={"www-authenticate": self.challenge})
        held = token.partition(":")[2].split()
        if not set(self.needed.split()) <= set(held):
            challenge = f'Bearer error="insufficient_scope", scope="{self.needed}"'
            return httpx2.Response(403, headers={"www-authenticate": challenge})
        return httpx2.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": {}})

    def http(self, auth: httpx2.Auth | None = None) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self.answer), auth=auth)

    def auth(self, **settings: Any) -> AgentAuth:
        given = {"issuer": ISSUER, "resource": RESOURCE, "http": self.http(), "clock": self.clock}
        return AgentAuth(credentials=ClientSecret("agent", "made-up"), **{**given, **settings})

    async def ask(self, auth: AgentAuth, url: str = RESOURCE) -> int:
        async with self.http(auth) as http:
            return (await http.post(url, json=rpc("ping"))).status_code


@pytest.fixture
def net(clock: FrozenClock) -> Net:
    return Net(clock)


@requirement("mcp:client:resource")
async def test_a_401_leads_to_the_token_and_the_token_is_kept(net: Net) -> None:
    auth = net.auth(scope="docs:read")
    assert await net.ask(auth) == await net.ask(auth) == 200
    assert net.visited == [PRM, RFC8414, f"{ISSUER}/token"]
    expected = {"grant_type": "client_credentials", "resource": RESOURCE, "scope": "docs:read"}
    assert net.forms == [expected]
    assert net.calls == [None, "Bearer 1:docs:read", "Bearer 1:docs:read"]
    net.clock.advance(seconds=290)
    assert await net.ask(auth) == 200
    assert len(net.forms) == 2


async def test_a_scope_that_is_not_named_is_left_to_the_issuer(net: Net) -> None:
    # What a challenge asks for is what all tools need together, not what this agent needs.
    net.challenge += ', scope="docs:read docs:write"'
    assert await net.ask(net.auth()) == 200
    assert "scope" not in net.forms[0]


async def test_an_open_server_is_given_no_token(net: Net) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        assert "authorization" not in request.headers
        return httpx2.Response(200)

    transport = httpx2.MockTransport(answer)
    async with httpx2.AsyncClient(transport=transport, auth=net.auth()) as http:
        assert (await http.get(RESOURCE)).status_code == 200
    assert net.forms == []


@pytest.mark.parametrize("place", [OIDC_INSERTED, OIDC_APPENDED])
async def test_the_issuers_metadata_is_found_in_each_of_its_places(net: Net, place: str) -> None:
    net.documents[place] = net.documents.pop(RFC8414)
    assert await net.ask(net.auth()) == 200


async def test_the_servers_metadata_is_found_without_a_challenge(net: Net) -> None:
    net.challenge = "Bearer"
    net.documents[PRM_AT_ROOT] = net.documents.pop(PRM)
    assert await find_issuer(RESOURCE, net.http()) == ISSUER
    assert (await net.auth().token()).scope == "docs:read"


async def test_the_hint_of_a_challenge_goes_before_the_known_places(net: Net) -> None:
    hint = "https://tools.test/elsewhere.json"
    net.challenge = f'Bearer resource_metadata="{hint}"'
    net.documents[hint] = net.documents.pop(PRM)
    assert await net.ask(net.auth()) == 200
    assert net.visited[0] == hint


@pytest.mark.parametrize(
    "hint",
    [
        "https://evil.test/prm",
        "http://tools.test/prm",
        "https://tools.test:8443/prm",
        "https://tools.test@evil.test/prm",
        "/prm",
        "https://[",
        "",
    ],
)
async def test_a_hint_that_leads_away_is_not_followed(net: Net, hint: str) -> None:
    net.challenge = f'Bearer resource_metadata="{hint}"'
    assert await net.ask(net.auth()) == 200
    assert net.visited[0] == PRM


@requirement("interop:client:resource-identical")
@pytest.mark.parametrize(
    "named",
    [
        "https://evil.test/mcp",
        "https://tools.test/mcp/",
        "https://tools.test",
        "https://tools.test/other",
        "https://TOOLS.test/mcp",
        "http://tools.test/mcp",
    ],
)
async def test_metadata_of_another_resource_is_not_believed(net: Net, named: str) -> None:
    net.documents[PRM]["resource"] = named
    with pytest.raises(WrongServer):
        await net.ask(net.auth())
    assert net.forms == []


async def test_the_document_of_a_whole_origin_may_name_the_origin(net: Net) -> None:
    del net.documents[PRM]
    net.documents[PRM_AT_ROOT] = {
        "resource": "https://tools.test",
        "authorization_servers": [ISSUER],
    }
    net.challenge = f'Bearer resource_metadata="{PRM_AT_ROOT}"'
    assert await net.ask(net.auth()) == 200
    assert net.forms[0]["resource"] == "https://tools.test"


async def test_a_path_cannot_speak_for_its_origin(net: Net) -> None:
    hint = "https://tools.test/mcp/prm.json"
    net.challenge = f'Bearer resource_metadata="{hint}"'
    net.documents[hint] = {"resource": "https://tools.test", "authorization_servers": [ISSUER]}
    with pytest.raises(WrongServer):
        await net.ask(net.auth())


async def test_a_token_asked_for_beforehand_is_found_by_the_hint_as_well(net: Net) -> None:
    hint = "https://tools.test/elsewhere.json"
    net.challenge = f'Bearer resource_metadata="{hint}"'
    net.documents = {hint: net.documents[PRM], RFC8414: net.documents[RFC8414]}
    assert (await net.auth().token()).scope == "docs:read"


async def test_the_slash_of_a_bare_origin_is_no_difference_and_the_servers_form_is_sent(
    net: Net,
) -> None:
    net.documents[PRM_AT_ROOT] = {
        "resource": "https://tools.test/",
        "authorization_servers": [ISSUER],
    }
    net.challenge = "Bearer"
    await net.auth(resource="https://tools.test").token()
    assert net.forms[0]["resource"] == "https://tools.test/"


@requirement("interop:client:own-issuer")
@pytest.mark.parametrize(
    "servers", [["https://evil.test"], [f"{ISSUER}/"], ["https://ISSUER.test/t/acme"]]
)
async def test_a_secret_goes_to_no_other_issuer(net: Net, servers: list[str]) -> None:
    net.documents[PRM]["authorization_servers"] = servers
    with pytest.raises(WrongServer):
        await net.ask(net.auth())
    assert net.forms == []
    assert net.visited == [PRM]


@requirement("interop:client:issuer-identical")
@pytest.mark.parametrize("named", ["https://evil.test", f"{ISSUER}/", "", None, 1])
async def test_metadata_of_another_issuer_is_not_believed(net: Net, named: Any) -> None:
    net.documents[RFC8414]["issuer"] = named
    with pytest.raises(WrongServer):
        await net.ask(net.auth())
    assert net.forms == []


@pytest.mark.parametrize("endpoint", ["http://issuer.test/token", "https://u@issuer.test/token"])
async def test_a_token_endpoint_without_tls_gets_no_secret(net: Net, endpoint: str) -> None:
    net.documents[RFC8414]["token_endpoint"] = endpoint
    with pytest.raises(WrongServer):
        await net.ask(net.auth())
    assert net.forms == []


@pytest.mark.parametrize(
    ("place", "document"),
    [
        (PRM, []),
        (PRM, {"resource": RESOURCE}),
        (PRM, {"resource": RESOURCE, "authorization_servers": []}),
        (PRM, {"resource": RESOURCE, "authorization_servers": [1]}),
        (RFC8414, {"issuer": ISSUER}),
        (RFC8414, {"issuer": ISSUER, "token_endpoint": 1}),
        (RFC8414, "text"),
    ],
)
async def test_metadata_that_is_none_is_try_again(net: Net, place: str, document: Any) -> None:
    net.documents[place] = document
    with pytest.raises(TryAgain):
        await net.ask(net.auth())


@pytest.mark.parametrize("place", [PRM, RFC8414])
async def test_no_metadata_at_all_is_try_again(net: Net, place: str) -> None:
    del net.documents[place]
    net.challenge = "Bearer"
    with pytest.raises(TryAgain):
        await net.ask(net.auth())


async def test_a_refused_token_is_replaced_once(net: Net) -> None:
    auth = net.auth()
    net.refused = {"Bearer 1:docs:read"}
    assert await net.ask(auth) == 200
    assert len(net.forms) == 2
    net.refused = {"Bearer 2:docs:read", "Bearer 3:docs:read"}
    assert await net.ask(auth) == 401
    assert len(net.forms) == 3


@requirement("interop:client:step-up-by-name")
async def test_more_scope_is_asked_for_only_by_name(net: Net) -> None:
    net.needed = "docs:write"
    with pytest.raises(InsufficientScope) as caught:
        await net.ask(net.auth(scope="docs:read", step_up="docs:share"))
    assert caught.value.missing == "docs:write"
    assert [form["scope"] for form in net.forms] == ["docs:read"]


async def test_a_named_step_up_keeps_what_there_was(net: Net) -> None:
    net.needed = "docs:write"
    auth = net.auth(scope="docs:read", step_up="docs:write docs:share")
    assert await net.ask(auth) == await net.ask(auth) == 200
    assert [form["scope"] for form in net.forms] == ["docs:read", "docs:read docs:write"]


async def test_a_step_up_that_does_not_help_ends(net: Net) -> None:
    net.needed, net.granted = "docs:write", "docs:read"
    with pytest.raises(InsufficientScope):
        await net.ask(net.auth(step_up="docs:write"))
    assert len(net.forms) == 2


async def test_a_refusal_is_what_it_is_and_holds_no_secret(net: Net) -> None:
    net.refusal = {"error": "invalid_client", "reason": "agent_suspended", "action": "stop"}
    with pytest.raises(AuthorityEnded, match="agent_suspended") as caught:
        await net.ask(net.auth())
    assert "made-up" not in f"{caught.value!r} {net.auth()!r}"


async def test_the_token_goes_to_its_own_server_only(net: Net) -> None:
    for url in ("https://evil.test/mcp", "http://tools.test/mcp", "https://tools.test:8443/mcp"):
        with pytest.raises(WrongServer):
            await net.ask(net.auth(), url)
    assert net.visited == net.calls == []
