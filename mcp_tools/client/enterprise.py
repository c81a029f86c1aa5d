"""`IdentityAssertionAuth`: an agent calls an MCP server for a person, by their employer's word.

idp = IdentityProvider(issuer=IDP, credentials=ClientSecret(ID, SECRET), id_token=get_id_token)
auth = IdentityAssertionAuth(issuer=ISSUER, credentials=ClientSecret(ID_THERE, SECRET_THERE),
                             resource=MCP_URL, scope="docs:read", assertion=idp.assertion)
async with connect(auth) as mcp:
    await mcp.call_tool("read_document", {"document_id": "42"})
"""

import inspect
from collections.abc import Awaitable, Callable

import anyio
import httpx2

from authz.clock import Clock
from mcp_tools.client.assertion_auth import AssertionAuth
from mcp_tools.client.credentials import Credentials
from mcp_tools.client.dpop import DPoPKey
from mcp_tools.client.issuer_client import IssuerClient
from mcp_tools.client.token_endpoint import identity_assertion

IdToken = Callable[[], str | Awaitable[str]]
"""Returns the person's ID token of the sign-in at this client, a fresh one if that is old."""
Assertion = Callable[[str, str], Awaitable[str]]
"""Takes the issuer to convince and the resource, and returns an identity assertion (ID-JAG)."""


class IdentityProvider(IssuerClient):
    """Leg 1 at an enterprise's identity provider: an ID token becomes an identity assertion.

    `assertion` is also what `IdentityAssertionOAuthProvider` of the MCP SDK takes as its
    `assertion_provider`. With `dpop` the request carries a proof (RFC 9449), for a provider that
    demands one of this client; the assertion itself is bound to no key.
    """

    def __init__(
        self,
        *,
        issuer: str,
        credentials: Credentials,
        id_token: IdToken,
        scope: str | None = None,
        dpop: DPoPKey | None = None,
        http: httpx2.AsyncClient | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(issuer=issuer, credentials=credentials, dpop=dpop, http=http, clock=clock)
        self._id_token = id_token
        self._scope = scope
        self._turn = anyio.Lock()

    async def assertion(self, audience: str, resource: str) -> str:
        """Return a new assertion for one resource of the server whose issuer is `audience`.

        Raises `ConsentRequired`, `AuthorityEnded`, `TryAgain` or `NotGranted`.
        """
        endpoint = await self._endpoint()
        # One after the other: a way to get it may use up what it gets it with.
        async with self._turn:
            found = self._id_token()
            id_token = await found if inspect.isawaitable(found) else found
        return await identity_assertion(
            endpoint,
            id_token=id_token,
            audience=audience,
            resource=resource,
            scope=self._scope,
        )


class IdentityAssertionAuth(AssertionAuth):
    """Leg 2: presents identity assertions at the resource's server, for its delegated token."""

    def __init__(
        self,
        *,
        issuer: str,
        credentials: Credentials,
        resource: str,
        assertion: Assertion,
        scope: str | None = None,
        dpop: DPoPKey | None = None,
        http: httpx2.AsyncClient | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(
            issuer=issuer,
            credentials=credentials,
            resource=resource,
            scope=scope,
            dpop=dpop,
            http=http,
            clock=clock,
        )
        self._provide = assertion

    async def _assertion(self) -> str:
        return await self._provide(self.issuer, self.resource)
