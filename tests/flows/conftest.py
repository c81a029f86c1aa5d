"""A site and a flow on each engine, and on SQLite where it makes no difference; two workers."""

from collections.abc import AsyncIterator

import pytest

from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.flow_site import Flow, open_flow
from tests.support.people_site import Site, open_site
from tests.support.world import World, prepared, world_at


@pytest.fixture
async def site(tables_url: str) -> AsyncIterator[Site]:
    opened = await open_site(tables_url)
    yield opened
    await opened.close()


@pytest.fixture
async def small_site(small_url: str) -> AsyncIterator[Site]:
    opened = await open_site(small_url)
    yield opened
    await opened.close()


@pytest.fixture
async def flow(small_url: str) -> AsyncIterator[Flow]:
    opened = await open_flow(small_url)
    yield opened
    await opened.close()


@pytest.fixture
async def flow_anywhere(tables_url: str) -> AsyncIterator[Flow]:
    opened = await open_flow(tables_url)
    yield opened
    await opened.close()


@pytest.fixture
async def workers(databases: Databases, clock: FrozenClock) -> AsyncIterator[tuple[World, World]]:
    """Start two servers on one database."""
    url = databases.copy_of("prepared", prepared)
    async with world_at(url, clock) as one, world_at(url, clock) as two:
        yield one, two
