"""The model language against OpenFGA's own tool: the same JSON, the same text, the same faults."""

import re
from collections.abc import Iterable
from typing import Any

import pytest

from authz.engine.limits import MAX_NESTING, MAX_TYPES
from authz.errors import ModelError, Problem
from authz.model.compiled import Model
from authz.model.json_form import to_json
from authz.model.json_reader import from_json
from authz.model.parser import parse
from authz.model.printer import to_dsl
from tests.model.collected import models
from tests.model.generated import Writer, damaged
from tests.model.oracle import Oracle
from tests.model.refused import HEADER, REFUSED

pytestmark = pytest.mark.node

GENERATED = 1_000
SERVER_ALONE = {"relation-cycle", "invalid-condition"}
"""Faults that OpenFGA's server finds when a model is written to it, and its DSL tool does not."""

CONDITION = "condition c({}) {{\n  {}\n}}\n"
_TWICE = "the type restriction"
TWICE = "type doc\n  relations\n    define x: [user, user]\n"
CONDITIONAL = f"{HEADER}type doc\n  relations\n    define x: [user with c]\n"

# What only one of the two refuses, and why.
WE_TAKE: dict[str, tuple[str, str]] = {
    "a map in a condition": (
        CONDITIONAL + CONDITION.format("x: string", '{"a": x}["a"] == "b"'),
        "Their grammar ends a condition at its first closing brace."),
    "a brace in parentheses": (
        CONDITIONAL + CONDITION.format("x: string", '(x in {"a": 1})'),
        "The same."),
    "a number sign in a string": (
        CONDITIONAL + CONDITION.format("x: string", 'x != "a # b"'),
        "They drop ` #` and what follows before they read strings."),
}  # fmt: skip
WE_REFUSE: dict[str, tuple[str, str]] = {
    "a relation that names itself": (
        f"{HEADER}type doc\n  relations\n    define x: [user] or x\n",
        "Their server refuses it when the model is written."),
    "a circle of computed relations": (
        f"{HEADER}type doc\n  relations\n    define x: [user] or y\n    define y: [user] or x\n",
        "Their server refuses it when the model is written."),
    "an expression of another type": (
        CONDITIONAL + CONDITION.format("x: int", "x"),
        "Their server compiles CEL when the model is written; so do we, and the command says it."),
    "an empty expression": (CONDITIONAL + CONDITION.format("x: int", ""), "The same."),
    "a name cut by two slashes": (
        f"{HEADER}type a//b\n",
        "Their lexer takes what follows for a comment of CEL; a type `a` was not meant."),
    "many types": (
        HEADER + "".join(f"type t{n}\n" for n in range(MAX_TYPES)),
        "The limit of their server."),
    "deep parentheses": (
        f"{HEADER}type doc\n  relations\n    define y: [user]\n    define x: "
        + "(" * (MAX_NESTING + 1) + "y" + ")" * (MAX_NESTING + 1) + "\n",
        "Ours are bounded, so that a hostile text cannot use up the stack."),
}  # fmt: skip
OTHER_LINE: dict[str, tuple[str, int, int, str]] = {
    "a type twice": (
        f"{HEADER}type doc\ntype user\n", 4, 2,
        "They look the name up in the text and find the first one; ours is the one to remove."),
    "a condition without an end": (
        f"{CONDITIONAL}condition c(x: int) {{\n  x < 1\n\n\n", 6, 10,
        "Theirs is the end of the text; ours is the brace that nothing closes."),
    "a fault in the second line of direct types": (
        f"{HEADER}type doc\n  relations\n    define x: [user,\n      robot]\n", 6, 5,
        "Theirs is the line of `define`; ours is where the type stands."),
    "a restriction twice where two types have the relation": (
        f"{HEADER}type a\n  relations\n    define x: [user]\n{TWICE}", 8, 5,
        "They look for the relation from the restricted type on."),
    "a name with a dot": (
        f"{HEADER}type doc\n  relations\n    define a/b: [user]\n    define a.b: [robot]\n", 6, 5,
        "They take the name for a regular expression, in which a dot is any character."),
}  # fmt: skip


def _faults(text: str) -> tuple[Problem, ...]:
    try:
        Model.from_dsl(text)
    except ModelError as error:
        return error.problems
    return ()


def _of_the_tool(faults: tuple[Problem, ...]) -> tuple[Problem, ...]:
    return tuple(fault for fault in faults if fault.kind not in SERVER_ALONE)


def _same_model(name: str, text: str, answer: dict[str, Any]) -> None:
    schema = parse(text)
    body = to_json(schema)
    assert body == answer["json"], name
    assert to_dsl(schema) == answer["dsl"], name
    assert from_json(answer["json"]) == schema, name
    assert to_dsl(from_json(answer["json"])) == answer["dsl"], name
    assert parse(answer["dsl"]).types == schema.types, name


def test_each_model_of_the_repository_is_the_same_to_both(oracle: Oracle):
    found = models()
    assert len(found) >= 20
    assert any(name.startswith("authz/mandate.fga") for name in found)
    for (name, text), answer in zip(
        found.items(), oracle([{"dsl": text} for text in found.values()]), strict=True
    ):
        refused = {fault["kind"] for fault in answer["errors"]}
        if not refused & {"syntax", "invalid-schema"}:
            _same_model(name, text, answer)
        assert (_of_the_tool(_faults(text)) != ()) == (refused != set()), name


def test_a_thousand_generated_models_are_the_same_to_both(oracle: Oracle):
    texts = [Writer(seed).model() for seed in range(GENERATED)]
    valid = 0
    for number, answer in enumerate(oracle([{"dsl": text} for text in texts])):
        _same_model(str(number), texts[number], answer)
        _same_verdict(str(number), texts[number], answer)
        valid += answer["errors"] == []
    assert valid > GENERATED // 10


def test_a_model_may_be_printed_by_one_and_read_by_the_other(oracle: Oracle):
    bodies = []
    for seed in range(200):
        body = to_json(parse(Writer(seed).model()))
        for type_def in body["type_definitions"]:
            for rewrite in type_def["relations"].values():
                rewrite.get("union", rewrite.get("intersection", {"child": []}))["child"].reverse()
        bodies.append(body)
    for body, answer in zip(bodies, oracle([{"json": body} for body in bodies]), strict=True):
        assert to_dsl(from_json(body)) == answer["dsl"]


@pytest.fixture(scope="module")
def refusals(oracle: Oracle) -> dict[str, list[dict[str, Any]]]:
    answers = oracle([{"dsl": refused.text} for refused in REFUSED.values()])
    return {name: answer["errors"] for name, answer in zip(REFUSED, answers, strict=True)}


@pytest.mark.parametrize("name", REFUSED)
def test_what_they_refuse_we_refuse_at_the_same_line(
    name: str, refusals: dict[str, list[dict[str, Any]]]
):
    faults, theirs = _faults(REFUSED[name].text), refusals[name]
    assert faults, name
    assert theirs, name
    assert faults[0].line == theirs[0]["line"] == REFUSED[name].at
    assert faults[0].column >= 0


def test_the_refused_models_have_every_kind_of_fault(
    refusals: dict[str, list[dict[str, Any]]],
):
    kinds = {fault["kind"] for faults in refusals.values() for fault in faults}
    assert kinds == {
        "syntax", "invalid-schema", "reserved-type-keywords", "reserved-relation-keywords",
        "invalid-name", "missing-definition", "invalid-relation-type",
        "invalid-relation-on-tupleset", "invalid-type", "relation-no-entry-point",
        "tupleuserset-not-direct", "duplicated-error", "condition-not-defined",
        "condition-not-used",
    }  # fmt: skip


def test_a_damaged_model_is_refused_by_both_or_by_none(oracle: Oracle):
    texts = [damaged(Writer(seed).model().replace("\r\n", "\n"), seed) for seed in range(GENERATED)]
    refused = 0
    for number, answer in enumerate(oracle([{"dsl": text} for text in texts])):
        if "never closed" in str(_faults(texts[number])):
            continue  # WE_TAKE and OTHER_LINE: braces
        _same_verdict(str(number), texts[number], answer)
        refused += answer["errors"] != []
    assert refused > GENERATED // 2


def _same_verdict(name: str, text: str, answer: dict[str, Any]) -> None:
    """Both refuse, and at the same line, or neither does."""
    every, theirs = _faults(text), answer["errors"]
    ours = _of_the_tool(every)
    if theirs and not ours:
        # An expression of which their lexer cannot make tokens is one that CEL cannot read.
        ours = tuple(fault for fault in every if fault.kind == "invalid-condition")
    told = (name, text, every, theirs)
    assert bool(ours) == bool(theirs), told
    if "json" in answer:
        assert _restricted_twice(fault.message for fault in ours) == _restricted_twice(
            fault["message"] for fault in theirs
        ), told
        assert _places(text, [(f.message, f.line) for f in ours]) == _places(
            text, [(f["message"], f["line"]) for f in theirs]
        ), told
    elif ours:
        assert {fault.line for fault in every} & {fault["line"] for fault in theirs}, told


def _restricted_twice(messages: Iterable[str]) -> bool:
    return any(_TWICE in message for message in messages)


def _places(text: str, faults: list[tuple[str, int]]) -> set[str]:
    """Name the definitions in which faults stand; OTHER_LINE says why not the lines."""
    rows, names = text.split("\n"), set()
    for message, line in faults:
        row = line
        if _TWICE in message:
            continue
        while row > 0 and not re.match(r"\s*(define|type|condition)\b", rows[row]):
            row -= 1
        names.add(" ".join(rows[row].replace(":", " ").replace("/", ".").split()[:2]))
    return names


@pytest.mark.parametrize("name", WE_TAKE)
def test_what_we_take_and_they_refuse(name: str, oracle: Oracle):
    text, _ = WE_TAKE[name]
    assert oracle([{"dsl": text}])[0]["errors"]
    Model.from_dsl(text)


@pytest.mark.parametrize("name", WE_REFUSE)
def test_what_we_refuse_and_they_take(name: str, oracle: Oracle):
    text, _ = WE_REFUSE[name]
    assert oracle([{"dsl": text}])[0]["errors"] == []
    assert _faults(text)


@pytest.mark.parametrize("name", OTHER_LINE)
def test_where_we_name_another_line(name: str, oracle: Oracle):
    text, our_line, their_line, _ = OTHER_LINE[name]
    (answer,) = oracle([{"dsl": text}])
    assert answer["errors"][0]["line"] == their_line
    assert _faults(text)[0].line == our_line
