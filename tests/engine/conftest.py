"""A transaction on either database with the engine's tables, and the stores under contract."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
import sqlalchemy as sa

from authz.stores.memory import MemoryTuples
from authz.stores.protocol import TupleStore
from authz.stores.sql import SqlTuples
from authz.stores.tables import metadata
from authz.tx import Tx
from server.storage.postgres import PostgresTx
from server.storage.sqlite_file import SqliteTx, connect
from tests.conftest import POSTGRESQL
from tests.support.databases import Databases, PostgresDatabases, sqlite_path


def create_tables(address: str) -> None:
    """Make the engine's tables and close the database again."""
    engine = sa.create_engine(
        address.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool
    )
    with engine.begin() as connection:
        metadata.create_all(connection)


def transaction(databases: Databases) -> Iterator[Tx]:
    """Begin on a fresh database with the engine's tables; undone at the end."""
    address = databases.copy_of("authz", create_tables)
    if databases.dialect == "sqlite":
        with closing(connect(str(sqlite_path(address)), busy_ms=5000)) as connection:
            connection.execute("BEGIN")
            yield SqliteTx(connection)
            connection.execute("ROLLBACK")
        return
    with psycopg.connect(address) as server, server.cursor() as cursor:
        yield PostgresTx(cursor)
        server.rollback()


@pytest.fixture
def tx(databases: Databases) -> Iterator[Tx]:
    """A transaction on each kind of database."""
    yield from transaction(databases)


Stores = tuple[TupleStore, TupleStore]


@pytest.fixture(params=["memory", "sqlite", POSTGRESQL])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    """Two empty stores of each kind, side by side in one database where there is one."""
    if request.param == "memory":
        yield MemoryTuples(), MemoryTuples()
        return
    kind = "postgres" if request.param == "postgresql" else "sqlite"
    databases: Databases = request.getfixturevalue(f"{kind}_databases")
    for tx in transaction(databases):
        yield SqlTuples(tx, "one"), SqlTuples(tx, "two")
    if isinstance(databases, PostgresDatabases):
        databases.drop_all()


@pytest.fixture
def store(stores: Stores) -> TupleStore:
    """One empty store of each kind."""
    return stores[0]
