"""Every statement of the engine searches an index on SQLite, without statistics."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.sql.elements import ClauseElement

import authz
from authz.stores import sql, sql_edges, sql_selections
from authz.tx import compile_statement
from tests.engine.conftest import create_tables

EDGES = {
    f"{direct}-{usersets}-{tuplesets}-{'many' if many else 'one'}": sql_edges.related(
        "sqlite", direct, usersets, tuplesets, many=many
    )
    for direct, usersets, tuplesets in [(1, 0, 0), (0, 1, 0), (0, 0, 1), (3, 2, 2)]
    for many in (False, True)
}
SELECTIONS = {
    "-".join(given): sql_selections.page(given, behind=behind)
    for given in [
        ("object_type",),
        ("object_type", "object_id"),
        ("user_type", "user_id"),
        ("object_type", "user_type", "user_id"),
    ]
    for behind in (False, True)
}
HOLDERS = {
    f"holders-{relations}-{'many' if many else 'one'}": sql_edges.holders(
        "sqlite", relations, many=many
    )
    for relations in (1, 3)
    for many in (False, True)
}
HELD_BEHIND = {
    f"{made.__name__}-{relations}-{'many' if many else 'one'}": made("sqlite", relations, many=many)
    for made in (sql_edges.held_behind, sql_edges.held_next)
    for relations in (1, 3)
    for many in (False, True)
}
STATEMENTS: dict[str, ClauseElement] = {
    **EDGES,
    **SELECTIONS,
    **HOLDERS,
    **HELD_BEHIND,
    "held": sql_edges.held("sqlite", 2, 4),
    "held-of-one-type": sql_edges.held("sqlite", 1, 1),
    "existing": sql._EXISTING["sqlite"],
    "delete": sql._DELETE,
    "changes": sql._CHANGES,
    "log-user": sql_selections.deletion(("user_type", "user_id"))[0],
    "delete-user": sql_selections.deletion(("user_type", "user_id"))[1],
    "log-object": sql_selections.deletion(("object_type", "object_id"))[0],
    "delete-object": sql_selections.deletion(("object_type", "object_id"))[1],
}


def plan(path: Path, statement: ClauseElement) -> list[str]:
    compiled = compile_statement(statement, "sqlite")
    params = ["[]"] * len(compiled.names)
    with closing(sqlite3.connect(path)) as connection:
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {compiled.sql}", params)]


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    made: Path = tmp_path_factory.mktemp("plans") / "authz.db"
    create_tables(f"sqlite:///{made}")
    return made


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_searches_by_type_and_store_at_least(path, name):
    steps = [step for step in plan(path, STATEMENTS[name]) if re.search(r"\bauthz_", step)]
    assert steps
    for step in steps:
        assert step.startswith("SEARCH"), step
        assert "store=?" in step, step
        if "authz_tuple" in step:
            assert re.search(r"\((object|user)_type=\? AND store=\?", step), step


@pytest.mark.parametrize("name", [n for n in EDGES if n != "0-0-0"])
def test_a_step_of_a_check_seeks_the_object_and_the_relation(path, name):
    for step in plan(path, EDGES[name]):
        if "authz_tuple" in step:
            assert "object_id=? AND relation=?" in step, step


@pytest.mark.parametrize("many", [False, True])
def test_usersets_are_found_without_reading_past_an_objects_many_users(path, many):
    (step,) = [
        s for s in plan(path, sql_edges.related("sqlite", 0, 1, 0, many=many)) if "SEARCH" in s
    ]
    assert "authz_tuple_usersets_covering" in step
    assert "user_relation>?" in step


@pytest.mark.parametrize("name", HOLDERS)
def test_a_page_of_holders_seeks_behind_its_cursor(path, name):
    steps = [step for step in plan(path, HOLDERS[name]) if "authz_tuple" in step]
    assert len(steps) == 2
    for step in steps:
        assert "PRIMARY KEY" in step, step
        assert "object_id=? AND relation=? AND user_type=? AND user_id>?" in step, step


@pytest.mark.parametrize("name", HELD_BEHIND)
def test_a_page_of_what_is_held_seeks_the_user(path, name):
    steps = [step for step in plan(path, HELD_BEHIND[name]) if "authz_tuple" in step]
    assert len(steps) == (1 if "next" in name else 2)
    for step in steps:
        assert "authz_tuple_by_user" in step, step
        assert "user_id=? AND user_relation=? AND relation=?" in step, step


def test_a_page_of_the_holders_of_one_relation_is_not_sorted(path):
    steps = plan(path, HOLDERS["holders-1-one"])
    assert not any("TEMP B-TREE" in step for step in steps), steps


@pytest.mark.parametrize("name", ["held", "held-of-one-type"])
def test_a_search_by_user_seeks_the_user(path, name):
    steps = plan(path, STATEMENTS[name])
    assert any("user_id=? AND user_relation=? AND relation=?" in step for step in steps), steps


def test_a_long_object_page_is_read_in_the_order_of_the_key(path):
    steps = plan(path, sql_selections.page(("object_type", "object_id"), behind=True))
    assert not any("TEMP B-TREE" in step for step in steps), steps


def test_nothing_ever_runs_analyze():
    # After ANALYZE, SQLite 3.40 plans a Bloom filter over the tuples: 80 to 140 times slower.
    source = Path(authz.__file__).parent
    for file in source.rglob("*.py"):
        text = re.sub(r'""".*?"""', "", file.read_text(), flags=re.DOTALL)
        assert not re.search(r"\bANALYZE\b|\boptimize\b", text), file
