"""One real OpenFGA server for the session, and our stores beside it."""

import itertools
from collections.abc import Callable, Iterator

import pytest

from authz.stores.memory import MemoryTuples
from authz.stores.protocol import TupleStore
from authz.stores.sql import SqlTuples
from tests.conftest import POSTGRESQL
from tests.engine.conftest import transaction
from tests.openfga.theirs import TheirServer
from tests.support.databases import Databases, PostgresDatabases
from tests.support.missing import missing
from tests.support.openfga import find_openfga, openfga_process


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TheirServer]:
    """Start the server, and end it."""
    program = find_openfga()
    if program is None:
        missing("the OpenFGA server", ".ci/openfga builds it")
    with openfga_process(program, tmp_path_factory.mktemp("openfga")) as process:
        server = TheirServer(process.url)
        yield server
        server.close()


@pytest.fixture(params=["memory", "sqlite", POSTGRESQL])
def new_store(request: pytest.FixtureRequest) -> Iterator[Callable[[], TupleStore]]:
    """Return what makes an empty store of ours, of each kind."""
    if request.param == "memory":
        yield MemoryTuples
        return
    kind = "postgres" if request.param == "postgresql" else "sqlite"
    databases: Databases = request.getfixturevalue(f"{kind}_databases")
    for tx in transaction(databases):
        names = (f"store{number}" for number in itertools.count())
        yield lambda: SqlTuples(tx, next(names))  # noqa: B023 - one turn
    if isinstance(databases, PostgresDatabases):
        databases.drop_all()
