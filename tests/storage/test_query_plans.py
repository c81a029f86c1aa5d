"""SQLite finds rows of the large tables by an index, also with a list of keys in one parameter."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.sql.elements import ClauseElement

from authz.tx import compile_statement
from server.storage import tokens
from server.storage.migrate import upgrade

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


def _plan(statement: ClauseElement, folder: Path) -> list[str]:
    file = folder / "plans.db"
    upgrade(f"sqlite:///{file}")
    compiled = compile_statement(statement, "sqlite")
    with closing(sqlite3.connect(file)) as db:
        rows = db.execute(f"EXPLAIN QUERY PLAN {compiled.sql}", ["[]"] * len(compiled.names))
        return [str(row[3]) for row in rows]
