"""Our own `AgentAuth` against running servers: an agent as itself, and what it is refused."""

from typing import Any

import httpx2
import pytest
from mcp.shared.exceptions import MCPError

from authz.jose import split
from mcp_tools.client.agent_auth import AgentAuth
from mcp_tools.client.connect import connect
from mcp_tools.client.credentials import ClientSecret
from mcp_tools.client.dpop import DPoPKey
from mcp_tools.client.errors import InsufficientScope, NotGranted, WrongServer
from mcp_tools.client.find import find_issuer
from tests.clients.workshop import House
from tests.interop.scene import EVERY
from tests.support.live import Live


def _auth(mandate: Live, house: House, **settings: Any) -> AgentAuth:
    party = house.smith
    given: dict[str, Any] = {"issuer": mandate.issuer, "resource": house.workshop, **settings}
    return AgentAuth(credentials=ClientSecret(party.client.id, party.secret or ""), **given)


async def test_an_agent_looks_and_makes_only_what_its_author_named(mandate: Live, house: House):
    async with _auth(mandate, house) as auth, connect(auth) as mcp:
        assert not (await mcp.call_tool("look", {"shelf": "left"})).is_error
        with pytest.raises(MCPError) as caught:
            await mcp.call_tool("make", {"thing": "chair"})
        told = InsufficientScope.of(caught.value)
        assert told is not None
        assert told.missing == "shop:write"
    named = _auth(mandate, house, scope="shop:read", step_up="shop:write")
    async with named as auth, connect(auth) as mcp:
        assert not (await mcp.call_tool("make", {"thing": "chair"})).is_error
        assert (await auth.token()).scope.split() == ["shop:read", "shop:write"]


async def test_the_server_names_its_issuer(mandate: Live, house: House):
    assert await find_issuer(house.workshop) == mandate.issuer


async def test_credentials_of_another_issuer_stay_at_home(mandate: Live, house: House):
    async with _auth(mandate, house, issuer=mandate.issuer.removesuffix("/acme")) as auth:
        with pytest.raises(WrongServer):
            await auth.token()


@pytest.mark.parametrize("scope", EVERY)
async def test_a_scope_of_another_resource_is_not_granted(mandate: Live, house: House, scope: str):
    async with _auth(mandate, house, scope=scope) as auth:
        with pytest.raises(NotGranted, match="invalid_scope"):
            await auth.token()


async def test_a_bound_token_is_worth_nothing_without_its_key(mandate: Live, house: House):
    async with _auth(mandate, house, dpop=DPoPKey.generate()) as auth, connect(auth) as mcp:
        assert not (await mcp.call_tool("look", {"shelf": "left"})).is_error
        stolen = (await auth.token()).value
        assert "jkt" in split(stolen).unverified_payload()["cnf"]
    headers = {"authorization": f"Bearer {stolen}"}
    answer = httpx2.get(house.workshop, headers=headers, trust_env=False)
    assert answer.status_code == 401
