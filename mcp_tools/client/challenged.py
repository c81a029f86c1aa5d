"""What an agent reads from the refusal of an MCP server: where to look, and what is missing."""

import json
import re
from typing import Final

import httpx2

from mcp_tools.client.errors import InsufficientScope, WrongServer

_SCOPE: Final = re.compile(r'\bscope="([^"]*)"')
_METADATA: Final = re.compile(r'\bresource_metadata="([^"]*)"')


def require_own_server(resource: str, request: httpx2.Request) -> None:
    """Refuse to send a token to another origin than its resource; raises `WrongServer`."""
    if not same_origin(resource, request.url):
        raise WrongServer(f"this token is for {resource}")


def same_origin(resource: str, url: httpx2.URL) -> bool:
    """Whether a URL has the scheme, host and port of a resource."""
    own = httpx2.URL(resource)
    return (own.scheme, own.host, own.port) == (url.scheme, url.host, url.port)


def metadata_hint(headers: httpx2.Headers) -> str | None:
    """Return `resource_metadata` of a 401 (RFC 9728 §5.1), None without one."""
    match = _METADATA.search(headers.get("www-authenticate", ""))
    return match[1] if match else None


def missing_scope(response: httpx2.Response, held: str) -> InsufficientScope | None:
    """Read a 403 `insufficient_scope` (RFC 6750 §3.1) beside the scope that the token has.

    None for any other answer.
    """
    challenge = response.headers.get("www-authenticate", "")
    if response.status_code != 403 or 'error="insufficient_scope"' not in challenge:
        return None
    match = _SCOPE.search(challenge)
    needed = match[1] if match else ""
    missing = [scope for scope in needed.split() if scope not in held.split()]
    return InsufficientScope(needed, " ".join(missing))


async def report_scope(response: httpx2.Response, held: str) -> None:
    """Raise `InsufficientScope` for a 403 that nobody else will tell.

    A JSON-RPC error ends this one call, with the same facts: the MCP client raises it as
    `MCPError` (see `InsufficientScope.of`). An exception here would end its whole session.
    """
    told = missing_scope(response, held)
    if told is not None and not _is_rpc_error(await response.aread()):
        raise told


def _is_rpc_error(body: bytes) -> bool:
    try:
        document = json.loads(body)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("jsonrpc") == "2.0" and "error" in document
