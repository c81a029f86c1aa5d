"""Fixtures for every suite: clock, entropy, databases of both engines, browser, Node."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser

from tests.support.chromium import CHROMIUM, chromium
from tests.support.clock import FrozenClock
from tests.support.databases import Databases, PostgresDatabases, SqliteDatabases
from tests.support.entropy import SequenceEntropy
from tests.support.missing import missing
from tests.support.node import OLDEST, find_node, find_packages
from tests.support.postgres import PostgresCluster, find_binaries
from tests.support.schema import create_tables

# A slow machine is no finding: examples are bounded in number, not in time.
_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("default", _patient, max_examples=60, derandomize=True)
settings.register_profile(
    "nightly", _patient, max_examples=int(os.environ.get("MANDATE_FUZZ", "20000"))
)
settings.load_profile("default")

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.postgres)
BOTH_ENGINES = ["sqlite", POSTGRESQL]


@pytest.fixture
def clock() -> FrozenClock:
    """Stand still at the beginning of 2026."""
    return FrozenClock()


@pytest.fixture
def entropy() -> SequenceEntropy:
    """Give the same identifiers in every run."""
    return SequenceEntropy()


def _run_cluster(*, durable: bool) -> Iterator[PostgresCluster]:
    binaries = find_binaries()
    if binaries is None:
        missing("PostgreSQL", "Debian: apt-get install postgresql")
    cluster = PostgresCluster(binaries, durable=durable)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PostgresCluster]:
    """One cluster a session, fast: it may lose data if the machine loses power."""
    yield from _run_cluster(durable=False)


@pytest.fixture(scope="session")
def durable_postgres_cluster() -> Iterator[PostgresCluster]:
    """One cluster a session that has what it acknowledged on disk."""
    yield from _run_cluster(durable=True)


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    """Keep the SQLite templates of the session."""
    return SqliteDatabases(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_databases(postgres_cluster: PostgresCluster) -> PostgresDatabases:
    """Keep the PostgreSQL templates of the session."""
    return PostgresDatabases(postgres_cluster)


@pytest.fixture(params=BOTH_ENGINES)
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Databases of one engine, then of the other; PostgreSQL starts only if it is asked for."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_databases")
        return
    given: PostgresDatabases = request.getfixturevalue("postgres_databases")
    yield given
    given.drop_all()


@pytest.fixture
def database_url(databases: Databases) -> str:
    """Address a new, empty database, as MANDATE_DATABASE_URL takes it."""
    return databases.empty()


@pytest.fixture
def tables_url(databases: Databases) -> str:
    """Address a new database with empty tables."""
    return databases.copy_of("tables", create_tables)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One headless Chromium a module; a test takes `browser.new_context()` for its own cookies.

    While it runs, its event loop is the thread's: a module with browser tests has no async ones.
    """
    if not CHROMIUM.exists():
        missing("Chromium", "Debian: apt-get install chromium")
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def node() -> Path:
    """Return Node, new enough for the clients of the npm registry."""
    found = find_node()
    if found is None:
        missing(f"Node {OLDEST}", "make node")
    return found


@pytest.fixture(scope="session")
def node_packages(node: Path) -> Path:
    """Return the folder whose `node_modules` holds the clients of tests/node/package.json."""
    found = find_packages()
    if found is None:
        missing("npm packages", "make node")
    return found


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Address a new, empty SQLite database, for tests to which the engine makes no difference."""
    return f"sqlite:///{tmp_path / 'mandate.db'}"


@pytest.fixture
def small_url(sqlite_databases: SqliteDatabases) -> str:
    """Address a new SQLite database with empty tables."""
    return sqlite_databases.copy_of("tables", create_tables)
