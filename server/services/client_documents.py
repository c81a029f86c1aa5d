"""The metadata documents of clients and their pictures, through the one outbound fetcher."""

from typing import Final

from server.outbound.download import FetchRules
from server.outbound.errors import FetchFault, FetchRefused
from server.outbound.fetcher import Fetcher
from server.protocol.registration.adopt import Fetched

RULES: Final = FetchRules(
    # §4: JSON, also under a more specific name of an authorization server's choice; ours is none.
    accept=("application/json",),
    max_bytes=5 * 1024,  # §7.7: the recommended maximum
    seconds=5.0,
    longest_fresh=3600,
)
PICTURE_RULES: Final = FetchRules(
    accept=("image/png", "image/jpeg", "image/webp"),
    max_bytes=64 * 1024,
    seconds=3.0,
    longest_fresh=0,
    kept=False,
)


_AWAY: Final = frozenset(
    {
        FetchFault.UNRESOLVABLE,
        FetchFault.UNREACHABLE,
        FetchFault.TOO_SLOW,
        FetchFault.BUSY,
        FetchFault.STATUS,
    }
)


class RemoteClientDocuments:
    """Implements the port of `protocol.registration.published` over `outbound`."""

    def __init__(self, fetcher: Fetcher) -> None:
        """Fetch through `fetcher`."""
        self._fetcher = fetcher

    async def fetch(self, url: str) -> Fetched | None:
        """Ask the origin; the row of the client is the cache, so ours is not (§5.3)."""
        try:
            document = await self._fetcher.fetch(url, RULES, anew=True)
        except FetchRefused:
            return None
        return Fetched(document.body, document.fetched_at, document.fresh_until)

    async def picture(self, url: str) -> bytes | None:
        """Ask the origin of a picture, whose cache is a row as well."""
        try:
            return (await self._fetcher.fetch(url, PICTURE_RULES, anew=True)).body
        except FetchRefused as error:
            return None if error.reason in _AWAY else b""
