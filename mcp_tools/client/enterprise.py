"""`IdentityAssertionAuth`: an agent calls an MCP server for a person, by their employer's word.

idp = IdentityProvider(issuer=IDP, credentials=ClientSecret(ID, SECRET), id_token=get_id_token)
auth = IdentityAssertionAuth(issuer=ISSUER, credentials=ClientSecret(ID_THERE, SECRET_THERE),
                             resource=MCP_URL, scope="docs:read", assertion=idp.assertion)
async with connect(auth) as mcp:
    await mcp.call_tool("read_document", {"document_id": "42"})
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Self

import httpx2

from authz.clock import Clock
from mcp_tools.client.assertion_auth import AssertionAuth
from mcp_tools.client.credentials import Credentials
from mcp_tools.client.token_endpoint import TokenEndpoint, find_endpoint, identity_assertion
from mcp_tools.discovery import open_http

IdToken = Callable[[], str | Awaitable[str]]
"""Returns the person's ID token of the sign-in at this client, a fresh one if that is old."""
Assertion = Callable[[str, str], Awaitable[str]]
"""Takes the issuer to convince and the resource, and returns an identity assertion (ID-JAG)."""


class IdentityProvider:
    """Leg 1 at an enterprise's identity provider: an ID token becomes an identity assertion.

    `assertion` is also what `IdentityAssertionOAuthProvider` of the MCP SDK takes as its
    `assertion_provider`.
    """

    def __init__(
        self,
        *,
        issuer: str,
        credentials: Credentials,
        id_token: IdToken,
        scope: str | None = None,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self._issuer = issuer
        self._credentials = credentials
        self._id_token = id_token
        self._scope = scope
        self._http = http or open_http(issuer)
        self._owns_http = http is None
        self._endpoint: TokenEndpoint | None = None

    async def assertion(self, audience: str, resource: str) -> str:
        """Return a new assertion for one resource of the server whose issuer is `audience`.

        Raises `ConsentRequired`, `AuthorityEnded`, `TryAgain` or `NotGranted`.
        """
        if self._endpoint is None:
            self._endpoint = await find_endpoint(self._issuer, self._credentials, self._http)
        found = self._id_token()
        return await identity_assertion(
            self._endpoint,
            id_token=await found if inspect.isawaitable(found) else found,
            audience=audience,
            resource=resource,
            scope=self._scope,
        )

    async def __aenter__(self) -> Self:
        """Use it in `async with`, which closes it at the end."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection to the provider."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection to the provider, unless it was given from outside."""
        if self._owns_http:
            await self._http.aclose()


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
        http: httpx2.AsyncClient | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(
            issuer=issuer,
            credentials=credentials,
            resource=resource,
            scope=scope,
            http=http,
            clock=clock,
        )
        self._provide = assertion

    async def _assertion(self) -> str:
        return await self._provide(self.issuer, self.resource)
