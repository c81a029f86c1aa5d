"""A site and a flow on each engine, and on SQLite where the engine makes no difference."""

from collections.abc import AsyncIterator

import pytest

from tests.support.flow_site import Flow, open_flow
from tests.support.people_site import Site, open_site


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
