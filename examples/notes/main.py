"""A second, very small MCP server: a user's notes, kept in memory. Run this file.

It has its own resource URI, so a token for the documents server is refused here, and the other
way round. It has no objects in the relationship graph: scope and principal decide.
"""

import os
import sys
from collections import defaultdict
from typing import Any

import uvicorn
from mcp.server import MCPServer

from mcp_tools.call import current_call
from mcp_tools.edge import Edge
from mcp_tools.guard import guard
from mcp_tools.protect import protect


def build() -> MCPServer[Any]:
    """Make the server and its two tools."""
    mcp: MCPServer[Any] = MCPServer("notes", log_level="WARNING")
    notes: dict[str, list[str]] = defaultdict(list)

    @mcp.tool()
    @guard(scope="notes:write", principal="user")
    async def add_note(text: str) -> int:
        """Add a note of the user; return how many there are."""
        own = notes[current_call().sub]
        own.append(text)
        return len(own)

    @mcp.tool()
    @guard(scope="notes:read", principal="user")
    async def list_notes() -> list[str]:
        """List the user's notes."""
        return list(notes[current_call().sub])

    return mcp


def app() -> Edge:
    """Build the ASGI application from NOTES_ISSUER and so on."""
    names = ("issuer", "resource", "client_id", "client_secret")
    given = {name: os.environ.get(f"NOTES_{name.upper()}", "") for name in names}
    if missing := [f"NOTES_{name.upper()}" for name, value in given.items() if not value]:
        sys.exit(f"notes: not started, these settings are missing: {', '.join(missing)}")
    return protect(build(), **given)


def main() -> None:
    """Serve until stopped."""
    port = os.environ.get("NOTES_PORT", "")
    if not port.isdigit():
        sys.exit("notes: not started, NOTES_PORT is missing")
    host = os.environ.get("NOTES_HOST", "127.0.0.1")
    uvicorn.run(app(), host=host, port=int(port), access_log=False)


if __name__ == "__main__":
    main()
