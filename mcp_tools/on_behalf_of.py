"""`await on_behalf_of(audience, scope)`: the next server is called for the same person.

    auth = await on_behalf_of("https://search.example.com/mcp", "search:query")
    async with httpx2.AsyncClient(auth=auth) as http: ...

The token that this server received is never passed on (MCP, "token passthrough"): it is exchanged
for one that names this server's own agent as the actor, along a way that the user saw at consent.
"""

from collections.abc import AsyncGenerator, Generator

import httpx2

from mcp_tools.call import admitted, current_call
from mcp_tools.client.errors import WrongServer
from mcp_tools.client.token_endpoint import Token
from mcp_tools.downstream import Downstream
from mcp_tools.errors import CallRefused
from mcp_tools.resource_metadata import require_safe_url
from mcp_tools.verifier import VerifiedToken


async def on_behalf_of(audience: str, scope: str) -> "OnBehalfOf":
    """Return the authorization of requests to `audience` in the name of the current call.

    `audience` is the next server's resource URI, `scope` what is needed there, separated by
    spaces. Raises `CallRefused` with Mandate's reason: `no_edge` where the user consented to no
    such way, `checker_unavailable` where Mandate cannot be asked, `not_an_agent` where this server
    has no credentials; `ValueError` for an audience that is no safe URL; `LookupError` outside a
    guarded call.
    """
    require_safe_url(audience, "audience")
    current_call()
    request = admitted()
    if request is None or request.downstream is None:
        raise CallRefused("not_an_agent", "this server has no credentials to go on with")
    first = await request.downstream.token(request.token, audience, scope)
    return OnBehalfOf(audience, scope, request.token, request.downstream, first)


class OnBehalfOf(httpx2.Auth):
    """Puts the exchanged token on requests to one server, and on no others."""

    def __init__(
        self,
        audience: str,
        scope: str,
        received: VerifiedToken,
        downstream: Downstream,
        token: Token,
    ) -> None:
        self.audience = audience
        self._scope = scope
        self._received = received
        self._downstream = downstream
        self._token = token

    @property
    def token(self) -> Token:
        """The exchanged token; `value` is for `audience` and nobody else."""
        return self._token

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send the request with the token; once more with a new one if that server refuses it."""
        own, asked = httpx2.URL(self.audience), request.url
        if (own.scheme, own.host, own.port) != (asked.scheme, asked.host, asked.port):
            raise WrongServer(f"this token is for {self.audience}")
        self._token = await self._downstream.token(self._received, self.audience, self._scope)
        request.headers["Authorization"] = f"Bearer {self._token.value}"
        response = yield request
        if response.status_code == 401:
            self._downstream.forget(self._token)
            self._token = await self._downstream.token(self._received, self.audience, self._scope)
            request.headers["Authorization"] = f"Bearer {self._token.value}"
            yield request

    def sync_auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Refuse: an exchange is asynchronous."""
        raise RuntimeError("on_behalf_of needs an httpx2.AsyncClient")
