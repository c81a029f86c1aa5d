"""A site on each engine, and one on SQLite where the engine makes no difference."""

from collections.abc import AsyncIterator

import pytest

from tests.support.databases import Databases, SqliteDatabases
from tests.support.people_site import Site, create_tables, open_site


@pytest.fixture
async def site(databases: Databases) -> AsyncIterator[Site]:
    opened = await open_site(databases.copy_of("people", create_tables), create=False)
    yield opened
    await opened.close()


@pytest.fixture
async def small_site(sqlite_databases: SqliteDatabases) -> AsyncIterator[Site]:
    url = sqlite_databases.copy_of("people", create_tables)
    opened = await open_site(url, create=False)
    yield opened
    await opened.close()
