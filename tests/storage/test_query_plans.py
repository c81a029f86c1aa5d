"""Rows of the large tables are found by an index, also with a list of keys in one parameter."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.sql.elements import ClauseElement

from authz.tx import compile_statement
from server.storage import flow, tokens
from server.storage.migrate import upgrade
from tests.support.databases import PostgresDatabases

_BY_LIST = {
    "hold": tokens._TOKEN_LOCK,
    "revoke": tokens._KILL,
    "descendants": tokens._CHILDREN,
    "live tokens of delegations": tokens._TOKEN_COUNT,
}


@pytest.mark.parametrize("name", _BY_LIST)
def test_no_statement_with_a_list_of_keys_scans_the_tokens(name: str, tmp_path: Path):
    plan = _plan(_BY_LIST[name], tmp_path)

    assert any(step.startswith("SEARCH token USING") for step in plan), plan
    assert not any(step.startswith("SCAN token") for step in plan), plan


@pytest.mark.postgres
@pytest.mark.parametrize("name", _BY_LIST)
def test_postgresql_scans_no_tokens_either(name: str, postgres_databases: PostgresDatabases):
    url = postgres_databases.copy_of("tokens", _with_tokens)
    compiled = compile_statement(_BY_LIST[name], "postgresql")
    texts = dict.fromkeys(("jtis", "parents", "actors", "grant_ids", "one", "other"), '["tok_7"]')
    with psycopg.connect(url) as db:
        # Planned for the table as it is: a few tokens of very many.
        rows = db.execute(f"EXPLAIN {compiled.sql}".encode(), compiled.named({**texts, "now": 5}))
        plan = [str(row[0]) for row in rows]

    assert not any("Seq Scan on token" in step for step in plan), plan


def _with_tokens(url: str) -> None:
    upgrade(url)
    with psycopg.connect(url) as db:
        db.execute(
            "INSERT INTO token (jti, kind, client_id, sub, audience, scope, grant_id, parent_jti,"
            " actor_jti, issued_at, expires_at)"
            " SELECT 'tok_' || n, 'delegated', 'c', 'u', 'a', 's', 'g' || n % 5000,"
            " 'tok_' || n / 2, 'tok_' || n % 1000, n, n FROM generate_series(1, 30000) n"
        )
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("ANALYZE token")


@pytest.mark.parametrize("table", ["interaction", "pushed_request"])
def test_what_waits_is_counted_from_an_index_alone(table: str, tmp_path: Path):
    statement = {"interaction": flow._WAITING, "pushed_request": flow._PUSH_WAITING}[table]

    [step] = _plan(statement, tmp_path)

    assert step == f"SEARCH {table} USING COVERING INDEX ix_{table}_waiting (expires_at>?)"


def _plan(statement: ClauseElement, folder: Path) -> list[str]:
    file = folder / "plans.db"
    upgrade(f"sqlite:///{file}")
    compiled = compile_statement(statement, "sqlite")
    with closing(sqlite3.connect(file)) as db:
        rows = db.execute(f"EXPLAIN QUERY PLAN {compiled.sql}", ["[]"] * len(compiled.names))
        return [str(row[3]) for row in rows]
