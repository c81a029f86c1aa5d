"""The migrations make exactly the tables that the code speaks of, and can be undone."""

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from server.storage.migrate import downgrade, missing, upgrade
from server.storage.tables import metadata
from tests.requirements import requirement


def _engine(url: str) -> sa.Engine:
    return sa.create_engine(
        url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool
    )


@requirement("mandate:schema:behind")
def test_an_empty_database_lacks_every_branch_until_it_is_migrated(database_url: str) -> None:
    assert missing(database_url) == ["0002", "authz_0001"]
    upgrade(database_url)
    assert missing(database_url) == []
    # Twice is no harm.
    upgrade(database_url)
    assert missing(database_url) == []


def test_the_migrations_and_the_tables_are_the_same(database_url: str) -> None:
    upgrade(database_url)
    with _engine(database_url).connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: (
                    not (kind == "table" and str(name).startswith("authz_"))
                ),
            },
        )
        assert compare_metadata(context, metadata) == []


def test_a_migration_can_be_undone(database_url: str) -> None:
    upgrade(database_url)
    downgrade(database_url, "server@base")
    with _engine(database_url).connect() as connection:
        left = set(sa.inspect(connection).get_table_names())
    assert not left & set(metadata.tables)
    upgrade(database_url)
    assert missing(database_url) == []
