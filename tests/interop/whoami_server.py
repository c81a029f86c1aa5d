"""An MCP server with one tool that tells who called, protected by Mandate; run by its tests."""

import os
from typing import Any

import uvicorn
from mcp.server import MCPServer

from mcp_tools.call import current_call
from mcp_tools.guard import guard
from mcp_tools.protect import protect

mcp: MCPServer[Any] = MCPServer("whoami", log_level="WARNING")


@mcp.tool()
@guard(scope="docs:read", principal="agent")
async def whoami() -> dict[str, Any]:
    """Tell who is calling."""
    call = current_call()
    return {"principal": call.principal, "agents": list(call.agents)}


@mcp.tool()
@guard(scope="docs:write")
async def write() -> str:
    """Do what needs more."""
    return "written"


if __name__ == "__main__":
    given = os.environ
    edge = protect(
        mcp,
        issuer=given["WHOAMI_ISSUER"],
        resource=given["WHOAMI_RESOURCE"],
        client_id=given["WHOAMI_CLIENT_ID"],
        client_secret=given["WHOAMI_CLIENT_SECRET"],
        initial_scope="docs:read",
    )
    uvicorn.run(edge, host="127.0.0.1", port=int(given["WHOAMI_PORT"]), log_level="warning")
