"""The issuer's public keys, cached as HTTP says (RFC 9111) and never asked for in a storm."""

import re
from typing import Final

import anyio
import httpx2

from authz.clock import Clock
from authz.jose import InvalidKey, KeySet, parse_key_set
from mcp_tools.discovery import IssuerMetadata, ask, discover
from mcp_tools.unavailable import IssuerUnavailable

DEFAULT_FRESH: Final = 300_000
"""Milliseconds that an answer without `max-age` is used."""
LONGEST_FRESH: Final = 24 * 3_600_000
"""Milliseconds. A key that its owner withdrew must go one day, whatever `max-age` said."""
PAUSE: Final = 10_000
"""Milliseconds between two fetches, whatever is asked: tokens with made-up key ids cost us
nothing, and the issuer at most one request in this time."""
METADATA_FRESH: Final = 3_600_000
"""Milliseconds that the issuer's metadata is used."""

_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})")


class IssuerKeys:
    """The current key set. Past its freshness it is not used: a lost issuer means refusal."""

    def __init__(self, issuer: str, http: httpx2.AsyncClient, clock: Clock) -> None:
        self._issuer = issuer
        self._http = http
        self._clock = clock
        self._lock = anyio.Lock()
        self._keys: KeySet | None = None
        self._etag: str | None = None
        self._fresh_until = 0
        self._last_attempt: int | None = None
        self._metadata: IssuerMetadata | None = None
        self._metadata_until = 0

    async def holding(self, kid: str) -> KeySet:
        """Return a fresh key set, fetched anew if `kid` is not in the one we hold.

        The key may still be missing. Raises `IssuerUnavailable`.
        """
        held = self._usable()
        if held is not None and held.find(kid) is not None:
            return held
        # One fetch at a time; those who waited look again first.
        async with self._lock:
            held = self._usable()
            if held is not None and held.find(kid) is not None:
                return held
            if self._pausing():
                if held is None:
                    raise IssuerUnavailable("the issuer's keys could not be fetched just now")
                return held
            self._last_attempt = self._clock.now()
            return await self._fetch()

    def _usable(self) -> KeySet | None:
        return self._keys if self._clock.now() < self._fresh_until else None

    def _pausing(self) -> bool:
        return self._last_attempt is not None and self._clock.now() < self._last_attempt + PAUSE

    async def _fetch(self) -> KeySet:
        metadata = await self._current_metadata()
        conditions = {"If-None-Match": self._etag} if self._etag and self._keys else {}
        answer = await ask(
            self._http,
            self._http.build_request(
                "GET", metadata.jwks_uri, headers={"Accept": "application/json", **conditions}
            ),
        )
        if answer.status == 304 and self._keys is not None:
            keys = self._keys
        elif answer.status == 200:
            try:
                keys = parse_key_set(answer.body)
            except InvalidKey as error:
                raise IssuerUnavailable(f"the issuer's keys cannot be used: {error}") from None
            self._etag = answer.headers.get("etag")
        else:
            self._metadata = None  # it may have moved
            raise IssuerUnavailable(f"the issuer's keys answer {answer.status}")
        self._keys = keys
        self._fresh_until = self._clock.now() + _freshness(answer.headers)
        return keys

    async def _current_metadata(self) -> IssuerMetadata:
        now = self._clock.now()
        if self._metadata is None or now >= self._metadata_until:
            self._metadata = await discover(self._http, self._issuer)
            self._metadata_until = now + METADATA_FRESH
        return self._metadata


def _freshness(headers: httpx2.Headers) -> int:
    """RFC 9111 §4.2: `max-age` less `Age`, within our own bounds, in milliseconds."""
    directives = headers.get("cache-control", "").lower()
    if "no-store" in directives or "no-cache" in directives:
        return PAUSE
    match = _MAX_AGE.search(directives)
    if match is None:
        return DEFAULT_FRESH
    age = headers.get("age", "0")
    spent = int(age) if age.isascii() and age.isdigit() and len(age) < 10 else 0
    return max(PAUSE, min((int(match[1]) - spent) * 1000, LONGEST_FRESH))
