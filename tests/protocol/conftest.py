"""A server and the usual parties, on both engines."""

from collections.abc import AsyncIterator

import pytest

from tests.flows.conftest import flow, flow_anywhere
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.stage import Stage, set_stage
from tests.support.world import World, world

__all__ = ["flow", "flow_anywhere", "stage", "w"]


@pytest.fixture
async def w(databases: Databases, clock: FrozenClock) -> AsyncIterator[World]:
    """Run a server on a fresh database."""
    async with world(databases, clock) as made:
        yield made


@pytest.fixture
async def stage(w: World) -> Stage:
    """Set Ada, agents A and B, and two resource servers on it."""
    return await set_stage(w)
