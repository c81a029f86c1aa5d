"""Where Mandate's own MCP server and its metadata hang, at the origin's root (RFC 9728)."""

from typing import Final

from starlette.routing import Route
from starlette.types import ASGIApp

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"


def routes(mcp: ASGIApp, base_path: str) -> list[Route]:
    """Return the routes. The server is stateless: only POST has a meaning (MCP, Transports)."""
    path = f"{base_path}/mcp"
    return [
        Route(path, mcp, methods=["POST"], name="mcp"),
        Route(f"{WELL_KNOWN}{path}", mcp, methods=["GET"], name="mcp-metadata"),
    ]
