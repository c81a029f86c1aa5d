"""The `mcp` client over two workers of `mandate serve`, in both of its modes, on both databases."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata
from mcp.shared.exceptions import MCPError
from mcp_types import (
    ElicitRequestParams,
    ElicitRequestURLParams,
    ElicitResult,
    TextContent,
    TextResourceContents,
)
from pydantic import AnyUrl

from authz.clock import SystemClock
from tests.interop.test_mcp_client import App
from tests.own_mcp.conftest import AGENT_SCOPES, Desk, furnish
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.live import CALLBACK, Live, with_password
from tests.support.person import Person
from tests.support.ports import free_port
from tests.support.processes import ServerProcess, mandate_command
from tests.support.world import DOCS, TEST_KEK, prepared, world_at

Mode = Literal["legacy", "2026-07-28"]
MODES: list[Mode] = ["legacy", "2026-07-28"]


@pytest.fixture
def served(databases: Databases, tmp_path: Path) -> Iterator[tuple[Live, Desk]]:
    """Serve the desk with two workers, at an issuer with a path."""
    port = free_port()
    issuer = f"http://127.0.0.1:{port}/t/acme"
    url = databases.copy_of("prepared", prepared)

    async def fill() -> Desk:
        now = FrozenClock(SystemClock().now())
        async with world_at(url, now, issuer=issuer, access_token_ttl=900) as w:
            desk = await furnish(w)
            await with_password(w, desk.ada)
            return desk

    desk = asyncio.run(fill())
    settings = {
        "MANDATE_ISSUER": issuer,
        "MANDATE_DATABASE_URL": url,
        "MANDATE_KEK": TEST_KEK,
        "MANDATE_LOG_LEVEL": "WARNING",
    }
    command = mandate_command("serve", "--port", "{port}", "--workers", "2")
    with ServerProcess(folder=tmp_path, settings=settings, command=command, port=port) as process:
        yield Live(issuer, process, desk), desk


@asynccontextmanager
async def session(desk: Desk, token: str, mode: Mode, **more: Any) -> AsyncIterator[Client]:
    """Open an MCP session, each request on a connection of its own: whichever worker takes it."""
    limits = httpx2.Limits(max_keepalive_connections=0)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False, limits=limits, timeout=60) as http,
        Client(streamable_http_client(desk.mcp, http_client=http), mode=mode, **more) as client,
    ):
        yield client


@requirement("own-mcp:any-worker")
@pytest.mark.parametrize("mode", MODES)
def test_every_tool_of_an_agent_over_any_worker(served: tuple[Live, Desk], mode: Mode):
    live, desk = served

    async def work() -> None:
        async with session(desk, desk.agent_token, mode) as mcp:
            for _ in range(6):
                told = (await mcp.call_tool("whoami", {})).structured_content or {}
                assert told["user_id"] == desk.ada.id
            tools = {tool.name: tool for tool in (await mcp.list_tools()).tools}
            assert "exchange_token" in tools
            assert "revoke_delegation" not in tools
            hints = tools["release"].annotations
            assert hints is not None
            assert (hints.read_only_hint, hints.destructive_hint) == (False, True)
            assert tools["whoami"].output_schema
            found = await mcp.call_tool(
                "exchange_token", {"resource": DOCS, "scopes": ["docs:read"]}
            )
            assert not found.is_error
            await _read(mcp, desk)
            # Another worker has revoked it; every one refuses from then on.
            async with session(desk, desk.own_token, mode) as own:
                gone = await own.call_tool("revoke_delegation", {"grant_id": desk.grant.id})
                assert (gone.structured_content or {})["closed"] == 1
            for _ in range(6):
                no = await mcp.call_tool("whoami", {})
                assert no.is_error
                assert (no.structured_content or {})["reason"] == "delegation_revoked"
            with pytest.raises(MCPError) as refused:
                await mcp.read_resource("mandate://me")
            assert "delegation_revoked" in str(refused.value)

    asyncio.run(work())
    printed = live.process.printed()
    assert "Traceback" not in printed
    assert desk.agent_token not in printed


async def _read(mcp: Client, desk: Desk) -> None:
    listed = {str(each.uri) for each in (await mcp.list_resources()).resources}
    assert listed == {"mandate://me", "mandate://me/delegations"}
    me = (await mcp.read_resource("mandate://me")).contents[0]
    assert isinstance(me, TextResourceContents)
    assert json.loads(me.text)["delegation"]["grant_id"] == desk.grant.id
    prompt = (await mcp.get_prompt("what_may_i_do")).messages[0].content
    assert isinstance(prompt, TextContent)
    assert "folder:tax" in prompt.text
    denied = await mcp.call_tool("check_permission", {"resource": DOCS, "scopes": ["docs:delete"]})
    evaluation_id = (denied.structured_content or {})["evaluation_id"]
    why = await mcp.get_prompt("after_a_refusal", {"evaluation_id": evaluation_id})
    content = why.messages[0].content
    assert isinstance(content, TextContent)
    assert "consent_scope" in content.text


@requirement("own-mcp:ask:state")
def test_a_client_that_opens_pages_brings_the_request_back_to_any_worker(
    served: tuple[Live, Desk],
):
    live, desk = served
    home = {"resource": DOCS, "scopes": ["docs:read"], "objects": ["folder:home"]}
    arguments = {"authority": [home], "why": "to sum up the rent"}

    async def work() -> None:
        opened: list[str] = []
        with Person(live.issuer, desk.ada.email) as ada:

            async def open_page(_: object, params: ElicitRequestParams) -> ElicitResult:
                assert isinstance(params, ElicitRequestURLParams)
                opened.append(params.url)
                await asyncio.to_thread(ada.answer, params.url, "yes")
                return ElicitResult(action="accept")

            async with session(
                desk, desk.agent_token, "2026-07-28", elicitation_callback=open_page
            ) as mcp:
                told = (await mcp.call_tool("request_access", arguments)).structured_content or {}
            assert len(opened) == 1
            assert (told["status"], told["approve_url"]) == ("approved", None)
            # A client that does not is told the page.
            other = {**home, "scopes": ["docs:write"]}
            async with session(desk, desk.agent_token, "2026-07-28") as mcp:
                asked = {"authority": [other], "why": "to write it down"}
                told = (await mcp.call_tool("request_access", asked)).structured_content or {}
            assert told["status"] == "pending"
            assert told["approve_url"] == f"{live.issuer}/approvals/{told['approval_id']}"

    asyncio.run(work())


def test_the_unmodified_client_finds_its_way_and_a_person_is_asked(served: tuple[Live, Desk]):
    """Discovery from the 401, code and PKCE, consent on the page, then a tool call."""
    live, desk = served
    party = desk.w.parties["alpha-client"]

    async def work() -> dict[str, Any]:
        with Person(live.issuer, desk.ada.email) as ada:
            picks = {"scope": ["mandate:self"]}
            app = App(party, live, ada, **picks)
            auth = OAuthClientProvider(
                server_url=desk.mcp,
                client_metadata=OAuthClientMetadata(redirect_uris=[AnyUrl(CALLBACK)]),
                storage=app.storage,
                redirect_handler=app.go,
                callback_handler=app.come_back,
            )
            async with (
                httpx2.AsyncClient(auth=auth, trust_env=False, timeout=30) as http,
                Client(streamable_http_client(desk.mcp, http_client=http)) as mcp,
            ):
                told = await mcp.call_tool("whoami", {})
            assert app.asked["resource"] == [desk.mcp]
            assert "mandate:self" in app.asked["scope"][0].split()
            return dict(told.structured_content or {})

    told = asyncio.run(work())
    assert told["user_id"] == desk.ada.id
    assert told["scopes"] == ["mandate:self"]
    assert set(told["scopes"]) < AGENT_SCOPES
