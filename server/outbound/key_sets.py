"""RFC 7591 §2 `jwks_uri`: a client's published keys, with a limit to what unknown key ids cost."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from authz.clock import Clock
from authz.jose import KeySet, parse_key_set
from authz.jose.keys import MAX_SET
from server.outbound.download import FetchRules
from server.outbound.errors import FetchRefused
from server.outbound.fetcher import Document, Fetcher

JWKS_RULES: Final = FetchRules(
    accept=("application/jwk-set+json", "application/json"),
    max_bytes=MAX_SET,
    seconds=5.0,
    longest_fresh=3600,
)
REFRESH_PAUSE: Final = 60
"""Seconds between two looks for an unknown key id at one address."""
MAX_REMEMBERED: Final = 256


@dataclass(slots=True)
class _Known:
    body: bytes
    alg: str | None
    keys: KeySet
    refreshed_at: int


class RemoteKeySets:
    """Key sets by address. Parsed once for each body."""

    def __init__(self, fetcher: Fetcher, clock: Clock) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._known: OrderedDict[tuple[str, str | None], _Known] = OrderedDict()

    async def keys(self, url: str, kid: str | None, *, alg: str | None = None) -> KeySet:
        """Return the keys at `url`; raises `FetchRefused` or `InvalidKey`.

        If `kid` is not among them, a rotation may have happened: the set is fetched anew, but at
        most once in `REFRESH_PAUSE`, since anyone can invent key ids. If that fails, the set that
        is still good is returned. `alg` pins keys that declare no algorithm.
        """
        known = self._parsed(await self._fetcher.fetch(url, JWKS_RULES), alg)
        if kid is None or known.keys.find(kid) is not None:
            return known.keys
        now = self._clock.now()
        if now - known.refreshed_at < REFRESH_PAUSE * 1000:
            return known.keys
        # Before the request, so that a failing or slow origin is not asked again and again.
        known.refreshed_at = now
        try:
            document = await self._fetcher.fetch(url, JWKS_RULES, anew=True)
        except FetchRefused:
            return known.keys
        return self._parsed(document, alg).keys

    def _parsed(self, document: Document, alg: str | None) -> _Known:
        place = (document.url, alg)
        known = self._known.get(place)
        if known is None:
            keys = parse_key_set(document.body, alg=alg)
            known = _Known(document.body, alg, keys, document.fetched_at)
            self._known[place] = known
            if len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)
        elif known.body != document.body:
            known.keys = parse_key_set(document.body, alg=alg)
            known.body = document.body
        known.refreshed_at = max(known.refreshed_at, document.fetched_at)
        self._known.move_to_end(place)
        return known
