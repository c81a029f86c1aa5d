"""The parties of `tests/protocol` on a server whose graph is a real OpenFGA server."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.missing import missing
from tests.support.openfga import find_openfga, openfga_process
from tests.support.processes import ServerProcess
from tests.support.remote import new_store, pushed, remote_world, shipper_of, ships_by_itself
from tests.support.stage import Stage, set_stage
from tests.support.world import World, prepared


@pytest.fixture(scope="session")
def program() -> Path:
    """Return the OpenFGA server's program."""
    found = find_openfga()
    if found is None:
        missing("the OpenFGA server", ".ci/openfga builds it")
    return found


@pytest.fixture(scope="session")
def openfga(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for the session; each test has a store of its own."""
    with openfga_process(program, tmp_path_factory.mktemp("openfga")) as process:
        yield process


@pytest.fixture
async def behind(
    databases: Databases, clock: FrozenClock, openfga: ServerProcess
) -> AsyncIterator[World]:
    """Run a server that was pushed once and sends changes only when a test says so."""
    url = databases.copy_of("prepared", prepared)
    async with remote_world(url, clock, openfga.url, new_store(openfga.url)) as made:
        await pushed(made)
        yield made


@pytest.fixture
def w(behind: World) -> World:
    """Have changes sent before each question."""
    ships_by_itself(behind.core, behind.core.graph, shipper_of(behind))
    return behind


@pytest.fixture
async def stage(w: World) -> Stage:
    """Set Ada, agents A and B, and two resource servers on it."""
    return await set_stage(w)
