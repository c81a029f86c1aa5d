"""Tokens for the next server, by RFC 8693 as this server's own agent (EXCHANGE X3, X6)."""

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import anyio
import httpx2

from authz.clock import Clock
from mcp_tools.client.credentials import Credentials
from mcp_tools.client.errors import NotGranted, TryAgain
from mcp_tools.client.token_endpoint import Token, TokenEndpoint, agent_token, exchange
from mcp_tools.discovery import discover
from mcp_tools.errors import CallRefused
from mcp_tools.unavailable import IssuerUnavailable
from mcp_tools.verifier import VerifiedToken

MAX_KEPT: Final = 1024
"""Tokens that are kept at once, the longest unused given up first."""
LONGEST_KEPT: Final = 60_000
"""Milliseconds that a token is kept, however long it lasts: a way that the user has closed
meanwhile (`no_edge`) is noticed by then. Each call was decided before, so a revoked delegation
never reaches what is kept."""
EARLY: Final = 10_000
"""Milliseconds before its expiry that a token is used no more."""
_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")

Key = tuple[str, str, frozenset[str]]
"""The received token's id, the audience, the scopes."""


@dataclass(slots=True)
class _Kept:
    token: Token
    until: int


class Downstream:
    """Exchanges what this server received, and keeps the results a little while."""

    def __init__(
        self, *, issuer: str, credentials: Credentials, http: httpx2.AsyncClient, clock: Clock
    ) -> None:
        self._issuer = issuer
        self._credentials = credentials
        self._http = http
        self._clock = clock
        self._lock = anyio.Lock()
        self._endpoint: TokenEndpoint | None = None
        self._actor: _Kept | None = None
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()

    async def token(self, received: VerifiedToken, audience: str, scope: str) -> Token:
        """Return a token for `audience` in the name of who called; raises `CallRefused`."""
        key = (received.jti, audience, frozenset(scope.split()))
        kept = self._kept.get(key)
        if kept is not None and self._clock.now() < kept.until:
            self._kept.move_to_end(key)
            return kept.token
        self._kept.pop(key, None)
        try:
            token = await self._exchanged(received, audience, scope)
        except NotGranted as refused:
            raise _refused(refused) from None
        self._kept[key] = _Kept(token, self._until(token, received.expires_at))
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return token

    def forget(self, token: Token) -> None:
        """Use a token no more: the next server refused it."""
        for key in [key for key, kept in self._kept.items() if kept.token is token]:
            del self._kept[key]

    def _until(self, token: Token, received_until: int | None = None) -> int:
        lasts = token.expires_in * 1000
        until = self._clock.now() + min(lasts - min(EARLY, lasts // 2), LONGEST_KEPT)
        return until if received_until is None else min(until, received_until)

    async def _exchanged(self, received: VerifiedToken, audience: str, scope: str) -> Token:
        endpoint = await self._at()
        held = self._actor is not None and self._clock.now() < self._actor.until
        try:
            return await self._once(endpoint, received, audience, scope)
        except NotGranted:
            # Nothing tells that it was the actor token (X2) that was out of date.
            self._actor = None
            if not held:
                raise
        return await self._once(endpoint, received, audience, scope)

    async def _once(
        self, endpoint: TokenEndpoint, received: VerifiedToken, audience: str, scope: str
    ) -> Token:
        async with self._lock:
            if self._actor is None or self._clock.now() >= self._actor.until:
                actor = await agent_token(endpoint)
                self._actor = _Kept(actor, self._until(actor))
            actor = self._actor.token
        return await exchange(
            endpoint,
            subject_token=received.raw,
            actor_token=actor.value,
            resource=audience,
            scope=scope,
        )

    async def _at(self) -> TokenEndpoint:
        if self._endpoint is None:
            try:
                found = await discover(self._http, self._issuer)
            except IssuerUnavailable as error:
                raise TryAgain(
                    "temporarily_unavailable", "checker_unavailable", str(error)
                ) from None
            self._endpoint = TokenEndpoint(
                self._issuer, found.token_endpoint, self._credentials, self._http
            )
        return self._endpoint


def _refused(refused: NotGranted) -> CallRefused:
    """Tell it as a refused call, in Mandate's machine-readable word and nothing else of it."""
    word = refused.reason if _WORD.fullmatch(refused.reason) else refused.error
    if _WORD.fullmatch(word) is None:
        word = "exchange_refused"
    return CallRefused(word, "this server may not go on to the next one for this call")
