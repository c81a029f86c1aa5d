"""A shelf of notes over stdio, under guards; the caller's token comes from the environment."""

import os
import sys

from mcp.server import MCPServer

from mcp_tools.call import current_call
from mcp_tools.guard import guard
from mcp_tools.protect_stdio import protect_stdio

mcp: MCPServer = MCPServer("shelf", log_level="WARNING")
NOTES = {"1": "Buy milk.", "2": "Sell the house."}


@mcp.tool()
@guard(scope="shelf:read", relation="viewer", object="note:{number}")
def read_note(number: str) -> str:
    """Return one note."""
    return f"{NOTES[number]} ({current_call().principal})"


@mcp.tool()
@guard(scope="shelf:write", relation="editor", object="note:{number}")
def tear_note(number: str) -> str:
    """Throw one note away."""
    return NOTES.pop(number)


@mcp.tool()
@guard(scope="shelf:read")
def environment() -> list[str]:
    """Name the variables that a program started here would inherit."""
    return sorted(name for name in os.environ if name.startswith("MANDATE_"))


def main() -> None:
    """Serve until the client goes away."""
    names = ("issuer", "resource", "client_id", "client_secret")
    given = {name: os.environ.get(f"SHELF_{name.upper()}", "") for name in names}
    if missing := [f"SHELF_{name.upper()}" for name, value in given.items() if not value]:
        sys.exit(f"shelf: not started, these settings are missing: {', '.join(missing)}")
    protect_stdio(mcp, **given)
    mcp.run(transport="stdio")


if __name__ == "__main__":
    main()
