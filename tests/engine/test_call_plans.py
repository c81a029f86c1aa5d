"""Every statement behind the API's calls searches an index on SQLite, whatever else is stored."""

import re
from pathlib import Path

import pytest

from authz.stores import assertions, changelog, models, named, whole
from tests.engine.conftest import create_tables
from tests.engine.test_query_plans import plan

STATEMENTS = {
    "get a store": named._GET,
    "a page of stores": named._BEHIND,
    "a page of stores of one name": named._BEHIND_NAMED,
    "delete a store": named._DELETE,
    "where a store stands": named._STANDING,
    "a page of changes": changelog._BEHIND,
    "a page of changes of a type": changelog._BEHIND_OF_TYPE,
    "the newest models": models._NEWEST,
    "older models": models._BEFORE,
    "a model": models._BODY,
    "assertions": assertions._GET,
    "replace assertions": assertions._DELETE,
    "types of a store": whole._TYPES,
}


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    made: Path = tmp_path_factory.mktemp("call-plans") / "authz.db"
    create_tables(f"sqlite:///{made}")
    return made


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_searches_and_does_not_sort(path, name):
    steps = plan(path, STATEMENTS[name])
    assert [step for step in steps if "TEMP B-TREE" in step] == []
    for step in steps:
        if re.search(r"\bauthz_", step):
            assert step.startswith("SEARCH"), steps


@pytest.mark.parametrize("name", ["a page of changes", "a page of changes of a type"])
def test_a_page_of_changes_begins_where_the_one_before_ended(path, name):
    (step,) = plan(path, STATEMENTS[name])
    assert "store=? AND (revision,position)>" in step
