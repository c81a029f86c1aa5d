"""A database with empty tables, of one engine and then of the other, and stores on it."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from server.storage.store import OpenStore, open_store
from tests.support.databases import Databases
from tests.support.schema import create_tables

OpenAnother = Callable[..., OpenStore]


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.copy_of("tables", create_tables)


@pytest.fixture
async def another(url: str) -> AsyncIterator[OpenAnother]:
    """Open one more store on the same database, as another worker would."""
    opened: list[OpenStore] = []

    def open_another(**options: int) -> OpenStore:
        opened.append(open_store(url, **options))
        return opened[-1]

    yield open_another
    await asyncio.gather(*(store.close() for store in opened))


@pytest.fixture
def store(another: OpenAnother) -> OpenStore:
    return another()
