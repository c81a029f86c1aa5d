"""What the `httpx2.Auth` classes have in common that get their tokens by somebody's assertion."""

from abc import abstractmethod

import httpx2

from authz.clock import Clock
from mcp_tools.client.credentials import Credentials
from mcp_tools.client.dpop import DPoPKey
from mcp_tools.client.resource_auth import ResourceAuth
from mcp_tools.client.token_endpoint import Token, assertion_token


class AssertionAuth(ResourceAuth):
    """Presents an assertion (RFC 7523 §2.1) for one MCP server, and uses the token until it ends.

    `issuer` is configuration: the MCP server is never asked where an assertion should go. The scope
    is what was asked for, always; without one Mandate gives what the assertion carries, or the
    resource's default. A 403 `insufficient_scope` is reported, never answered by asking for more.
    With `dpop` the token is bound to that key and sent with a proof of it (RFC 9449).
    """

    def __init__(
        self,
        *,
        issuer: str,
        credentials: Credentials,
        resource: str,
        scope: str | None,
        dpop: DPoPKey | None,
        http: httpx2.AsyncClient | None,
        clock: Clock | None,
    ) -> None:
        super().__init__(
            issuer=issuer,
            credentials=credentials,
            resource=resource,
            dpop=dpop,
            http=http,
            clock=clock,
        )
        self.scope = scope

    @abstractmethod
    async def _assertion(self) -> str:
        """Return an assertion that was not presented yet."""

    async def _obtain(self) -> Token:
        return await assertion_token(
            await self._endpoint(),
            await self._assertion(),
            resource=self.resource,
            scope=self.scope,
        )
