"""The two SDKs that `protect` serves, behind one face."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp.server import MCPServer
from mcp.server.context import ServerMiddleware
from mcp.server.transport_security import TransportSecuritySettings

from mcp_tools.edge import App
from mcp_tools.errors import NotProtected
from mcp_tools.inventory import ServerInventory
from mcp_tools.policy import Inventory
from mcp_tools.resource_metadata import Resource

if TYPE_CHECKING:
    from fastmcp import FastMCP


@dataclass(frozen=True, slots=True)
class Transport:
    """How streamable HTTP is served."""

    resource: Resource
    json_response: bool
    stateless: bool
    max_body: int


@dataclass(frozen=True, slots=True)
class Served:
    """An MCP server: what it has, and how it takes our middleware and becomes an application."""

    inventory: Inventory
    install: Callable[[ServerMiddleware[Any]], None]
    application: Callable[[Transport], App]


def served(mcp: "MCPServer[Any] | FastMCP[Any]") -> Served:
    """Recognize an `MCPServer` or a FastMCP server; raises `NotProtected` for anything else."""
    if isinstance(mcp, MCPServer):
        return _of_sdk(mcp)
    if any(base.__module__.partition(".")[0] == "fastmcp" for base in type(mcp).__mro__):
        return _of_fastmcp(mcp)
    raise NotProtected(
        "protect takes an MCPServer or a FastMCP server; any other application: protect_app"
    )


def _of_sdk(mcp: MCPServer[Any]) -> Served:
    def application(transport: Transport) -> App:
        return mcp.streamable_http_app(
            streamable_http_path=transport.resource.path,
            json_response=transport.json_response,
            stateless_http=transport.stateless,
            max_request_body_size=transport.max_body,
            # MCP, Streamable HTTP, "Security Warning": Host and Origin are checked against ours.
            transport_security=TransportSecuritySettings(
                allowed_hosts=[transport.resource.authority],
                allowed_origins=[transport.resource.origin],
            ),
        )

    return Served(ServerInventory(mcp), mcp.middleware.append, application)


def _of_fastmcp(mcp: Any) -> Served:
    # Only here: FastMCP is not among the kit's own requirements.
    from mcp_tools.fastmcp_server import FastMCPInventory, speak  # noqa: PLC0415

    def install(middleware: ServerMiddleware[Any]) -> None:
        if speak not in mcp.middleware:
            mcp.add_middleware(speak)
        # Below FastMCP's own, where lists are what goes over the wire.
        mcp._mcp_server.middleware.append(middleware)  # noqa: SLF001

    def application(transport: Transport) -> App:
        app: App = mcp.http_app(
            path=transport.resource.path,
            json_response=transport.json_response,
            stateless_http=transport.stateless,
            host_origin_protection=True,
            allowed_hosts=[transport.resource.authority],
            allowed_origins=[transport.resource.origin],
        )
        return app

    return Served(FastMCPInventory(mcp), install, application)
