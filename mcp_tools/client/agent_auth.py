"""`AgentAuth`: an `httpx2.Auth` by which an agent calls one MCP server as itself, for nobody.

auth = AgentAuth(issuer=ISSUER, credentials=ClientSecret(ID, SECRET),
                 resource=MCP_URL, scope="docs:read")
async with connect(auth) as mcp:
    await mcp.call_tool("reindex", {})
"""

from collections.abc import AsyncGenerator, Generator
from typing import Self

import anyio
import httpx2

from authz.clock import Clock, SystemClock
from mcp_tools.client.challenged import (
    metadata_hint,
    missing_scope,
    report_scope,
    require_own_server,
)
from mcp_tools.client.credentials import Credentials
from mcp_tools.client.dpop import DPoPKey, Prover
from mcp_tools.client.errors import WrongServer
from mcp_tools.client.find import protected_resource, token_endpoint_of
from mcp_tools.client.held import Held
from mcp_tools.client.token_endpoint import Token, TokenEndpoint, agent_token
from mcp_tools.discovery import open_http
from mcp_tools.resource_metadata import require_safe_url


class AgentAuth(httpx2.Auth):
    """Obtains the agent's own token for one MCP server (RFC 6749 §4.4), and uses it until it ends.

    `issuer` is where the client is registered: a server that names another authorization server is
    not believed, so the credentials go to no other. Without `scope` Mandate gives the resource's
    default. `step_up` names further scopes that may be asked for when the server wants them (403
    `insufficient_scope`), once a request; what it does not name is reported and never asked for.
    With `dpop` the token is bound to that key and sent with a proof of it (RFC 9449).
    """

    def __init__(
        self,
        *,
        issuer: str,
        credentials: Credentials,
        resource: str,
        scope: str | None = None,
        step_up: str = "",
        dpop: DPoPKey | None = None,
        http: httpx2.AsyncClient | None = None,
        clock: Clock | None = None,
    ) -> None:
        require_safe_url(resource, "resource")
        self.resource = resource
        self.scope = scope
        self._step_up = frozenset(step_up.split())
        self._issuer = issuer
        self._credentials = credentials
        self._http = http or open_http(issuer)
        self._owns_http = http is None
        self._clock = clock or SystemClock()
        self._prover = None if dpop is None else Prover(dpop, clock=self._clock)
        self._lock = anyio.Lock()
        self._endpoint: TokenEndpoint | None = None
        self._named = resource
        self._held: Held | None = None

    async def token(self) -> Token:
        """Return a token for the resource, from the cache or by a request.

        Raises `AuthorityEnded`, `TryAgain`, `NotGranted`, or `WrongServer`.
        """
        return await self._token(None)

    async def __aenter__(self) -> Self:
        """Use it in `async with`, which closes it at the end."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection to the issuer."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection to the issuer, unless it was given from outside."""
        if self._owns_http:
            await self._http.aclose()

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send the request with a token; once more with a new one if the server refuses it."""
        require_own_server(self.resource, request)
        hint = None
        if self._endpoint is None:
            # Without a token: the answer says where the metadata is (RFC 9728 §5.1).
            response = yield request
            if response.status_code != 401:
                return
            hint = metadata_hint(response.headers)
        token = await self._token(hint)
        response = yield self._with(request, token)
        if self._prover is not None and self._prover.wants_nonce(request, response):
            response = yield self._with(request, token)
        if response.status_code == 401:
            # Revoked, or keys rotated: one new request tells which.
            await self._forget(token)
            token = await self._token(None)
            response = yield self._with(request, token)
        told = missing_scope(response, token.scope)
        if told is not None and told.missing and self._step_up.issuperset(told.missing.split()):
            token = await self._more(token, told.needed)
            response = yield self._with(request, token)
        await report_scope(response, token.scope)

    def sync_auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Refuse: MCP clients are asynchronous, and so is this."""
        raise RuntimeError("AgentAuth needs an httpx2.AsyncClient")

    async def _token(self, hint: str | None) -> Token:
        async with self._lock:
            if self._held is None or self._clock.now() >= self._held.until:
                self._held = None
                self._held = await self._obtain(hint)
            return self._held.token

    async def _more(self, token: Token, needed: str) -> Token:
        """Ask for what the token has and what was wanted besides; kept for what follows."""
        async with self._lock:
            if self._held is not None and self._held.token is token:
                held = token.scope.split()
                self.scope = " ".join([*held, *(s for s in needed.split() if s not in held)])
                self._held = None
                self._held = await self._obtain(None)
        return await self._token(None)

    async def _obtain(self, hint: str | None) -> Held:
        if self._endpoint is None:
            self._endpoint = await self._find(hint)
        token = await agent_token(self._endpoint, resource=self._named, scope=self.scope)
        return Held(token, self._clock.now())

    async def _find(self, hint: str | None) -> TokenEndpoint:
        self._named, servers = await protected_resource(self._http, self.resource, hint)
        if self._issuer not in servers:
            raise WrongServer(f"{self.resource} names another authorization server")
        url = await token_endpoint_of(self._http, self._issuer)
        return TokenEndpoint(self._issuer, url, self._credentials, self._http, self._prover)

    async def _forget(self, token: Token) -> None:
        async with self._lock:
            # Another call may have replaced it already.
            if self._held is not None and self._held.token is token:
                self._held = None

    def _with(self, request: httpx2.Request, token: Token) -> httpx2.Request:
        if self._prover is None:
            request.headers["Authorization"] = f"Bearer {token.value}"
        else:
            self._prover.authorize(request, token.value)
        return request
