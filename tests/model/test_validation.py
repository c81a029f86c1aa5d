"""The semantic rules: what OpenFGA refuses when a model is written, refused with its place."""

import pytest

from authz.errors import ModelError
from authz.model.compiled import Model
from authz.model.parser import parse
from authz.model.validation import validate

HEADER = "model\n  schema 1.1\ntype user\n"


def problems(text: str) -> list[tuple[str, int]]:
    with pytest.raises(ModelError) as refused:
        Model.from_dsl(HEADER + text)
    assert refused.value.code == "invalid_authorization_model"
    assert refused.value.number == 2056
    return [(problem.kind, problem.line) for problem in refused.value.problems]


def doc(*relations: str, more: str = "") -> str:
    return (
        "\n".join(["type doc", "  relations", *(f"    define {r}" for r in relations)])
        + f"\n{more}"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type user\n", [("duplicated-error", 3)]),
        ("type self\n", [("reserved-type-keywords", 3)]),
        ("type this\n", [("reserved-type-keywords", 3)]),
        (doc("self: [user]"), [("reserved-relation-keywords", 5)]),
        (doc("x: [user]", "x: [user]"), [("duplicated-error", 6)]),
        (f"type {'a' * 255}\n", [("invalid-name", 3)]),
        (doc(f"{'a' * 51}: [user]"), [("invalid-name", 5)]),
        (doc("x: [robot]"), [("invalid-type", 5)]),
        (doc("x: [doc#y]"), [("invalid-relation-type", 5)]),
        (doc("x: [user] or y"), [("missing-definition", 5)]),
        (doc("x: y from z"), [("invalid-relation-type", 5)]),
        (doc("p: [user]", "x: [user] or y from p"), [("invalid-relation-on-tupleset", 6)]),
        (doc("p: [doc] or x", "x: [user] or x from p"), [("tupleuserset-not-direct", 6)]),
        (doc("p: [doc#x]", "x: [user] or x from p"), [("tupleuserset-not-direct", 6)]),
        (doc("p: [doc:*]", "x: [user] or x from p"), [("tupleuserset-not-direct", 6)]),
        (doc("x: [user, user]"), [("duplicated-error", 5)]),
        (doc("y: [user]", "x: y or y"), [("duplicated-error", 6)]),
        (doc("y: [user]", "x: y but not y"), [("duplicated-error", 6)]),
        (doc("x: x"), [("relation-no-entry-point", 5)]),
        (doc("x: y", "y: x"), [("relation-no-entry-point", 5), ("relation-no-entry-point", 6)]),
        (doc("x: [doc#x]"), [("relation-no-entry-point", 5)]),
        (doc("p: [doc]", "x: x from p"), [("relation-no-entry-point", 6)]),
        (doc("y: [user]", "z: [doc#z]", "x: y and z"), [("relation-no-entry-point", 6), ("relation-no-entry-point", 7)]),
        (doc("x: [user] or y", "y: x"), [("relation-cycle", 5)]),
        (doc("x: [user with c]"), [("condition-not-defined", 5)]),
        ("condition c(x: int) {\n  x < 1\n}\n", [("condition-not-used", 3)]),
    ],
)  # fmt: skip
def test_a_model_that_makes_no_sense_is_refused(text, expected):
    assert problems(text) == expected


@pytest.mark.parametrize(
    ("parameters", "expression"),
    [
        ("x: int", "x"),
        ("x: int", "x <"),
        ("x: int", "y < 1"),
        ("x: int", "x < 1.0"),
        ("x: int", 'x == "a"'),
        ("x: string", "x.nothing()"),
        ("x: ipaddress", 'x == "10.0.0.1"'),
        ("x: ipaddress", "x.in_cidr(5)"),
        ("x: ipaddress", "x.startsWith('10.')"),
        ("x: string", 'x.in_cidr("10.0.0.0/8")'),
        ("x: list<int>", 'x[0] == "a"'),
        ("x: bool", ""),
    ],
)
def test_a_condition_is_typed_when_the_model_is_written(parameters, expression):
    text = doc("x: [user with c]", more=f"condition c({parameters}) {{\n  {expression}\n}}\n")
    assert problems(text) == [("invalid-condition", 7 if expression else 8)]


def test_a_problem_of_cel_stands_where_it_is_in_the_text():
    text = HEADER + doc(
        "x: [user with c]", more="condition c(x: int) {  # why\n\n  x < 1 &&\n    x < 1.0\n}\n"
    )
    with pytest.raises(
        ModelError, match=r"line 10, column 7: .*not valid CEL: found no"
    ) as refused:
        Model.from_dsl(text)
    (problem,) = refused.value.problems
    assert "\n" not in problem.message


@pytest.mark.parametrize(
    "expression",
    [
        'x.in_cidr("10.0.0.0/8")',
        'x != null && x != ipaddress("192.0.2.1")',
        'x == ipaddress("2001:db8::1") || x.in_cidr("2001:db8::/32")',
    ],
)
def test_addresses_have_a_type_of_their_own(expression):
    Model.from_dsl(
        HEADER + doc("x: [user with c]", more=f"condition c(x: ipaddress) {{\n  {expression}\n}}\n")
    )


def test_entry_points_by_way_of_another_type_count():
    Model.from_dsl(
        HEADER
        + "type group\n  relations\n    define member: [user, group#member]\n"
        + doc(
            "p: [doc, group]", "member: [group#member]", "x: member from p", "y: x from p or member"
        )
    )


def test_every_problem_is_reported_with_its_column():
    with pytest.raises(ModelError) as refused:
        Model.from_dsl(HEADER + doc("x: [user, robot] or nothing", "y: [alien]"))
    assert [(p.line, p.column) for p in refused.value.problems] == [(5, 21), (5, 31), (6, 15)]


def test_the_json_form_may_hold_a_condition_that_nothing_uses():
    schema = parse(HEADER + "condition c(x: int) {\n  x < 1\n}\n")
    validate(schema, unused_conditions=True)
    Model(schema, unused_conditions=True)


def test_a_json_model_cannot_define_a_type_twice():
    type_def = {"type": "doc", "relations": {"x": {"this": {}}}, "metadata": {
        "relations": {"x": {"directly_related_user_types": [{"type": "doc"}]}}}}  # fmt: skip
    body = {"schema_version": "1.2", "type_definitions": [type_def, {"type": "doc"}]}
    with pytest.raises(ModelError, match="the type 'doc' is defined twice"):
        Model.from_json(body)
