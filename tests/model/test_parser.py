"""The DSL: what is read, and where a mistake is reported (lines and columns from 0)."""

import pytest

from authz.errors import ModelError
from authz.model.parser import parse
from authz.model.schema import (
    Computed,
    Direct,
    Exclusion,
    Intersection,
    ParameterType,
    Restriction,
    TupleToUserset,
    Union,
)

HEADER = "model\n  schema 1.1\n"


def rewrite_of(text: str):
    schema = parse(f"{HEADER}type user\ntype doc\n  relations\n    define x: {text}\n")
    return schema.types[1].relations[0]


def test_a_model_is_types_relations_and_conditions():
    schema = parse(
        """# a comment before everything
model
  schema 1.1

type user
# a comment between types
type doc  # and one behind
  relations
    # about the next line
    define viewer: [user, user:*, group#member with c]  # trailing

    define can_view: viewer or editor

type group
  relations
    define member: [user]
condition c(x: int, tags: list<string>, m: map<ipaddress>) {
  x < 10 // a CEL comment
}
"""
    )
    assert [type_def.name for type_def in schema.types] == ["user", "doc", "group"]
    viewer = schema.types[1].relations[0]
    assert viewer.restrictions == (
        Restriction("user"),
        Restriction("user", wildcard=True),
        Restriction("group", "member", condition="c"),
    )
    assert viewer.at == (9, 11)
    (condition,) = schema.conditions
    assert condition.expression == "x < 10"
    assert condition.parameters == {
        "x": ParameterType("int"),
        "tags": ParameterType("list", "string"),
        "m": ParameterType("map", "ipaddress"),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[user]", Direct()),
        ("a", Computed("a")),
        ("a from b", TupleToUserset("a", "b")),
        ("[user] or a or b from c", Union((Direct(), Computed("a"), TupleToUserset("b", "c")))),
        ("[user] and a", Intersection((Direct(), Computed("a")))),
        ("[user] but not a", Exclusion(Direct(), Computed("a"))),
        ("(a or b) and c", Intersection((Union((Computed("a"), Computed("b"))), Computed("c")))),
        ("([user] or a) but not (b and c)", Exclusion(Union((Direct(), Computed("a"))), Intersection((Computed("b"), Computed("c"))))),
        ("((a))", Computed("a")),
        ("a.b/c-d or _x", Union((Computed("a.b/c-d"), Computed("_x")))),
        ("type or model", Union((Computed("type"), Computed("model")))),
        ("but_not but not butter", Exclusion(Computed("but_not"), Computed("butter"))),
    ],
)  # fmt: skip
def test_rewrites(text, expected):
    assert rewrite_of(text).rewrite == expected


def test_direct_types_may_run_over_lines():
    relation = rewrite_of("[\n  user,\n  doc#x\n]")
    assert relation.restrictions == (Restriction("user"), Restriction("doc", "x"))


def test_line_ends_of_every_system_are_line_ends():
    text = f"{HEADER}type user\ntype doc\n  relations\n    define x: [user]\n"
    assert parse(text.replace("\n", "\r\n")) == parse(text) == parse(text.replace("\n", "\r"))


@pytest.mark.parametrize(
    "expression",
    [
        'x == "}"',
        "x == '}' && \"{\" != x",
        '{"a": x}["a"] == "b"',
        'x == """}\n"}"""',
        'r"\\}" == x',
        'x != "a # b"',
        "x ==\n    'a'\n  ||\n  true",
    ],
)
def test_a_condition_ends_at_its_own_brace(expression):
    schema = parse(f"{HEADER}type user\ncondition c(x: string) {{\n  {expression}\n}}\n")
    assert schema.conditions[0].expression == expression


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("", 0, 0),
        ("type user", 0, 0),
        ("model\ntype user", 1, 0),
        ("model\n  schema 11", 1, 9),
        ("model\n  schema 1.0", 1, 9),
        ("model\n  schema1.1", 1, 2),
        (f"{HEADER}type", 2, 4),
        (f"{HEADER}type user type doc", 2, 10),
        (f"{HEADER}type doc\n  define x: [user]", 3, 2),
        (f"{HEADER}type doc\n  relations", 3, 11),
        (f"{HEADER}type doc\n  relations\n    define x [user]", 4, 13),
        (f"{HEADER}type doc\n  relations\n    define x: []", 4, 15),
        (f"{HEADER}type doc\n  relations\n    define x: [user", 4, 19),
        (f"{HEADER}type doc\n  relations\n    define x: [user:a]", 4, 20),
        (f"{HEADER}type doc\n  relations\n    define x: [user:*#a]", 4, 21),
        (f"{HEADER}type doc\n  relations\n    define x: a or [user]", 4, 19),
        (f"{HEADER}type doc\n  relations\n    define x: a or b and c", 4, 21),
        (f"{HEADER}type doc\n  relations\n    define x: a but not b but not c", 4, 26),
        (f"{HEADER}type doc\n  relations\n    define x: (a or b", 4, 21),
        (f"{HEADER}type doc\n  relations\n    define x: a from", 4, 20),
        (f"{HEADER}type doc\n  relations\n    define x: a or", 4, 18),
        (f"{HEADER}type doc\n  relations\n    define x: a; b", 4, 15),
        (f"{HEADER}type doc\n  relations\n    define from: a", 4, 11),
        (f"{HEADER}type ключ", 2, 5),
        (f"{HEADER}type 1a", 2, 5),
        (f"{HEADER}condition c() {{ true }}", 2, 12),
        (f"{HEADER}condition c(x: date) {{ true }}", 2, 15),
        (f"{HEADER}condition c(x: list) {{ true }}", 2, 19),
        (f"{HEADER}condition c(x: list<list>) {{ true }}", 2, 20),
        (f"{HEADER}condition c(x: int, x: int) {{ true }}", 2, 20),
        (f"{HEADER}condition c(x: int) {{ true", 2, 20),
        (f"{HEADER}condition c(x: int) {{ 'a }}", 2, 22),
        (f"{HEADER}condition c(x: int) {{ true }}\ntype user", 3, 0),
    ],
)
def test_a_mistake_is_reported_where_it_is(text, line, column):
    with pytest.raises(ModelError) as refused:
        parse(text)
    (problem,) = refused.value.problems
    assert (problem.line, problem.column) == (line, column), str(problem)
    assert f"line {line + 1}, column {column + 1}" in str(problem)


def test_deep_parentheses_and_large_texts_are_refused():
    with pytest.raises(ModelError, match="nested too deeply"):
        rewrite_of("(" * 5000 + "a" + ")" * 5000)
    with pytest.raises(ModelError, match="larger"):
        parse(HEADER + "# " + "a" * 300_000)
    with pytest.raises(ModelError, match="100 types"):
        parse(HEADER + "".join(f"type t{n}\n" for n in range(101)))


def test_a_part_of_a_model_may_leave_the_header_out():
    assert parse("type user\n", header=False) == parse(HEADER + "type user\n")
    assert parse("module docs\n\ntype user\n", header=False) == parse(HEADER + "type user\n")
