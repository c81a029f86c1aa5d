"""Plain JSON-RPC over HTTP, for what a well-behaved client would not send."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from tests.support.world import World

ACCEPT = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
}
VERSION = "2025-11-25"


async def post(w: World, token: str | None, message: Any, **headers: str) -> httpx2.Response:
    """Send one message to Mandate's own MCP server."""
    given = {**ACCEPT, "MCP-Protocol-Version": VERSION, **headers}
    if token is not None:
        given["Authorization"] = f"Bearer {token}"
    # As it stands in JSON, lone surrogates included.
    body = json.dumps(message).encode("ascii")
    return await w.http.post(w.core.policy.mcp_resource, content=body, headers=given)


def tool_call(tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Write a tools/call."""
    params = {"name": tool, "arguments": dict(arguments)}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


async def call(w: World, token: str, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool; return the whole tool result."""
    answer = await post(w, token, tool_call(tool, arguments))
    assert answer.status_code == 200, (answer.status_code, answer.text)
    return dict(answer.json()["result"])


async def done(w: World, token: str, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool that must succeed; return its structured content."""
    result = await call(w, token, tool, **arguments)
    assert not result.get("isError"), result["content"]
    return dict(result["structuredContent"])


async def refused(w: World, token: str, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool that must be refused; return its structured content."""
    result = await call(w, token, tool, **arguments)
    assert result.get("isError"), result
    return dict(result["structuredContent"])
