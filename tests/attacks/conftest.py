"""The people's pages on each engine, and on SQLite where it makes no difference; a whole server."""

from collections.abc import AsyncIterator

import pytest

from tests.flows.conftest import flow, flow_anywhere, site, small_site, workers
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.enterprise_house import House, set_house
from tests.support.stage import Stage, set_stage
from tests.support.world import world

__all__ = ["flow", "flow_anywhere", "house", "site", "small_site", "stage", "workers"]


@pytest.fixture
async def stage(databases: Databases, clock: FrozenClock) -> AsyncIterator[Stage]:
    """Run a server with the usual parties."""
    async with world(databases, clock) as w:
        yield await set_stage(w)


@pytest.fixture
async def house(databases: Databases, clock: FrozenClock) -> AsyncIterator[House]:
    """Run a server with Ada, the enterprise that she works for and its assistant."""
    async with world(databases, clock) as w:
        yield await set_house(w)
