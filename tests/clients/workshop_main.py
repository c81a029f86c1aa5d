"""The workshop: an MCP server under the kit for agents as themselves. Its argument is the port."""

import os
import sys
from typing import Any

import uvicorn
from mcp.server import MCPServer

from mcp_tools.call import current_call
from mcp_tools.edge import Edge
from mcp_tools.guard import guard
from mcp_tools.protect import protect


def app() -> Edge:
    """Build the server: looking needs the first scope, making the second."""
    mcp: MCPServer[Any] = MCPServer("workshop", version="1.0.0", log_level="ERROR")

    @mcp.tool()
    @guard(scope="shop:read", principal="agent")
    async def look(shelf: str) -> str:
        """Tell what is on a shelf of the workshop."""
        return f"{shelf}: a hammer, seen by {current_call().principal}"

    @mcp.tool()
    @guard(scope="shop:write", principal="agent")
    async def make(thing: str) -> str:
        """Make a thing."""
        return f"{thing} made by {current_call().principal}"

    names = ("issuer", "resource", "client_id", "client_secret")
    given: dict[str, Any] = {name: os.environ[f"WORKSHOP_{name.upper()}"] for name in names}
    # What a first token needs; a tool that needs more says so (403).
    return protect(mcp, initial_scope="shop:read", **given)


if __name__ == "__main__":
    uvicorn.run(app(), host="127.0.0.1", port=int(sys.argv[-1]), log_level="warning")
