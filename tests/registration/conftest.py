"""An origin that publishes metadata documents, and a server that may fetch them."""

from collections.abc import AsyncIterator

import pytest

from tests.outbound.fixtures import authority
from tests.outbound.origin import Authority
from tests.registration.publisher import Publisher, publish
from tests.support.clock import FrozenClock
from tests.support.databases import Databases, SqliteDatabases
from tests.support.stage import Stage, set_stage
from tests.support.world import World, world

__all__ = ["authority"]


@pytest.fixture
async def publisher(authority: Authority) -> AsyncIterator[Publisher]:
    """Publish documents on loopback, over https."""
    async with publish(authority) as made:
        yield made


@pytest.fixture
async def w(databases: Databases, clock: FrozenClock, authority: Authority) -> AsyncIterator[World]:
    """Run a server that lets every host's clients in."""
    async with world(
        databases, clock, outbound_ca_file=authority.ca_file, client_documents="allow"
    ) as made:
        yield made


@pytest.fixture
async def small(
    sqlite_databases: SqliteDatabases, clock: FrozenClock, authority: Authority
) -> AsyncIterator[World]:
    """Run the same on SQLite alone, where the engine makes no difference."""
    async with world(
        sqlite_databases, clock, outbound_ca_file=authority.ca_file, client_documents="allow"
    ) as made:
        yield made


@pytest.fixture
async def stage(w: World) -> Stage:
    """Set Ada, agents A and B, and two resource servers on it."""
    return await set_stage(w)
