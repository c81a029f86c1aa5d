"""A site on each engine, and one on SQLite where the engine makes no difference."""

from collections.abc import AsyncIterator

import pytest

from tests.support.people_site import Site, open_site


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    opened = await open_site(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def small_site(sqlite_url: str) -> AsyncIterator[Site]:
    opened = await open_site(sqlite_url)
    yield opened
    await opened.close()
