"""What the `httpx2.Auth` classes of an agent have in common: how one MCP server is called."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Generator

import httpx2

from authz.clock import Clock
from mcp_tools.client.challenged import report_scope, require_own_server
from mcp_tools.client.credentials import Credentials
from mcp_tools.client.dpop import DPoPKey
from mcp_tools.client.held import Held
from mcp_tools.client.issuer_client import IssuerClient
from mcp_tools.client.token_endpoint import Token
from mcp_tools.resource_metadata import require_safe_url


class ResourceAuth(IssuerClient, httpx2.Auth, ABC):
    """Calls one MCP server, and no other, with a token that is used until it ends.

    With `dpop` the token is bound to that key and sent with a proof of it (RFC 9449), so that a
    copy of the token alone is worth nothing.
    """

    def __init__(
        self,
        *,
        issuer: str,
        credentials: Credentials,
        resource: str,
        dpop: DPoPKey | None,
        http: httpx2.AsyncClient | None,
        clock: Clock | None,
    ) -> None:
        require_safe_url(resource, "resource")
        super().__init__(issuer=issuer, credentials=credentials, dpop=dpop, http=http, clock=clock)
        self.resource = resource
        self._held = Held(self._obtain, self._clock)

    @abstractmethod
    async def _obtain(self) -> Token:
        """Ask for a new token for the resource."""

    async def token(self) -> Token:
        """Return a token for the resource, the one that is held or a new one.

        Raises `ConsentRequired`, `AuthorityEnded`, `TryAgain`, `NotGranted`, or `WrongServer`.
        """
        return await self._held.get()

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send the request with a token; once more with a new one if the server refuses it."""
        require_own_server(self.resource, request)
        if self._looks_first():
            response = yield request
            if response.status_code != 401:
                return
            self._looked(response)
        token = await self.token()
        response = yield self._authorize(request, token)
        if self._prover is not None and self._prover.wants_nonce(request, response):
            response = yield self._authorize(request, token)
        if response.status_code == 401:
            # Revoked, or keys rotated: one new request tells which.
            self._forget(token)
            token = await self.token()
            response = yield self._authorize(request, token)
        wider = await self._wider(token, response)
        if wider is not None:
            token = wider
            response = yield self._authorize(request, token)
        await report_scope(response, token.scope)

    def sync_auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Refuse: MCP clients are asynchronous, and so is this."""
        raise RuntimeError(f"{type(self).__name__} needs an httpx2.AsyncClient")

    def _looks_first(self) -> bool:
        """Whether a request goes without a token first, since the 401 says what is needed."""
        return False

    def _looked(self, challenge: httpx2.Response) -> None:
        """Read that 401."""

    async def _wider(self, token: Token, response: httpx2.Response) -> Token | None:
        """Return a token to answer a 403 with; by default more is never asked for."""
        return None

    def _forget(self, token: Token) -> bool:
        """Use a refused token no more; false if another call has replaced it already."""
        return self._held.forget(token)

    def _authorize(self, request: httpx2.Request, token: Token) -> httpx2.Request:
        if self._prover is None:
            request.headers["Authorization"] = f"Bearer {token.value}"
        else:
            self._prover.authorize(request, token.value)
        return request
