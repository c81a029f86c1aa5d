"""A server over stdio under its guards: the caller's token comes from the environment.

protect_stdio(mcp, issuer=..., resource=..., client_id=..., client_secret=...)
mcp.run(transport="stdio")
"""

import os
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import httpx2
from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import NAME_BEARING_METHODS
from mcp_types import INTERNAL_ERROR
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from authz.clock import Clock, SystemClock
from mcp_tools.asking import Asking, asking
from mcp_tools.call import admitting
from mcp_tools.challenge import FORBIDDEN, UNAUTHORIZED
from mcp_tools.discovery import open_http
from mcp_tools.environment import TokenSource, token_from_environment
from mcp_tools.errors import TokenRefused
from mcp_tools.gate import Gate
from mcp_tools.messages import Asked, BadRequest
from mcp_tools.policy import Policy
from mcp_tools.serving import served
from mcp_tools.unavailable import IssuerUnavailable
from mcp_tools.verifier import VerifiedToken

if TYPE_CHECKING:
    from fastmcp import FastMCP

_BEFORE = frozenset({"initialize", "ping", "server/discover"})
"""What a client may ask before there is a good token, so that it can be told of a bad one."""


def protect_stdio(
    mcp: "MCPServer[Any] | FastMCP[Any]",
    *,
    issuer: str,
    resource: str,
    client_id: str | None = None,
    client_secret: str | None = None,
    offline: bool = False,
    methods: Mapping[str, str] | None = None,
    environ: MutableMapping[str, str] | None = None,
    clock: Clock | None = None,
    http: httpx2.AsyncClient | None = None,
) -> None:
    """Put `mcp` under its guards for `mcp.run(transport="stdio")`.

    The token is verified anew for each request, and each call is decided, as over HTTP;
    `mcp_tools.environment` says which variables give it. A token that is bound to a key (RFC 9449)
    is refused: over stdio nobody can prove it. For the other settings see `protect`. Raises
    `NotProtected` for a tool without a guard or an environment without a token, `ValueError` for
    settings that cannot be safe.
    """
    server = served(mcp)
    server.inventory.require_guards()
    used_clock, used_http = clock or SystemClock(), http or open_http(issuer)
    asked = asking(
        issuer=issuer,
        resource=resource,
        name=server.inventory.name,
        client_id=client_id,
        client_secret=client_secret,
        offline=offline,
        clock=used_clock,
        http=used_http,
    )
    source = token_from_environment(
        os.environ if environ is None else environ,
        issuer=issuer,
        resource=resource,
        http=used_http,
        clock=used_clock,
    )
    policy = Policy(server.inventory, methods)
    server.install(StdioEdge(policy, asked, source))
    server.install(Gate(policy))


class StdioEdge:
    """MCP middleware in the place of the HTTP edge."""

    def __init__(self, policy: Policy, asked: Asking, source: TokenSource) -> None:
        self._policy = policy
        self._asking = asked
        self._source = source

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Pass one message on if its caller's token is good and enough for it."""
        if ctx.method in _BEFORE or ctx.method.startswith("notifications/"):
            return await call_next(ctx)
        token = await self._token()
        self._require_scopes(ctx, token)
        with admitting(self._asking.admit(token)):
            return await call_next(ctx)

    async def _token(self) -> VerifiedToken:
        try:
            token = await self._asking.verifier.verify(await self._source())
            if token.jkt is not None:
                raise TokenRefused("proof_required")
        except TokenRefused as refused:
            told = {"error": "invalid_token", "reason": refused.reason}
            raise MCPError(UNAUTHORIZED, f"invalid_token: {refused.reason}", told) from None
        except IssuerUnavailable:
            text = "checker_unavailable: the authorization server cannot be asked just now"
            raise MCPError(INTERNAL_ERROR, text) from None
        return token

    def _require_scopes(self, ctx: ServerRequestContext[Any, Any], token: VerifiedToken) -> None:
        key = NAME_BEARING_METHODS.get(ctx.method)
        name = (ctx.params or {}).get(key) if key is not None else None
        modern = ctx.protocol_version not in HANDSHAKE_PROTOCOL_VERSIONS
        try:
            rule = self._policy.needed(
                Asked(ctx.method, name if isinstance(name, str) else None), modern=modern
            )
        except BadRequest as error:
            raise MCPError(error.code, str(error)) from None
        if rule is not None and not token.covers(rule.scopes):
            scope = " ".join(sorted(rule.scopes))
            missing = " ".join(sorted(set(rule.scopes) - token.scopes))
            told = {"error": "insufficient_scope", "scope": scope, "missing": missing}
            raise MCPError(FORBIDDEN, f"insufficient_scope: the token lacks {missing}", told)
