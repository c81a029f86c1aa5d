"""A token that is used until shortly before it expires."""

from typing import Final

from mcp_tools.client.token_endpoint import Token

EARLY: Final = 10_000
"""Milliseconds before its expiry that a token is replaced, so that it does not expire under way."""


class Held:
    """A token and when it is too old to be used, in Unix milliseconds."""

    def __init__(self, token: Token, now: int) -> None:
        self.token = token
        lasts = token.expires_in * 1000
        self.until = now + lasts - min(EARLY, lasts // 2)
