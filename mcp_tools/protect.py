"""An `MCPServer` as a protected resource, in one call."""

from collections.abc import Mapping
from typing import Any

import httpx2
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

from authz.clock import Clock, SystemClock
from mcp_tools.call import Admitted, Decider
from mcp_tools.discovery import open_http
from mcp_tools.edge import MAX_BODY, Edge
from mcp_tools.errors import NotProtected
from mcp_tools.evaluation import AccessApi, MandateApi, OfflineDecider, OnlineDecider
from mcp_tools.inventory import Inventory
from mcp_tools.issuer_keys import IssuerKeys
from mcp_tools.relations import Relations
from mcp_tools.resource_metadata import Resource
from mcp_tools.verifier import Keys, Verifier


def protect(  # noqa: PLR0913 - the settings of one server, by name
    mcp: MCPServer[Any],
    *,
    issuer: str,
    resource: str,
    client_id: str | None = None,
    client_secret: str | None = None,
    offline: bool = False,
    methods: Mapping[str, str] | None = None,
    initial_scope: str | None = None,
    max_body: int = MAX_BODY,
    stateless: bool = False,
    json_response: bool = False,
    clock: Clock | None = None,
    http: httpx2.AsyncClient | None = None,
    api: AccessApi | None = None,
    keys: Keys | None = None,
) -> Edge:
    """Return the ASGI application that serves `mcp` at `resource` and obeys `issuer`.

    `client_id`, `client_secret`: the client that Mandate registered for this resource; it asks for
    decisions and writes tuples. `offline=True` instead checks signature, audience and scope only:
    a revocation arrives when the token expires, and guards that name objects refuse. `methods`
    opens MCP methods other than tools, each with the scopes it needs, such as
    `{"resources/read": "docs:read"}`. `initial_scope` is what a 401 asks for (by default all
    scopes of the tools). `max_body` is in bytes. `http` is for tests and for your own TLS
    settings; it is then yours to close. `api` and `keys` stand for Mandate where it answers without
    HTTP, as it does for its own MCP server in the same process. Raises `NotProtected` for a tool
    without a guard, `ValueError` for settings that cannot be safe.
    """
    described = Resource(resource, issuer, mcp.name)
    inventory = Inventory(mcp)
    inventory.require_guards()
    used_clock = clock or SystemClock()
    own_http: list[httpx2.AsyncClient] = []

    def used_http() -> httpx2.AsyncClient:
        if http is None and not own_http:
            own_http.append(open_http(issuer))
        return http or own_http[0]

    decider: Decider
    relations = None
    if offline:
        decider = OfflineDecider()
    elif api is not None or (client_id and client_secret):
        api = api or MandateApi(
            issuer=issuer,
            client_id=client_id or "",
            client_secret=client_secret or "",
            http=used_http(),
        )
        decider, relations = OnlineDecider(api), Relations(api)
    else:
        raise NotProtected("client_id and client_secret are needed to ask Mandate")
    verifier = Verifier(
        issuer=issuer,
        resource=resource,
        keys=keys or IssuerKeys(issuer, used_http(), used_clock),
        clock=used_clock,
    )
    mcp.middleware.append(inventory.filter_list)
    app = mcp.streamable_http_app(
        streamable_http_path=described.path,
        json_response=json_response,
        stateless_http=stateless,
        max_request_body_size=max_body,
        # MCP, Streamable HTTP, "Security Warning": Host and Origin are checked against our own.
        transport_security=TransportSecuritySettings(
            allowed_hosts=[described.authority], allowed_origins=[described.origin]
        ),
    )
    return Edge(
        app,
        resource=described,
        rules=inventory,
        verifier=verifier,
        admit=lambda token: Admitted(token, decider, relations),
        clock=used_clock,
        methods=methods,
        initial_scope=initial_scope,
        max_body=max_body,
        close=own_http[0].aclose if own_http else None,
    )
