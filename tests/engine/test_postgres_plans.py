"""A check on PostgreSQL seeks its tuples by their whole key, also before there are statistics."""

import psycopg
import pytest

from authz.stores import sql_edges
from authz.tx import compile_statement
from tests.engine.conftest import create_tables
from tests.support.databases import PostgresDatabases

pytestmark = pytest.mark.postgres

PARAMS = {
    "store": "main",
    "type": "doc",
    "id": "1",
    "user_type": "user",
    "user_id": "a",
    "user_or_all": "*",
    "user_relation": "",
    "d0": "viewer",
    "most": 100,
}


@pytest.mark.parametrize("tuples", [0, 2_000])
def test_the_user_of_a_check_is_sought_and_not_filtered_out(
    postgres_databases: PostgresDatabases, tuples: int
):
    url = postgres_databases.empty()
    create_tables(url)
    statement = compile_statement(
        sql_edges.related("postgresql", 1, 0, 0, many=False), "postgresql"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE authz_tuple SET (autovacuum_enabled = off)")
        connection.execute(
            "INSERT INTO authz_tuple (store, object_type, object_id, relation, user_type, user_id,"
            " user_relation, condition, context, inserted_at)"
            " SELECT 'main', 'doc', n::text, 'viewer', 'user', n::text, '', '', '', 0"
            f" FROM generate_series(1, {tuples}) n"
        )
        plan = connection.execute(f"EXPLAIN {statement.sql}".encode(), PARAMS).fetchall()
    scans = [str(line) for (line,) in plan if "Cond:" in line]
    assert len(scans) == 2, plan
    for scan in scans:
        assert all(f"({name} = " in scan for name in ("object_id", "user_id", "relation")), plan
    assert not any("Filter:" in line or "Seq Scan" in line for (line,) in plan), plan
    postgres_databases.drop_all()
