"""Calls of MCP tools with the real `mcp` client, and what came back in one word."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult

from examples.demo.outcome import Outcome, of_tool
from examples.demo.wire import Wire
from mcp_tools.client.connect import connect
from mcp_tools.client.errors import InsufficientScope, NotGranted
from mcp_tools.client.exchange_auth import TokenExchangeAuth


@dataclass(frozen=True, slots=True)
class Rule:
    """What a tool of the documents server needs, as its guard says (`documents/main.py`)."""

    scope: str
    relation: str = ""
    type: str = ""
    argument: str = ""


RULES: Mapping[str, Rule] = {
    "read_document": Rule("docs:read", "viewer", "document", "document_id"),
    "list_folder": Rule("docs:read", "viewer", "folder", "folder_id"),
    "create_document": Rule("docs:write", "editor", "folder", "folder_id"),
    "delete_document": Rule("docs:delete", "owner", "document", "document_id"),
}


class Told(TokenExchangeAuth):
    """`TokenExchangeAuth` that also tells what it sent to the MCP server (`--verbose`)."""

    wire: Wire

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Hand on what the flow does."""
        flow = super().async_auth_flow(request)
        try:
            sent = await anext(flow)
            while True:
                response = yield sent
                self.wire.saw(sent, response)
                sent = await flow.asend(response)
        except StopAsyncIteration:
            return
        finally:
            await flow.aclose()


class Bearer(httpx2.Auth):
    """Somebody who holds the bytes of a token, and nothing else."""

    def __init__(self, token: str, wire: Wire) -> None:
        self._token = token
        self._wire = wire

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Put the token into the header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        self._wire.saw(request, response)


async def call_as_agent(
    auth: TokenExchangeAuth, tool: str, arguments: Mapping[str, Any]
) -> Outcome:
    """Call a tool in a session whose tokens come from exchanges."""
    try:
        async with connect(auth) as mcp:
            return _result(await mcp.call_tool(tool, dict(arguments)))
    except (MCPError, NotGranted, InsufficientScope) as error:
        return _refusal(error)


async def call_with_token(
    wire: Wire, resource: str, token: str, tool: str, arguments: Mapping[str, Any]
) -> Outcome:
    """Call a tool with the bytes of a token."""
    try:
        async with (
            httpx2.AsyncClient(auth=Bearer(token, wire), trust_env=False) as http,
            Client(streamable_http_client(resource, http_client=http)) as mcp,
        ):
            return _result(await mcp.call_tool(tool, dict(arguments)))
    except BaseExceptionGroup as group:
        return _refusal(_leaf(group))
    except MCPError as error:
        return _refusal(error)


def _result(result: object) -> Outcome:
    if not isinstance(result, CallToolResult):
        return Outcome(f"unexpected {type(result).__name__}")
    text = " ".join(part.text for part in result.content if part.type == "text")
    found = result.structured_content or {}
    return of_tool(bool(result.is_error), found.get("result", found), text)


def _refusal(error: BaseException) -> Outcome:
    if isinstance(error, InsufficientScope):
        return Outcome("insufficient_scope", str(error))
    if isinstance(error, NotGranted):
        return Outcome(f"{error.error}: {error.reason}", str(error))
    data = getattr(getattr(error, "error", None), "data", None)
    if isinstance(data, dict):
        return Outcome(str(data.get("reason") or data.get("error")), str(error))
    return Outcome(f"{type(error).__name__}: {error}")


def _leaf(error: BaseException) -> BaseException:
    return _leaf(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
