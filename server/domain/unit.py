"""The server's unit of work: a `Tx` that also publishes security changes (DESIGN 3.5, 3.6)."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from authz.tx import Tx

T = TypeVar("T")

ChangeKey = tuple[str, str]
"""What a cached entry is called: its kind (`client`, `agent`, `token` …) and its id."""


class StaleSnapshotError(Exception):
    """An entry that the use case decided on has changed since it was read: decide again."""


class UnavailableError(Exception):
    """The database cannot be reached, is full, or is too busy: the answer is 503, never yes."""


class ConflictError(Exception):
    """A row of that key exists already, whichever database says so; the unit is undone."""


class Unit(Tx, Protocol):
    """A write transaction of the server."""

    def changed(self, kind: str, entry_id: str) -> None:
        """Publish that a cached entry changed, in this transaction; every worker then drops it."""
        ...

    def guard(self, revision: int, depends: frozenset[ChangeKey]) -> None:
        """Raise `StaleSnapshotError` if an entry of `depends` may have changed after `revision`."""
        ...


class Store(Protocol):
    """The database as the use cases see it."""

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on one consistent view of the data."""
        ...

    async def read_row(self, work: Callable[[Tx], T]) -> T:
        """Run `work`, which makes one statement: it needs no transaction to be consistent."""
        ...

    async def write(self, work: Callable[[Unit], T]) -> T:
        """Run `work` as one unit, durable when this returns; an exception undoes it.

        It may run more than once, each time on the state before it, and leaves no trace but rows.

        Raises `UnavailableError` when the unit may not have been stored, `ConflictError` when a
        key is taken, and whatever `work` raises.
        """
        ...

    async def revision(self) -> int:
        """Return the newest security change that is committed anywhere."""
        ...
