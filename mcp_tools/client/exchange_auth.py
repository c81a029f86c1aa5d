"""`TokenExchangeAuth`: an `httpx2.Auth` by which an agent calls one MCP server for a user.

auth = TokenExchangeAuth(issuer=ISSUER, credentials=ClientSecret(ID, SECRET),
                         subject_token=token, resource=MCP_URL, scope="docs:read")
async with connect(auth) as mcp:
    await mcp.call_tool("read_document", {"document_id": "42"})
"""

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from typing import Self

import anyio
import httpx2

from authz.clock import Clock, SystemClock
from mcp_tools.client.challenged import report_scope, require_own_server
from mcp_tools.client.credentials import Credentials
from mcp_tools.client.dpop import DPoPKey, Prover
from mcp_tools.client.errors import NotGranted, TryAgain
from mcp_tools.client.held import Held
from mcp_tools.client.token_endpoint import (
    ACCESS_TOKEN,
    Token,
    TokenEndpoint,
    agent_token,
    exchange,
)
from mcp_tools.discovery import Answer, ask, discover, open_http
from mcp_tools.resource_metadata import require_safe_url
from mcp_tools.unavailable import IssuerUnavailable

SubjectToken = str | Callable[[], str | Awaitable[str]]
"""The user's token (or the handover token) that this agent was given, or a way to get it."""


class TokenExchangeAuth(httpx2.Auth):
    """Exchanges the subject token for the resource, and uses the result until it expires.

    The scope is what was asked for, always: a 403 `insufficient_scope` is reported, and never
    answered by asking for more. With `dpop` every token is bound to that key and sent with a proof
    of it (RFC 9449), so that a copy of the token alone is worth nothing; a subject token that is
    bound must be bound to the same key.
    """

    def __init__(  # noqa: PLR0913 - what a client is, by name
        self,
        *,
        issuer: str,
        credentials: Credentials,
        subject_token: SubjectToken,
        resource: str,
        scope: str,
        subject_token_type: str = ACCESS_TOKEN,
        grant_id: str | None = None,
        token_endpoint: str | None = None,
        dpop: DPoPKey | None = None,
        http: httpx2.AsyncClient | None = None,
        clock: Clock | None = None,
    ) -> None:
        require_safe_url(resource, "resource")
        self.resource = resource
        self.scope = scope
        self._issuer = issuer
        self._credentials = credentials
        self._subject_token = subject_token
        self._subject_token_type = subject_token_type
        self._grant_id = grant_id
        self._url = token_endpoint
        self._http = http or open_http(issuer)
        self._owns_http = http is None
        self._clock = clock or SystemClock()
        self._prover = None if dpop is None else Prover(dpop, clock=self._clock)
        self._lock = anyio.Lock()
        self._actor: Held | None = None
        self._held: Held | None = None

    async def token(self) -> Token:
        """Return a token for the resource, from the cache or by an exchange.

        Raises `ConsentRequired`, `AuthorityEnded`, `TryAgain` or `NotGranted`.
        """
        async with self._lock:
            if self._held is None or self._clock.now() >= self._held.until:
                self._held = None
                token = await self._exchange(resource=self.resource, scope=self.scope)
                self._held = Held(token, self._clock.now())
            return self._held.token

    async def hand_over(
        self,
        agent_uri: str,
        scope: str,
        authorization_details: Sequence[object] | None = None,
    ) -> Token:
        """Make the ticket by which another agent goes on with a part of this task (X4).

        `agent_uri` is that agent's URI (`<issuer>/agents/<id>`), `scope` the part that it gets, and
        `authorization_details` may narrow it to some objects. Only that agent can use the ticket,
        and only at the token endpoint, as its `subject_token`.
        """
        async with self._lock:
            return await self._exchange(
                audience=agent_uri, scope=scope, authorization_details=authorization_details
            )

    async def ask_as_agent(self, path: str) -> Answer:
        """GET something of the issuer's with the agent's own token, such as an approval's state.

        Raises `AuthorityEnded`, `TryAgain` or `NotGranted`.
        """
        async with self._lock:
            token = await self._own_token(await self._endpoint())
        url = f"{self._issuer}/{path}"
        request = self._http.build_request("GET", url, headers={"Accept": "application/json"})
        try:
            self._authorize(request, token)
            answer = await ask(self._http, request)
            sent = request.headers.get("DPoP")
            lacked = (
                self._prover is not None
                and sent is not None
                and self._prover.learn(url, answer.headers, sent)
            )
            if lacked and answer.status == 401:
                # RFC 9449 §9: once more, with the nonce.
                self._authorize(request, token)
                answer = await ask(self._http, request)
            return answer
        except IssuerUnavailable as error:
            raise TryAgain("temporarily_unavailable", "checker_unavailable", str(error)) from None

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
        self._authorize(request, token)
        response = yield request
        if self._prover is not None and self._prover.wants_nonce(request, response):
            self._authorize(request, token)
            response = yield request
        if response.status_code == 401:
            # Revoked, or keys rotated: one new exchange tells which.
            await self._forget(token)
            token = await self.token()
            self._authorize(request, token)
            response = yield request
        if response.status_code == 403:
            await report_scope(response, token.scope)

    def sync_auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Refuse: MCP clients are asynchronous, and so is this."""
        raise RuntimeError("TokenExchangeAuth needs an httpx2.AsyncClient")

    def _authorize(self, request: httpx2.Request, token: Token) -> None:
        if self._prover is None:
            request.headers["Authorization"] = f"Bearer {token.value}"
        else:
            self._prover.authorize(request, token.value)

    async def _exchange(
        self,
        *,
        resource: str | None = None,
        audience: str | None = None,
        scope: str,
        authorization_details: Sequence[object] | None = None,
    ) -> Token:
        endpoint = await self._endpoint()
        actor = await self._own_token(endpoint)
        try:
            return await exchange(
                endpoint,
                subject_token=await self._subject(),
                subject_token_type=self._subject_token_type,
                actor_token=actor.value,
                resource=resource,
                audience=audience,
                scope=scope,
                grant_id=self._grant_id,
                authorization_details=authorization_details,
            )
        except NotGranted:
            # Whatever was wrong, the next attempt starts with a new actor token.
            self._actor = None
            raise

    async def _own_token(self, endpoint: TokenEndpoint) -> Token:
        if self._actor is None or self._clock.now() >= self._actor.until:
            self._actor = Held(await agent_token(endpoint), self._clock.now())
        return self._actor.token

    async def _endpoint(self) -> TokenEndpoint:
        if self._url is None:
            try:
                self._url = (await discover(self._http, self._issuer)).token_endpoint
            except IssuerUnavailable as error:
                raise TryAgain(
                    "temporarily_unavailable", "checker_unavailable", str(error)
                ) from None
        return TokenEndpoint(self._issuer, self._url, self._credentials, self._http, self._prover)

    async def _subject(self) -> str:
        if isinstance(self._subject_token, str):
            return self._subject_token
        found = self._subject_token()
        return await found if inspect.isawaitable(found) else found

    async def _forget(self, token: Token) -> None:
        async with self._lock:
            # Another call may have replaced it already.
            if self._held is not None and self._held.token is token:
                self._held = self._actor = None
