"""A world whose graph is asked at a real OpenFGA server."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from authz.engine.listing import Listing
from authz.engine.query import Query
from authz.errors import CheckError
from authz.graph import Graph
from authz.openfga.push import Pushed, push
from authz.openfga.shipper import Shipper
from server.domain.core import Core
from server.engine import RemoteEngine
from tests.support.clock import FrozenClock
from tests.support.world import World, world_at


def new_store(url: str, **headers: str) -> str:
    """Make a store at an OpenFGA server and return its id."""
    made = httpx2.post(f"{url}/stores", json={"name": "mandate"}, headers=headers, timeout=60)
    return str(made.json()["id"])


@asynccontextmanager
async def remote_world(
    database: str, clock: FrozenClock, url: str, store: str, **changes: Any
) -> AsyncIterator[World]:
    """Start a server that asks there; nothing is pushed yet, and nothing ships by itself."""
    settings = {"authz_engine": "openfga", "openfga_url": url, "openfga_store_id": store}
    patient = {"openfga_timeout_ms": 10_000, **settings, **changes}
    async with world_at(database, clock, **patient) as made:
        yield made


def shipper_of(w: World) -> Shipper:
    """Return what sends the changes of a world."""
    assert isinstance(w.server.engine, RemoteEngine)
    return w.server.engine.shipper


async def pushed(w: World, *, prune: bool = False) -> Pushed:
    """Push as the command does."""
    return await push(shipper_of(w), prune=prune, told=lambda _what, _count: None)


class Shipping:
    """A graph that sends what waits before each question, as a quick shipper would have."""

    def __init__(self, inner: Graph, shipper: Shipper) -> None:
        self._inner = inner
        self._shipper = shipper

    async def check_many(self, queries: Sequence[Query]) -> list[bool | CheckError]:
        await self._shipper.ship()
        return await self._inner.check_many(queries)

    async def list_objects(self, user: str, relation: str, type: str) -> Listing:
        await self._shipper.ship()
        return await self._inner.list_objects(user, relation, type)


def ships_by_itself(core: Core, graph: Graph, shipper: Shipper) -> None:
    """Have a core ask a graph that is always up to date."""
    object.__setattr__(core, "graph", Shipping(graph, shipper))
