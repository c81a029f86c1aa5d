"""An MCP server as a protected resource, in one call."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import httpx2
from mcp.server import MCPServer

from authz.clock import Clock
from mcp_tools.asking import Verification, asking
from mcp_tools.edge import MAX_BODY, Edge
from mcp_tools.evaluation import AccessApi
from mcp_tools.gate import Gate
from mcp_tools.policy import Policy
from mcp_tools.sender import UsedProofs
from mcp_tools.serving import Transport, served
from mcp_tools.verifier import Keys

if TYPE_CHECKING:
    from fastmcp import FastMCP


def protect(  # noqa: PLR0913 - the settings of one server, by name
    mcp: "MCPServer[Any] | FastMCP[Any]",
    *,
    issuer: str,
    resource: str,
    client_id: str | None = None,
    client_secret: str | None = None,
    offline: bool = False,
    verification: Verification = "signature",
    methods: Mapping[str, str] | None = None,
    initial_scope: str | None = None,
    max_body: int = MAX_BODY,
    require_dpop: bool = False,
    used_proofs: UsedProofs | None = None,
    stateless: bool = False,
    json_response: bool = False,
    clock: Clock | None = None,
    http: httpx2.AsyncClient | None = None,
    api: AccessApi | None = None,
    keys: Keys | None = None,
) -> Edge:
    """Return the ASGI application that serves `mcp` at `resource` and obeys `issuer`.

    `mcp` is an `MCPServer` of the SDK or a FastMCP 4 server.

    `client_id`, `client_secret`: the client that Mandate registered for this resource; it asks for
    decisions and writes tuples. `offline=True` instead checks signature, audience and scope only:
    a revocation arrives when the token expires, and guards that name objects refuse.
    `verification="introspection"` asks Mandate whether the token is good at each request (RFC 7662)
    instead of checking its signature, so that a revoked one is 401 on every method. `methods`
    opens MCP methods other than tools, each with the scopes it needs, such as
    `{"resources/read": "docs:read"}`. `initial_scope` is what a 401 asks for (by default all
    scopes of the tools). `max_body` is in bytes. A token that is bound to a key needs its proof
    (RFC 9449); with `require_dpop=True` no other token comes in. `used_proofs` remembers proofs for
    several processes; without it each process remembers its own. `http` is for tests and for your
    own TLS settings; it is then yours to close. `api` and `keys` stand for Mandate where it answers
    without HTTP, as it does for its own MCP server in the same process. Raises `NotProtected` for a
    tool without a guard, `ValueError` for settings that cannot be safe.
    """
    server = served(mcp)
    server.inventory.require_guards()
    asked = asking(
        issuer=issuer,
        resource=resource,
        name=server.inventory.name,
        client_id=client_id,
        client_secret=client_secret,
        offline=offline,
        verification=verification,
        require_dpop=require_dpop,
        used_proofs=used_proofs,
        clock=clock,
        http=http,
        api=api,
        keys=keys,
    )
    policy = Policy(server.inventory, methods)
    server.install(Gate(policy))
    return Edge(
        server.application(Transport(asked.resource, json_response, stateless, max_body)),
        resource=asked.resource,
        policy=policy,
        verifier=asked.verifier,
        sender=asked.sender,
        admit=asked.admit,
        clock=asked.clock,
        initial_scope=initial_scope,
        max_body=max_body,
        close=asked.close,
    )
