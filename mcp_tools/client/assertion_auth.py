"""What the `httpx2.Auth` classes have in common that get their tokens by somebody's assertion."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Generator
from typing import Self

import anyio
import httpx2

from authz.clock import Clock, SystemClock
from mcp_tools.client.challenged import report_scope, require_own_server
from mcp_tools.client.credentials import Credentials
from mcp_tools.client.held import Held
from mcp_tools.client.token_endpoint import Token, TokenEndpoint, assertion_token, find_endpoint
from mcp_tools.discovery import open_http
from mcp_tools.resource_metadata import require_safe_url


class AssertionAuth(httpx2.Auth, ABC):
    """Presents an assertion (RFC 7523 §2.1) for one MCP server, and uses the token until it ends.

    `issuer` is configuration: the MCP server is never asked where an assertion should go. The scope
    is what was asked for, always; without one Mandate gives what the assertion carries, or the
    resource's default. A 403 `insufficient_scope` is reported, never answered by asking for more.
    """

    def __init__(
        self,
        *,
        issuer: str,
        credentials: Credentials,
        resource: str,
        scope: str | None,
        http: httpx2.AsyncClient | None,
        clock: Clock | None,
    ) -> None:
        require_safe_url(resource, "resource")
        self.resource = resource
        self.scope = scope
        self.issuer = issuer
        self._credentials = credentials
        self._http = http or open_http(issuer)
        self._owns_http = http is None
        self._clock = clock or SystemClock()
        self._lock = anyio.Lock()
        self._endpoint: TokenEndpoint | None = None
        self._held: Held | None = None

    @abstractmethod
    async def _assertion(self) -> str:
        """Return an assertion that was not presented yet."""

    async def token(self) -> Token:
        """Return a token for the resource, from the cache or by a new assertion.

        Raises `ConsentRequired`, `AuthorityEnded`, `TryAgain` or `NotGranted`.
        """
        async with self._lock:
            if self._held is None or self._clock.now() >= self._held.until:
                self._held = None
                if self._endpoint is None:
                    self._endpoint = await find_endpoint(self.issuer, self._credentials, self._http)
                token = await assertion_token(
                    self._endpoint,
                    await self._assertion(),
                    resource=self.resource,
                    scope=self.scope,
                )
                self._held = Held(token, self._clock.now())
            return self._held.token

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
        token = await self.token()
        request.headers["Authorization"] = f"Bearer {token.value}"
        response = yield request
        if response.status_code == 401:
            # Revoked, or keys rotated: one new assertion tells which.
            await self._forget(token)
            token = await self.token()
            request.headers["Authorization"] = f"Bearer {token.value}"
            response = yield request
        await report_scope(response, token.scope)

    def sync_auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Refuse: MCP clients are asynchronous, and so is this."""
        raise RuntimeError(f"{type(self).__name__} needs an httpx2.AsyncClient")

    async def _forget(self, token: Token) -> None:
        async with self._lock:
            # Another call may have replaced it already.
            if self._held is not None and self._held.token is token:
                self._held = None
