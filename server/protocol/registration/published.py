"""What clients publish about themselves, as seen from here."""

from typing import Protocol

from server.protocol.registration.adopt import Fetched


class ClientDocuments(Protocol):
    """Gets it; nothing but the outbound fetcher does."""

    async def fetch(self, url: str) -> Fetched | None:
        """Return the document as it is at its origin now, or none if it cannot be had."""
        ...

    async def picture(self, url: str) -> bytes | None:
        """Return what is at an address, empty if it can be no picture; none if nobody answers."""
        ...
