"""`TokenExchangeAuth`: an `httpx2.Auth` by which an agent calls one MCP server for a user.

auth = TokenExchangeAuth(issuer=ISSUER, credentials=ClientSecret(ID, SECRET),
                         subject_token=token, resource=MCP_URL, scope="docs:read")
async with connect(auth) as mcp:
    await mcp.call_tool("read_document", {"document_id": "42"})
"""

import inspect
from collections.abc import Awaitable, Callable, Sequence

import anyio
import httpx2

from authz.clock import Clock
from mcp_tools.client.credentials import Credentials
from mcp_tools.client.dpop import DPoPKey
from mcp_tools.client.errors import NotGranted, TryAgain
from mcp_tools.client.held import Held
from mcp_tools.client.resource_auth import ResourceAuth
from mcp_tools.client.token_endpoint import ACCESS_TOKEN, Token, agent_token, exchange
from mcp_tools.discovery import Answer, ask, discover
from mcp_tools.unavailable import IssuerUnavailable

SubjectToken = str | Callable[[], str | Awaitable[str]]
"""The user's token (or the handover token) that this agent was given, or a way to get it."""


class TokenExchangeAuth(ResourceAuth):
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
        super().__init__(
            issuer=issuer,
            credentials=credentials,
            resource=resource,
            dpop=dpop,
            http=http,
            clock=clock,
        )
        self.scope = scope
        self._subject_token = subject_token
        self._subject_token_type = subject_token_type
        self._grant_id = grant_id
        self._url = token_endpoint
        self._actor = Held(self._own_token, self._clock)
        self._subject_turn = anyio.Lock()

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
        return await self._exchange(
            audience=agent_uri, scope=scope, authorization_details=authorization_details
        )

    async def ask_as_agent(self, path: str) -> Answer:
        """GET something of the issuer's with the agent's own token, such as an approval's state.

        Raises `AuthorityEnded`, `TryAgain` or `NotGranted`.
        """
        token = await self._actor.get()
        url = f"{self.issuer}/{path}"
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

    async def _obtain(self) -> Token:
        return await self._exchange(resource=self.resource, scope=self.scope)

    async def _exchange(
        self,
        *,
        resource: str | None = None,
        audience: str | None = None,
        scope: str,
        authorization_details: Sequence[object] | None = None,
    ) -> Token:
        actor = await self._actor.get()
        try:
            return await exchange(
                await self._endpoint(),
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
            self._actor.forget(actor)
            raise

    async def _own_token(self) -> Token:
        return await agent_token(await self._endpoint())

    async def _find(self) -> str:
        if self._url is not None:
            return self._url
        try:
            return (await discover(self._http, self.issuer)).token_endpoint
        except IssuerUnavailable as error:
            raise TryAgain("temporarily_unavailable", "checker_unavailable", str(error)) from None

    async def _subject(self) -> str:
        if isinstance(self._subject_token, str):
            return self._subject_token
        # One after the other: a way to get it may use up what it gets it with.
        async with self._subject_turn:
            found = self._subject_token()
            return await found if inspect.isawaitable(found) else found

    def _forget(self, token: Token) -> bool:
        # The actor token is as old, and what ended the one may have ended the other.
        return super()._forget(token) and self._actor.forget()
