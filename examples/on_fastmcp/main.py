"""Minutes of meetings on FastMCP 4, under the same guards. Run this file.

Tools, a resource template and a prompt; the objects are in their arguments.
"""

import os
import sys

import uvicorn
from fastmcp import Context, FastMCP

from mcp_tools.call import current_call
from mcp_tools.edge import Edge
from mcp_tools.guard import guard
from mcp_tools.protect import protect

MINUTES = {"1": "We meet on Mondays.", "2": "We meet no more."}


def build() -> FastMCP:
    """Make the server with what it offers."""
    mcp: FastMCP = FastMCP("minutes")

    @mcp.tool
    @guard(scope="minutes:read", relation="viewer", object="minutes:{number}")
    async def read_minutes(number: str, ctx: Context) -> str:
        """Return the minutes of one meeting."""
        await ctx.debug("read")
        return MINUTES[number]

    @mcp.tool
    @guard(scope="minutes:write", relation="editor", object="minutes:{number}")
    def amend_minutes(number: str, text: str) -> str:
        """Replace the minutes of one meeting."""
        MINUTES[number] = text
        return f"amended for {current_call().principal}"

    @mcp.tool
    @guard(scope="minutes:read", relation="secretary", object="club:chess")
    def count() -> int:
        """Count the meetings of the club."""
        return len(MINUTES)

    @mcp.resource("minutes://{number}")
    @guard(scope="minutes:read", relation="viewer", object="minutes:{number}")
    def minutes(number: str) -> str:
        """Give the minutes of one meeting."""
        return MINUTES[number]

    @mcp.prompt
    @guard(scope="minutes:read", relation="viewer", object="minutes:{number}")
    def summarize(number: str) -> str:
        """Ask for a summary of one meeting."""
        return f"Summarize: {MINUTES[number]}"

    @mcp.prompt
    def unguarded() -> str:
        """Nobody gets this: it has no guard."""
        return "closed"

    return mcp


def app() -> Edge:
    """Build the ASGI application from MINUTES_ISSUER and so on."""
    names = ("issuer", "resource", "client_id", "client_secret")
    given = {name: os.environ.get(f"MINUTES_{name.upper()}", "") for name in names}
    if missing := [f"MINUTES_{name.upper()}" for name, value in given.items() if not value]:
        sys.exit(f"minutes: not started, these settings are missing: {', '.join(missing)}")
    return protect(build(), **given)


def main() -> None:
    """Serve until stopped."""
    port = os.environ.get("MINUTES_PORT", "")
    if not port.isdigit():
        sys.exit("minutes: not started, MINUTES_PORT is missing")
    host = os.environ.get("MINUTES_HOST", "127.0.0.1")
    uvicorn.run(app(), host=host, port=int(port), access_log=False)


if __name__ == "__main__":
    main()
