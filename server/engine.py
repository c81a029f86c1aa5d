"""The engine that the settings choose, with what runs beside the requests for it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Protocol

from authz.clock import Clock
from authz.graph import EmbeddedGraph, Graph
from authz.relations import Relations
from authz.stores.applied import AppliedChanges
from server.domain.entropy import Entropy
from server.domain.unit import Store, UnavailableError
from server.settings import Settings

if TYPE_CHECKING:
    from authz.openfga.client import OpenFga
    from authz.openfga.shipper import Shipper

STORE_ID = "mandate"
"""The relationship store of the product's own model."""


class Engine(Protocol):
    """Who answers, what it needs to go on, and whether it could answer now."""

    @property
    def graph(self) -> Graph: ...

    def beside(self, stop: asyncio.Event) -> tuple[Coroutine[None, None, None], ...]:
        """Return what runs beside the requests until `stop`."""
        ...

    async def answers(self) -> bool:
        """Tell whether questions can be answered now; never raises."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Embedded:
    """The engine in this process: as able to answer as the database."""

    def __init__(self, store: Store, relations: Relations) -> None:
        self.graph: Graph = EmbeddedGraph(store, relations)

    def beside(self, stop: asyncio.Event) -> tuple[Coroutine[None, None, None], ...]:
        return ()

    async def answers(self) -> bool:
        return True

    async def close(self) -> None:
        return None


class RemoteEngine:
    """An OpenFGA server, and the shipper that keeps it up to date."""

    def __init__(
        self,
        store: Store,
        relations: Relations,
        remote: "OpenFga",
        shipper: "Shipper",
        failed: Callable[[str], None],
    ) -> None:
        """Tell `failed` each time that there is no answer, and why."""
        from authz.openfga.graph import RemoteGraph  # noqa: PLC0415 - an optional extra

        self._remote = remote
        self._failed = failed
        self.shipper = shipper
        self.graph: Graph = RemoteGraph(
            store, relations, shipper.applied, remote, behind=shipper.wake.set, failed=failed
        )

    def beside(self, stop: asyncio.Event) -> tuple[Coroutine[None, None, None], ...]:
        from authz.openfga.shipper import run_shipper  # noqa: PLC0415 - an optional extra

        return (run_shipper(self.shipper, self._failed, stop),)

    async def answers(self) -> bool:
        from authz.openfga.failure import RemoteFailure  # noqa: PLC0415 - an optional extra

        try:
            await self._remote.probe()
            standing = await self.shipper.database.read(self.shipper.applied.standing)
        except (RemoteFailure, UnavailableError):
            return False
        return bool(standing.remote_model)

    async def close(self) -> None:
        await self._remote.close()


def open_engine(
    settings: Settings,
    store: Store,
    relations: Relations,
    clock: Clock,
    entropy: Entropy,
    failed: Callable[[str], None],
) -> Engine:
    """Make the engine of the settings, on the running loop; nothing is connected yet."""
    if settings.authz_engine == "embedded":
        return Embedded(store, relations)
    remote, shipper = open_shipper(settings, store, relations, clock, entropy)
    return RemoteEngine(store, relations, remote, shipper, failed)


def open_shipper(
    settings: Settings, store: Store, relations: Relations, clock: Clock, entropy: Entropy
) -> "tuple[OpenFga, Shipper]":
    """Make what sends changes to the OpenFGA server of the settings; close the first of the two.

    Raises `ValueError` and `OSError` for settings that name none.
    """
    from authz.openfga.client import OpenFga  # noqa: PLC0415 - an optional extra
    from authz.openfga.shipper import Shipper  # noqa: PLC0415

    remote = OpenFga(settings.openfga())
    applied = AppliedChanges(STORE_ID, remote.place.store)
    name = entropy.id("shipper")
    return remote, Shipper(store, relations, applied, remote, clock, name)
