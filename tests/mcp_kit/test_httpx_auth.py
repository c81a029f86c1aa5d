"""Our authentication under the older httpx: the same requests, the same refusals."""

from collections.abc import AsyncIterator

import httpx
import httpx2
import pytest

from mcp_tools.client.errors import InsufficientScope, WrongServer
from mcp_tools.client.httpx_auth import HttpxAuth
from tests.mcp_kit.archive import rpc
from tests.mcp_kit.test_agent_auth import PRM, RESOURCE, Net
from tests.support.clock import FrozenClock


@pytest.fixture
def net(clock: FrozenClock) -> Net:
    return Net(clock)


def _http(net: Net, **settings: str) -> httpx.AsyncClient:
    def answer(request: httpx.Request) -> httpx.Response:
        told = net.answer(
            httpx2.Request(
                request.method,
                str(request.url),
                headers=request.headers.multi_items(),
                content=request.content,
            )
        )
        return httpx.Response(told.status_code, headers=dict(told.headers), content=told.content)

    auth = HttpxAuth(net.auth(**settings))
    return httpx.AsyncClient(transport=httpx.MockTransport(answer), auth=auth)


async def test_a_token_is_obtained_kept_and_sent(net: Net) -> None:
    async with _http(net) as http:
        for _ in range(2):
            answer = await http.post(RESOURCE, json=rpc("ping"))
            assert (answer.status_code, answer.json()["id"]) == (200, 1)
    assert net.calls == [None, "Bearer 1:docs:read", "Bearer 1:docs:read"]
    assert net.visited[0] == PRM


async def test_a_refused_token_is_replaced_and_more_scope_is_asked_for_by_name(net: Net) -> None:
    net.refused, net.needed = {"Bearer 1:docs:read"}, "docs:write"
    async with _http(net, step_up="docs:write") as http:
        assert (await http.post(RESOURCE, json=rpc("ping"))).status_code == 200
    assert net.calls[-1] == "Bearer 3:docs:read docs:write"


async def test_a_missing_scope_is_told(net: Net) -> None:
    net.needed = "docs:write"
    async with _http(net) as http:
        with pytest.raises(InsufficientScope):
            await http.post(RESOURCE, json=rpc("ping"))


async def test_the_token_goes_to_its_own_server_only(net: Net) -> None:
    async with _http(net) as http:
        with pytest.raises(WrongServer):
            await http.get("https://evil.test/mcp")
    assert net.visited == net.calls == []


async def test_a_stream_is_left_to_its_reader(net: Net) -> None:
    read = []

    async def events() -> AsyncIterator[bytes]:
        read.append("event")
        yield b"data: 1\n\n"

    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=events()))
    async with (
        httpx.AsyncClient(transport=transport, auth=HttpxAuth(net.auth())) as http,
        http.stream("POST", RESOURCE, json=rpc("ping")) as answer,
    ):
        assert read == []
        assert await answer.aread() == b"data: 1\n\n"


def test_it_refuses_to_be_used_by_a_blocking_client(net: Net) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        pytest.fail("the request was sent")

    transport = httpx.MockTransport(answer)
    with (
        httpx.Client(transport=transport, auth=HttpxAuth(net.auth())) as http,
        pytest.raises(RuntimeError, match="AsyncClient"),
    ):
        http.get(RESOURCE)
