"""Open the database that the settings name."""

from typing import Protocol

from server.domain.unit import Store
from server.storage.sqlite import SqliteStore


class OpenStore(Store, Protocol):
    """A store with its life cycle."""

    @property
    def dialect(self) -> str:
        """Name the database: `sqlite` or `postgresql`."""
        ...

    @property
    def waiting(self) -> int:
        """Return how many units wait to be written."""
        ...

    async def close(self) -> None:
        """Finish what is queued and close every connection."""
        ...


PATIENCE_MS = 5000


def open_store(url: str, *, patience_ms: int = PATIENCE_MS) -> OpenStore:
    """Open `sqlite:///path` or `postgresql://…`; raise `ValueError` for anything else.

    A unit that cannot get the database for `patience_ms` raises `UnavailableError`.
    """
    if url.startswith("sqlite:///"):
        return SqliteStore(url.removeprefix("sqlite:///"), patience_ms=patience_ms)
    if url.startswith(("postgresql://", "postgres://")):
        from server.storage.postgres import PostgresStore  # noqa: PLC0415 - an optional extra

        return PostgresStore(url, patience_ms=patience_ms)
    message = "The database URL begins with sqlite:/// or postgresql://."
    raise ValueError(message)
