"""Another client's OAuth flow with proofs added: what goes out, what comes back, what is refused."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import pytest

from authz.dpop import verify_proof
from authz.jose import split
from mcp_tools.client.dpop import DPoPKey
from mcp_tools.client.dpop_oauth import DPoPOAuth
from mcp_tools.client.errors import TryAgain
from tests.support.clock import FrozenClock

TOKEN, MCP = "https://as.test/token", "https://rs.test/mcp"


class Flow(httpx2.Auth):
    """A flow as the SDK's: a token first, then the request, and a new token after a 401."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        for _ in range(2):
            form = {"grant_type": "authorization_code", "code": "c"}
            answer = yield httpx2.Request("POST", TOKEN, data=form)
            self.seen.append(answer.json())
            request.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            response = yield request
            self.seen.append(response.status_code)
            if response.status_code != 401:
                return


class Servers:
    """An authorization server and a resource that ask for nonces, each for its own."""

    def __init__(self, clock: FrozenClock, *, kind: str = "DPoP", lost: int = 0) -> None:
        self.clock, self.kind, self.lost = clock, kind, lost
        self.requests: list[tuple[str, str | None]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        proof, url = request.headers["dpop"], str(request.url)
        sent = request.headers.get("authorization")
        self.requests.append((url, sent))
        token = None if sent is None else sent.removeprefix("DPoP ")
        verify_proof([proof], method="POST", address=url, now=self.clock.now(), access_token=token)
        wanted = "for-as" if url == TOKEN else "for-rs"
        headers = {"dpop-nonce": wanted}
        if split(proof).unverified_payload().get("nonce") != wanted:
            if url == TOKEN:
                return httpx2.Response(400, json={"error": "use_dpop_nonce"}, headers=headers)
            headers["www-authenticate"] = 'DPoP error="use_dpop_nonce", algs="ES256"'
            return httpx2.Response(401, headers=headers)
        if url == TOKEN:
            return httpx2.Response(200, json={"access_token": "tok", "token_type": self.kind})
        self.lost -= 1
        return httpx2.Response(401 if self.lost >= 0 else 200)


async def test_proofs_and_nonces_are_added_and_the_flow_sees_none_of_them(clock):
    servers, flow = Servers(clock, lost=1), Flow()
    auth = DPoPOAuth(flow, DPoPKey.generate(), clock=clock)
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(servers), auth=auth) as http:
        assert (await http.post(MCP, json={})).status_code == 200
    seen = {"access_token": "tok", "token_type": "Bearer"}
    assert flow.seen == [seen, 401, seen, 200]
    # Each nonce was asked for once, then known.
    assert servers.requests == [
        (TOKEN, None), (TOKEN, None), (MCP, "DPoP tok"), (MCP, "DPoP tok"), (TOKEN, None),
        (MCP, "DPoP tok"),
    ]  # fmt: skip


async def test_a_token_that_is_not_bound_is_discarded(clock):
    auth = DPoPOAuth(Flow(), DPoPKey.generate(), clock=clock)
    servers = Servers(clock, kind="Bearer")
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(servers), auth=auth) as http:
        with pytest.raises(TryAgain, match="not_bound"):
            await http.post(MCP, json={})
    assert [url for url, _ in servers.requests] == [TOKEN, TOKEN]


def test_it_is_for_asynchronous_clients_alone(clock):
    auth = DPoPOAuth(Flow(), DPoPKey.generate(), clock=clock)
    with (
        httpx2.Client(transport=httpx2.MockTransport(Servers(clock)), auth=auth) as http,
        pytest.raises(RuntimeError, match="AsyncClient"),
    ):
        http.post(MCP, json={})
