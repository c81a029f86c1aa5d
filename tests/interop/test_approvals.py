"""A guarded tool, a real Mandate, an agent that waits, and a person who answers on the page."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from mcp.server import MCPServer

from mcp_tools.approval import Approval, Pending
from mcp_tools.client.approval import NotApproved, approval_state, call_approved
from mcp_tools.client.connect import connect
from mcp_tools.client.credentials import ClientSecret
from mcp_tools.client.exchange_auth import TokenExchangeAuth
from mcp_tools.edge import Edge
from mcp_tools.guard import guard
from mcp_tools.protect import protect
from mcp_tools.testing.loopback import serve
from tests.interop.scene import Scene
from tests.requirements import requirement
from tests.support.live import CALLBACK, Live
from tests.support.person import Person
from tests.support.world import CHALLENGE, VERIFIER


@pytest.fixture(scope="module")
def erased(mandate: Live) -> Iterator[list[str]]:
    """Serve a documents server whose `erase` needs a yes; yield what it erased."""
    scene: Scene = mandate.made
    done: list[str] = []
    mcp: MCPServer[Any] = MCPServer("documents")

    @mcp.tool()
    @guard(
        scope="docs:read",
        relation="viewer",
        object="folder:{folder_id}",
        approval=Approval(summary="Erase the folder {folder_id} for good"),
    )
    async def erase(folder_id: str) -> str:
        """Erase a folder."""
        done.append(folder_id)
        return "erased"

    def build(_: str) -> Edge:
        return protect(
            mcp,
            issuer=mandate.issuer,
            resource=scene.resource,
            client_id=scene.documents.client.id,
            client_secret=scene.documents.secret,
        )

    with serve(build, port=urlsplit(scene.resource).port or 0):
        yield done


@pytest.fixture
async def auth(mandate: Live, scene: Scene, ada: Person) -> AsyncIterator[TokenExchangeAuth]:
    """Let Ada consent, and give the agent what it calls with."""
    party = scene.agent
    query = httpx2.QueryParams(
        response_type="code", client_id=party.client.id, redirect_uri=CALLBACK,
        scope="docs:read", code_challenge=CHALLENGE, code_challenge_method="S256",
    )  # fmt: skip
    picks: dict[str, Any] = {"scope": ["docs:read"], "object": ["folder:plans"]}
    callback = ada.authorize(f"{mandate.issuer}/authorize?{query}", **picks)
    async with httpx2.AsyncClient(base_url=mandate.issuer, trust_env=False) as http:
        redeemed = await http.post(
            "/token", headers=party.basic,
            data={"grant_type": "authorization_code", "redirect_uri": CALLBACK,
                  "code": dict(parse_qsl(urlsplit(callback).query))["code"],
                  "code_verifier": VERIFIER},
        )  # fmt: skip
    async with TokenExchangeAuth(
        issuer=mandate.issuer,
        credentials=ClientSecret(party.client.id, party.secret or ""),
        subject_token=redeemed.json()["access_token"],
        resource=scene.resource,
        scope="docs:read",
    ) as made:
        yield made


@requirement("approval:call:once", "approval:kit:waits")
async def test_a_call_waits_for_the_person_and_goes_through_once(
    erased: list[str], auth: TokenExchangeAuth, ada: Person
) -> None:
    pages: list[str] = []
    waits: list[Pending] = []

    async def answer(_: float) -> None:
        """Say yes while the agent sleeps."""
        url = waits[-1].approve_url
        pages.append(await asyncio.to_thread(ada.answer, url, "yes"))

    arguments = {"folder_id": "plans"}
    async with connect(auth) as mcp:
        result = await call_approved(mcp, auth, "erase", arguments, tell=waits.append, sleep=answer)
        assert result.structured_content == {"result": "erased"}
        assert erased == ["plans"]
        assert "Approved." in pages[0]
        assert "Erase the folder plans for good" in pages[0]
        state = await approval_state(auth, waits[0].approval_id)
        assert state.status == "used"

        # The same call again is another question, and a no is a no.
        async def refuse(_: float) -> None:
            pages.append(await asyncio.to_thread(ada.answer, waits[-1].approve_url, "no"))

        with pytest.raises(NotApproved):
            await call_approved(mcp, auth, "erase", arguments, tell=waits.append, sleep=refuse)
        again = await mcp.call_tool("erase", arguments)
    assert again.is_error
    assert "approval_denied" in str(again.content)
    assert waits[0].approval_id != waits[1].approval_id
    assert erased == ["plans"]
