"""The migrations make exactly the tables that the code speaks of, and can be undone."""

import pytest
import sqlalchemy as sa
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from server.storage.migrate import downgrade, missing, upgrade
from server.storage.tables import metadata
from tests.requirements import requirement
from tests.support.schema import read_sql, run_sql


def _engine(url: str) -> sa.Engine:
    return sa.create_engine(
        url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool
    )


@requirement("mandate:schema:behind")
def test_an_empty_database_lacks_every_branch_until_it_is_migrated(database_url: str) -> None:
    assert missing(database_url) == ["0009", "authz_0003"]
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


def test_who_was_added_by_an_administrator_is_known_from_the_trail(database_url: str) -> None:
    upgrade(database_url)
    downgrade(database_url, "0002")
    person = (
        "INSERT INTO user_account VALUES ('{0}', '{0}@x', '{0}@x', '{0}', NULL, '{1}', 'active', 0)"
    )
    event = "INSERT INTO audit (id, at, tag, outcome, reason, user_id, agents, detail, salt) VALUES ('{0}', 0, '{1}', 'done', {2}, '{0}', '[]', '{{}}', '')"
    run_sql(
        database_url,
        person.format("boss", "admin"),
        person.format("added", "user"),
        person.format("self", "user"),
        person.format("nobody", "user"),
        event.format("added", "user:changed", "'added'"),
        event.format("self", "user:signed_up", "NULL"),
    )
    upgrade(database_url)
    found = read_sql(database_url, "SELECT id FROM user_account WHERE vouched = 1 ORDER BY id")
    assert [row[0] for row in found] == ["added", "boss"]


def test_a_migration_that_is_interrupted_leaves_nothing_half_done(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade(database_url)
    downgrade(database_url, "0001")
    real = op.create_index

    def killed(name: str, *given: object, **named: object) -> None:
        if name == "ix_token_actor_jti":
            raise KeyboardInterrupt
        real(name, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(op, "create_index", killed)
    with pytest.raises(KeyboardInterrupt):
        upgrade(database_url)
    monkeypatch.undo()

    with _engine(database_url).connect() as connection:
        columns = {column["name"] for column in sa.inspect(connection).get_columns("token")}
    assert "mark" not in columns
    upgrade(database_url)
    assert missing(database_url) == []
