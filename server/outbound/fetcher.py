"""The fetcher: cached by HTTP rules, one flight a document, bounded in time, size and number."""

import asyncio
import logging
import ssl
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from authz.clock import Clock
from server.outbound.addresses import AddressPolicy
from server.outbound.download import Answer, FetchRules, checked_addresses, download
from server.outbound.errors import FetchFault, FetchRefused
from server.outbound.freshness import freshness
from server.outbound.resolver import Resolver
from server.outbound.target import Target, parse_target

MAX_ENTRIES: Final = 128
MAX_FLIGHTS: Final = 32

log = logging.getLogger("mandate.outbound")

Deadline = Callable[[float], asyncio.Timeout]
"""Starts the total time limit; `asyncio.timeout`, or one that a test lets expire."""


@dataclass(frozen=True, slots=True)
class Document:
    """A fetched body; times in Unix milliseconds.

    `fetched_at` is when it was last known to be current, `fresh_until` the end of its reuse.
    """

    url: str
    body: bytes
    fetched_at: int
    fresh_until: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    document: Document
    etag: str | None


_Key = tuple[str, FetchRules]


class Fetcher:
    """Fetches documents of strangers over https (DESIGN 3.14). One a process."""

    def __init__(
        self,
        *,
        policy: AddressPolicy,
        resolver: Resolver,
        tls: ssl.SSLContext,
        clock: Clock,
        deadline: Deadline = asyncio.timeout,
    ) -> None:
        self._policy = policy
        self._resolver = resolver
        self._tls = tls
        self._clock = clock
        self._deadline = deadline
        self._cache: OrderedDict[_Key, _Entry] = OrderedDict()
        self._flights: dict[_Key, asyncio.Task[Document]] = {}

    async def fetch(self, url: str, rules: FetchRules, *, anew: bool = False) -> Document:
        """Return the document at `url`, from the cache while it is fresh; raises `FetchRefused`.

        `anew` asks the origin even while the cached copy is fresh. A failure is never cached, and
        never removes a copy that is still fresh. Callers who ask at the same time share one
        request, and one of them going away does not end it.
        """
        key = (url, rules)
        entry = self._cache.get(key)
        if entry is not None and not anew and self._clock.now() < entry.document.fresh_until:
            self._cache.move_to_end(key)
            return entry.document
        flight = self._flights.get(key)
        if flight is None:
            target = parse_target(url)
            if len(self._flights) >= MAX_FLIGHTS:
                raise FetchRefused(FetchFault.BUSY, target.host)
            flight = asyncio.create_task(self._fly(key, target))
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(flight)

    async def close(self) -> None:
        """End what is under way."""
        flights = tuple(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _fly(self, key: _Key, target: Target) -> Document:
        try:
            return await self._ask(key, target)
        except FetchRefused as error:
            # For the operator alone, whose firewall may be the cause: the caller is not told.
            fields = {"reason": error.reason.value, "host": error.host}
            log.warning("document not fetched", extra={"fields": fields})
            raise

    async def _ask(self, key: _Key, target: Target) -> Document:
        url, rules = key
        entry = self._cache.get(key)
        etag = entry.etag if entry is not None else None
        try:
            async with self._deadline(rules.seconds):
                addresses = await checked_addresses(target, self._resolver, self._policy)
                answer = await download(target, addresses, rules, self._tls, etag=etag)
        except TimeoutError:
            raise FetchRefused(FetchFault.TOO_SLOW, target.host) from None
        return self._keep(key, answer, entry, url, target)

    def _keep(
        self, key: _Key, answer: Answer, entry: _Entry | None, url: str, target: Target
    ) -> Document:
        now = self._clock.now()
        allowed = freshness(answer.headers, longest=key[1].longest_fresh)
        body, etag = answer.body, allowed.etag
        if body is None:
            if entry is None or entry.etag is None:
                # A 304 to a question that did not ask for one.
                raise FetchRefused(FetchFault.STATUS, target.host)
            body, etag = entry.document.body, etag or entry.etag
        document = Document(url, body, now, now + allowed.seconds * 1000)
        if key[1].kept and allowed.store and (allowed.seconds or etag):
            self._cache[key] = _Entry(document, etag)
            self._cache.move_to_end(key)
            if len(self._cache) > MAX_ENTRIES:
                self._cache.popitem(last=False)
        else:
            self._cache.pop(key, None)
        return document

    def _landed(self, key: _Key, flight: asyncio.Task[Document]) -> None:
        self._flights.pop(key, None)
        if not flight.cancelled():
            # Read it, so that a failure nobody waits for any more is no warning.
            flight.exception()
