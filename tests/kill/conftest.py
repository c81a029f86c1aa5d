"""Databases that have on disk what they acknowledged."""

from collections.abc import Iterator

import pytest

from tests.support.databases import Databases, PostgresDatabases


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def durable(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Each kind of database, not in the fast mode of other tests."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_databases")
        return
    given = PostgresDatabases(request.getfixturevalue("durable_postgres_cluster"))
    yield given
    given.drop_all()
