"""One MCP server with one tool, bare or under a guard: `python -m benchmarks.guard.tools KIND`.

The kinds differ in the guard alone: same SDK, same transport, same uvicorn.
"""

import contextlib
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from mcp_tools.guard import guard
from mcp_tools.protect import protect

KINDS = ("bare", "offline", "online", "online, with an object")


def main() -> None:
    kind, port = sys.argv[1], int(sys.argv[2])
    uvicorn.run(app(kind), host="127.0.0.1", port=port, log_level="warning", lifespan="on")


def app(kind: str) -> Starlette:
    mcp: MCPServer[Any] = MCPServer(kind, log_level="WARNING")

    async def read_document(document_id: str) -> str:
        return f"the text of {document_id}"

    given = {name: os.environ[f"GUARD_{name.upper()}"] for name in ("issuer", "resource")}
    secrets = {name: os.environ[f"GUARD_{name.upper()}"] for name in ("client_id", "client_secret")}
    modes: dict[str, Any] = {"stateless": True, "json_response": True}
    if kind == "bare":
        mcp.tool()(read_document)
        served: Any = mcp.streamable_http_app(
            streamable_http_path="/mcp",
            json_response=True,
            stateless_http=True,
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
    elif kind == "offline":
        mcp.tool()(guard(scope="docs:read")(read_document))
        served = protect(mcp, **given, offline=True, **modes)
    elif kind == "online":
        mcp.tool()(guard(scope="docs:read")(read_document))
        served = protect(mcp, **given, **secrets, **modes)
    else:
        on = "document:{document_id}"
        mcp.tool()(guard(scope="docs:read", relation="viewer", object=on)(read_document))
        served = protect(mcp, **given, **secrets, **modes)

    @contextlib.asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        async with mcp.session_manager.run():
            yield

    ready = Route("/ready", lambda _: PlainTextResponse("ready"))
    return Starlette(routes=[ready, Mount("/", app=served)], lifespan=running)


if __name__ == "__main__":
    main()
