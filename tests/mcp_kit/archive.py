"""A small MCP server under guards, and requests to it, for the tests of this folder."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from mcp.server import CacheHint, MCPServer
from mcp.server.mcpserver import Context

from mcp_tools.call import current_call
from mcp_tools.edge import Edge
from mcp_tools.guard import guard
from mcp_tools.protect import protect
from mcp_tools.testing.issuer import ThrowawayIssuer
from tests.support.clock import FrozenClock

RESOURCE = "http://127.0.0.1:8765/mcp"
MODERN = "2026-07-28"
LEGACY = "2025-06-18"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass
class Archive:
    """The server, its issuer, and what its tools really did."""

    clock: FrozenClock
    issuer: ThrowawayIssuer
    resource: str = RESOURCE
    ran: list[tuple[str, Any]] = field(default_factory=list)
    edge: Edge = field(init=False)
    mcp: MCPServer[Any] = field(init=False)

    def build(self, **settings: Any) -> "Archive":
        self.mcp = self._server()
        settings = {
            "client_id": "archive",
            "client_secret": "made-up",
            "stateless": True,
            "json_response": True,
            "clock": self.clock,
            "http": self.issuer.http(),
            **settings,
        }
        self.edge = protect(self.mcp, issuer=self.issuer.url, resource=self.resource, **settings)
        return self

    def add_wipe(self, guarded: Callable[..., Any] = lambda tool: tool) -> None:
        """Add one tool more to the server as it is, unguarded unless told otherwise."""

        @self.mcp.tool()
        @guarded
        def wipe() -> str:
            self.ran.append(("wipe", None))
            return "gone"

    def _server(self) -> MCPServer[Any]:
        # A careless author: lists of tools may be shared by caches.
        hints: Any = {"tools/list": CacheHint(ttl_ms=60_000, scope="public")}
        mcp: MCPServer[Any] = MCPServer("archive", cache_hints=hints)

        @mcp.tool()
        @guard(scope="docs:read", relation="viewer", object="document:{document_id}")
        def read(document_id: str, context: Context) -> str:
            """Read one document."""
            self.ran.append(("read", document_id))
            return f"content of {document_id} for {current_call().principal}"

        @mcp.tool()
        @guard(
            scope="docs:write",
            relation="editor",
            object=["document:{document_id}", "folder:{folder_id}"],
        )
        async def move(document_id: str, folder_id: str) -> str:
            """Move a document."""
            self.ran.append(("move", (document_id, folder_id)))
            return "moved"

        @mcp.tool()
        @guard(scope="docs:read", relation="viewer", object="document:{document_ids}")
        async def read_all(document_ids: list[str]) -> list[str]:
            """Read several documents."""
            self.ran.append(("read_all", document_ids))
            return [str(each) for each in current_call().objects]

        @mcp.tool()
        @guard(scope="docs:share", relation="owner", object="document:{document_id}")
        async def share(document_id: str, user: str) -> str:
            """Share a document."""
            written = [(f"user:{user}", "viewer", f"document:{document_id}")]
            return await current_call().relations.write(written, labels={"document:1": "One"})

        @mcp.tool()
        @guard(scope="docs:read")
        async def whoami() -> dict[str, Any]:
            """Tell who is calling."""
            call = current_call()
            return {
                "principal": call.principal,
                "agents": list(call.agents),
                "grant_id": call.grant_id,
                "evaluation_id": call.evaluation_id,
            }

        @mcp.tool()
        @guard(scope="docs:read", principal="agent")
        async def health() -> str:
            """Tell an agent that comes as itself."""
            return current_call().principal

        @mcp.tool()
        @guard(scope="docs:read", principal="user")
        async def profile() -> str:
            """Tell a user without an agent."""
            return current_call().principal

        @mcp.resource("archive://index")
        def index() -> str:
            return "the index"

        return mcp

    @asynccontextmanager
    async def open(self) -> AsyncIterator[httpx2.AsyncClient]:
        """Run the server; requests need no socket."""
        async with self.mcp.session_manager.run():
            transport = httpx2.ASGITransport(app=self.edge)
            async with httpx2.AsyncClient(transport=transport, base_url=self.resource) as http:
                yield http

    def token(self, **claims: Any) -> str:
        asked = {"user": "usr_ann", "agent": "agt_a", "scopes": ["docs:read"], **claims}
        return self.issuer.token(**{"resource": self.resource, **asked})


def rpc(method: str, params: dict[str, Any] | None = None, number: int = 1) -> dict[str, Any]:
    """Write a JSON-RPC request."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}


async def post(
    http: httpx2.AsyncClient,
    token: str | None,
    body: Any,
    *,
    version: str = LEGACY,
    headers: dict[str, str] | None = None,
) -> httpx2.Response:
    """Send one POST, by default as a client of an older revision."""
    sent = {"accept": "application/json, text/event-stream", "mcp-protocol-version": version}
    if token is not None:
        sent["authorization"] = f"Bearer {token}"
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    sent["content-type"] = "application/json"
    return await http.post(RESOURCE, headers={**sent, **(headers or {})}, **content)


async def call(
    http: httpx2.AsyncClient, token: str | None, tool: str, **arguments: Any
) -> httpx2.Response:
    """Call a tool as a client of 2026-07-28 does."""
    body = rpc("tools/call", {"name": tool, "arguments": arguments, "_meta": META})
    headers = {"mcp-method": "tools/call", "mcp-name": tool}
    return await post(http, token, body, version=MODERN, headers=headers)


def text_of(response: httpx2.Response) -> str:
    """Return the text of a tool's result."""
    assert response.status_code == 200, (response.status_code, response.text)
    return str(response.json()["result"]["content"][0]["text"])


def failed(response: httpx2.Response) -> bool:
    """Whether a tool's result is an error."""
    return response.status_code == 200 and response.json()["result"]["isError"] is True
