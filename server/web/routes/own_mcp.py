"""Where Mandate's own MCP server and its metadata hang, at the origin's root (RFC 9728)."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"


def routes(mcp: ASGIApp, base_path: str) -> list[Route]:
    """Return the routes. The server is stateless: only POST has a meaning (MCP, Transports)."""
    path = f"{base_path}/mcp"
    return [
        Route(path, _Unkept(mcp), methods=["POST"], name="mcp"),
        Route(f"{WELL_KNOWN}{path}", mcp, methods=["GET"], name="mcp-metadata"),
    ]


class _Unkept:
    """Answers that nobody may keep: each is one caller's, and some hold a token (RFC 6749 §5.1)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Cache-Control"] = "no-store"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self._app(scope, receive, sending)
