"""What a person's applications have is found by an index, on tables that everybody's rows fill."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from authz.tx import compile_statement
from server.storage import applications
from server.storage.migrate import upgrade

_STATEMENTS = {
    "remembered": (applications._REMEMBERED, "user_consent"),
    "sign-ins": (applications._SIGN_INS, "refresh_family"),
    "codes": (applications._CANCEL_CODES, "authorization_code"),
    "families": (applications._END_FAMILIES, "refresh_family"),
    "tokens": (applications._TOKENS, "token"),
    "removed": (applications._REMOVED, "audit"),
}


@pytest.mark.parametrize("name", _STATEMENTS)
def test_an_index_leads_from_the_person_to_the_rows(name: str, tmp_path: Path):
    statement, table = _STATEMENTS[name]
    file = tmp_path / "plans.db"
    upgrade(f"sqlite:///{file}")
    compiled = compile_statement(statement, "sqlite")
    values = compiled.placed(dict.fromkeys(compiled.names, "x") | dict(compiled.literals))
    with closing(sqlite3.connect(file)) as db:
        rows = db.execute(f"EXPLAIN QUERY PLAN {compiled.sql}", values)
        plan = [str(row[3]) for row in rows]
    assert any(step.startswith(f"SEARCH {table} USING") for step in plan), plan
    assert not any(step.startswith("SCAN") and "SUBQUERY" not in step for step in plan), plan
    # A client that everybody uses has as many rows as there are people.
    assert not any("client_id=?" in step and "user_id=?" not in step for step in plan), plan
