"""The Alembic branch `authz` makes exactly the tables that the code speaks of."""

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations

from authz.stores.migrations.versions import authz_0001_initial as initial
from authz.stores.migrations.versions import authz_0002_named_stores as named_stores
from authz.stores.migrations.versions import authz_0003_remote as remote
from authz.stores.tables import metadata


def test_the_migration_and_the_tables_are_the_same(database_url):
    engine = sa.create_engine(
        database_url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool
    )
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        with Operations.context(context):
            initial.upgrade()
            named_stores.upgrade()
            remote.upgrade()
            # Indexes of the other database are in the metadata as well; those of this one must be there.
            differences = compare_metadata(context, metadata)
            other = "authz_tuple_usersets" + (
                "_covering" if connection.dialect.name == "postgresql" else ""
            )
            assert [d for d in differences if getattr(d[1], "name", "") != other] == []
            remote.downgrade()
            named_stores.downgrade()
            initial.downgrade()
        assert sa.inspect(connection).get_table_names() == []


def test_the_branch_stands_on_its_own():
    assert initial.down_revision is None
    assert initial.branch_labels == ("authz",)
    assert named_stores.down_revision == initial.revision
    assert remote.down_revision == named_stores.revision
