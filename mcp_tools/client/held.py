"""A token that is used until shortly before it expires, and asked for by one at a time."""

from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from authz.clock import Clock
from mcp_tools.client.token_endpoint import Token

EARLY: Final = 10_000
"""Milliseconds before its expiry that a token is replaced, so that it does not expire under way."""


class Held:
    """One token, and how a new one is obtained. A refusal is not remembered."""

    def __init__(self, obtain: Callable[[], Awaitable[Token]], clock: Clock) -> None:
        self._obtain = obtain
        self._clock = clock
        self._lock = anyio.Lock()
        self._token: Token | None = None
        self._until = 0

    async def get(self) -> Token:
        """Return the token; of several who want a new one, one asks and the others wait."""
        async with self._lock:
            if self._token is None or self._clock.now() >= self._until:
                self._token = None
                token = await self._obtain()
                lasts = token.expires_in * 1000
                self._until = self._clock.now() + lasts - min(EARLY, lasts // 2)
                self._token = token
            return self._token

    def forget(self, token: Token | None = None) -> bool:
        """Use a token no more (without one: whichever); false if it was replaced already."""
        if token is not None and self._token is not token:
            return False
        self._token = None
        return True
