"""DSL to model to DSL, and by way of JSON: nothing is lost."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import authz
from authz.errors import ModelError
from authz.model.compiled import Model
from authz.model.json_form import to_json
from authz.model.json_reader import from_json
from authz.model.parser import parse
from authz.model.printer import to_dsl

ROOT = Path(authz.__file__).parent

EVERYTHING = """model
  schema 1.1

type user

type group
  relations
    define member: [user, user:*, group#member]

type doc
  relations
    define parent: [doc]
    define owner: [user]
    define viewer: [user with c, user:* with c, group#member with d] or owner or viewer from parent
    define a: (viewer and owner) but not owner
    define b: viewer and (owner but not (viewer or a))
    define e: ([user] but not owner) or viewer

condition c(a: bool, b: list<string>, z: map<int>) {
  a && z["x"] == 1
}

condition d(t: timestamp) {
  t > timestamp("2026-01-01T00:00:00Z")
}
"""


def test_the_printer_writes_what_the_parser_reads():
    assert to_dsl(parse(EVERYTHING)) == EVERYTHING


def test_json_is_the_same_model():
    schema = parse(EVERYTHING)
    body = to_json(schema)
    assert from_json(body) == schema
    assert to_json(from_json(body)) == body
    assert body["type_definitions"][2]["relations"]["viewer"] == {
        "union": {
            "child": [
                {"this": {}},
                {"computedUserset": {"relation": "owner"}},
                {
                    "tupleToUserset": {
                        "computedUserset": {"relation": "viewer"},
                        "tupleset": {"relation": "parent"},
                    }
                },
            ]
        }
    }
    assert body["type_definitions"][0] == {"type": "user", "relations": {}, "metadata": None}
    assert body["conditions"]["c"]["parameters"]["z"] == {
        "type_name": "TYPE_NAME_MAP",
        "generic_types": [{"type_name": "TYPE_NAME_INT"}],
    }


def test_a_compiled_model_prints_itself():
    model = Model.from_dsl(EVERYTHING)
    assert model.to_dsl() == EVERYTHING
    assert Model.from_json(model.to_json()).to_dsl() == EVERYTHING


@pytest.mark.parametrize("path", ["mandate.fga", "../examples/documents/documents.fga"])
def test_the_models_of_the_repository_round_trip(path):
    schema = parse((ROOT / path).read_text(), header=False)
    assert parse(to_dsl(schema)) == schema
    assert from_json(to_json(schema)) == schema


def test_direct_types_are_printed_first():
    body = to_json(parse(EVERYTHING))
    children = body["type_definitions"][2]["relations"]["viewer"]["union"]["child"]
    children.append(children.pop(0))
    assert "define viewer: [user with c" in to_dsl(from_json(body))


def test_what_only_json_can_say_is_not_printed():
    relation = {
        "difference": {"base": {"computedUserset": {"relation": "a"}}, "subtract": {"this": {}}}
    }
    restrictions = {"relations": {"x": {"directly_related_user_types": [{"type": "t"}]}}}
    body = {
        "schema_version": "1.1",
        "type_definitions": [{"type": "t", "relations": {"x": relation}, "metadata": restrictions}],
    }
    with pytest.raises(ModelError, match="DSL"):
        to_dsl(from_json(body))


FRAGMENTS = [
    *"[](){}:,#*<> \n\t\"'\\",
    *(f"{word} " for word in ["model", "schema", "1.1", "type", "relations", "define", "condition", "with", "from", "or", "and", "user", "doc", "x", "int"]),
    "but not ",
    "\n    define x: ",
    "\ntype doc\n  relations",
    "condition c(x: int) {",
    "é",
    "\u2028",
    "\x00",
]  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join))
def test_any_text_is_a_model_or_a_model_error(text):
    for candidate in (text, "model\n  schema 1.1\n" + text):
        try:
            schema = parse(candidate)
        except ModelError as error:
            (problem,) = error.problems
            lines = candidate.split("\n")
            assert 0 <= problem.line <= len(lines)
            assert problem.column >= 0
        else:
            assert parse(to_dsl(schema)) == schema
