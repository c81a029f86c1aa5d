"""What all `httpx2.Auth` classes of an agent do alike: hold a token, prove a key, close."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import anyio
import httpx2
import pytest

from authz.jose import split
from mcp_tools.client.agent_auth import AgentAuth
from mcp_tools.client.credentials import ClientSecret
from mcp_tools.client.dpop import DPoPKey
from mcp_tools.client.enterprise import IdentityAssertionAuth, IdentityProvider
from mcp_tools.client.errors import TryAgain
from mcp_tools.client.exchange_auth import TokenExchangeAuth
from mcp_tools.client.resource_auth import ResourceAuth
from mcp_tools.client.workload import WorkloadAuth
from tests.support.clock import FrozenClock
from tests.support.dpop import ath

ISSUER = "https://issuer.test"
RESOURCE = "https://tools.test/mcp"
PRM = "https://tools.test/.well-known/oauth-protected-resource/mcp"
SECRET = ClientSecret("agent", "made-up")


async def an_assertion(audience: str, resource: str) -> str:
    return "jag"


CLASSES: dict[str, Callable[..., ResourceAuth]] = {
    "as itself": lambda **given: AgentAuth(credentials=SECRET, **given),
    "by exchange": lambda **given: TokenExchangeAuth(
        credentials=SECRET, subject_token="sub", scope="docs:read", **given
    ),
    "by an employer": lambda **given: IdentityAssertionAuth(
        credentials=SECRET, assertion=an_assertion, **given
    ),
    "as a workload": lambda **given: WorkloadAuth(token=lambda: "wl", **given),
}


@pytest.fixture(params=CLASSES)
def build(request: pytest.FixtureRequest) -> Callable[..., ResourceAuth]:
    """Build each of the classes in turn."""
    return CLASSES[request.param]


class Net:
    """An issuer and an MCP server that want their nonces, and what they were sent."""

    def __init__(self, *, bound: bool = True) -> None:
        self.bound = bound
        self.nonces = {"issuer.test": "of the issuer", "tools.test": "of the server"}
        self.forms: list[dict[str, str]] = []
        self.calls: list[httpx2.Headers] = []
        self.http = httpx2.AsyncClient(transport=httpx2.MockTransport(self.answer))

    async def answer(self, request: httpx2.Request) -> httpx2.Response:
        await anyio.lowlevel.checkpoint()
        url = str(request.url)
        if url == PRM:
            told = {"resource": RESOURCE, "authorization_servers": [ISSUER]}
            return httpx2.Response(200, json=told)
        if url == RESOURCE:
            return self._call(request)
        if request.method == "GET":
            token, keys = f"{ISSUER}/token", f"{ISSUER}/jwks"
            told = {"issuer": ISSUER, "token_endpoint": token, "jwks_uri": keys}
            return httpx2.Response(200, json=told)
        return self._token(request)

    def _token(self, request: httpx2.Request) -> httpx2.Response:
        self.forms.append(dict(parse_qsl(request.content.decode())))
        if self._lacks_nonce(request):
            headers = {"dpop-nonce": self.nonces["issuer.test"]}
            return httpx2.Response(400, json={"error": "use_dpop_nonce"}, headers=headers)
        kind = "DPoP" if self.bound and "dpop" in request.headers else "Bearer"
        told = {"access_token": f"at{len(self.forms)}", "token_type": kind, "expires_in": 300}
        return httpx2.Response(200, json=told)

    def _call(self, request: httpx2.Request) -> httpx2.Response:
        if "authorization" not in request.headers:
            challenge = f'DPoP resource_metadata="{PRM}"'
            return httpx2.Response(401, headers={"www-authenticate": challenge})
        self.calls.append(request.headers.copy())
        if self._lacks_nonce(request):
            headers = {
                "dpop-nonce": self.nonces["tools.test"],
                "www-authenticate": 'DPoP error="use_dpop_nonce"',
            }
            return httpx2.Response(401, headers=headers)
        return httpx2.Response(200)

    def _lacks_nonce(self, request: httpx2.Request) -> bool:
        if "dpop" not in request.headers:
            return False
        proof = split(request.headers["dpop"]).unverified_payload()
        return proof.get("nonce") != self.nonces[request.url.host]


def settings(net: Net, clock: FrozenClock, **more: Any) -> dict[str, Any]:
    return {"issuer": ISSUER, "resource": RESOURCE, "http": net.http, "clock": clock, **more}


async def test_a_key_is_proven_at_the_issuer_and_at_the_server(
    build: Callable[..., ResourceAuth], clock: FrozenClock
) -> None:
    net = Net()
    auth = build(**settings(net, clock, dpop=DPoPKey.generate()))
    transport = httpx2.MockTransport(net.answer)
    async with httpx2.AsyncClient(transport=transport, auth=auth) as http:
        assert (await http.post(RESOURCE)).status_code == 200
        assert (await http.post(RESOURCE)).status_code == 200
    # Once for the nonce, and then it is known: the same form, and the same token with new proofs.
    assert net.forms[0] == net.forms[1]
    token = (await auth.token()).value
    assert [each["authorization"] for each in net.calls] == [f"DPoP {token}"] * 3
    proofs = [split(each["dpop"]).unverified_payload() for each in net.calls]
    assert len({proof["jti"] for proof in proofs}) == 3
    assert {(proof["htm"], proof["htu"], proof["ath"]) for proof in proofs} == {
        ("POST", RESOURCE, ath(token))
    }
    nonce = net.nonces["tools.test"]
    assert [proof.get("nonce") for proof in proofs] == [None, nonce, nonce]


async def test_a_token_that_came_back_unbound_is_discarded(
    build: Callable[..., ResourceAuth], clock: FrozenClock
) -> None:
    auth = build(**settings(Net(bound=False), clock, dpop=DPoPKey.generate()))
    with pytest.raises(TryAgain, match="not_bound"):
        await auth.token()


async def test_an_identity_provider_is_sent_a_proof(clock: FrozenClock) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            told = {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token"}
            return httpx2.Response(200, json=told)
        proof = split(request.headers["dpop"]).unverified_payload()
        assert proof["htu"] == f"{ISSUER}/token"
        if proof.get("nonce") != "n":
            headers = {"dpop-nonce": "n"}
            return httpx2.Response(400, json={"error": "use_dpop_nonce"}, headers=headers)
        return httpx2.Response(200, json={"access_token": "jag", "token_type": "N_A"})

    idp = IdentityProvider(
        issuer=ISSUER, credentials=SECRET, id_token=lambda: "idt", dpop=DPoPKey.generate(),
        http=httpx2.AsyncClient(transport=httpx2.MockTransport(answer)), clock=clock,
    )  # fmt: skip
    assert await idp.assertion("https://there.test", RESOURCE) == "jag"


async def test_of_several_calls_at_once_one_asks_for_the_token(
    build: Callable[..., ResourceAuth], clock: FrozenClock
) -> None:
    net, found = Net(), []
    auth = build(**settings(net, clock))

    async def ask() -> None:
        found.append((await auth.token()).value)

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(ask)
    assert len(set(found)) == 1
    grants = [form["grant_type"] for form in net.forms]
    assert len(set(grants)) == len(grants)


async def test_it_closes_its_own_connection_and_no_other(
    build: Callable[..., ResourceAuth], clock: FrozenClock
) -> None:
    net = Net()
    async with build(**settings(net, clock)) as auth:
        pass
    assert (await auth.token()).value
    async with build(**settings(net, clock, http=None)) as own:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        await own.token()


def test_it_refuses_to_be_used_by_a_blocking_client(
    build: Callable[..., ResourceAuth], clock: FrozenClock
) -> None:
    net = Net()
    auth = build(**settings(net, clock))
    transport = httpx2.MockTransport(lambda _request: httpx2.Response(200))
    with (
        httpx2.Client(transport=transport, auth=auth) as http,
        pytest.raises(RuntimeError, match=f"{type(auth).__name__} needs an httpx2.AsyncClient"),
    ):
        http.get(RESOURCE)
