"""Mandate's core and the modules of resource servers become one model."""

from pathlib import Path

import pytest

import authz
from authz.errors import ModelError
from authz.model.compose import compose, compose_named

CORE = (Path(authz.__file__).parent / "mandate.fga").read_text()
NOTES = """type note
  relations
    define owner: [user]
    define consented: [consent]
    define ceiling: [agent]
"""


def test_modules_with_any_header_or_none_are_joined():
    model = compose(
        CORE,
        NOTES,
        "model\n  schema 1.1\n" + NOTES.replace("note", "memo"),
        "module letters\n\n" + NOTES.replace("note", "letter"),
    )
    assert list(model.types) == [*compose(CORE).types, "note", "memo", "letter"]


def test_modules_may_speak_of_each_others_types():
    model = compose(
        CORE,
        NOTES,
        "type shelf\n  relations\n    define holds: [note]\n    define owner: owner from holds\n",
    )
    assert ("user", "") in model.relation("shelf", "owner").reach


@pytest.mark.parametrize("stolen", [*compose(CORE).types, "note"])
def test_no_module_redefines_a_type(stolen):
    with pytest.raises(ModelError, match=f"type '{stolen}' is already defined") as refused:
        compose(CORE, NOTES, f"type {stolen}\n")
    (problem,) = refused.value.problems
    assert (problem.source, problem.line, problem.column) == ("module 2", 0, 5)


@pytest.mark.parametrize("ours", list(compose(CORE).types))
def test_no_module_extends_a_type_of_mandates(ours):
    more = f"module evil\n\nextend type {ours}\n  relations\n    define owner: [agent]\n"
    with pytest.raises(ModelError, match="extended only in a module"):
        compose(CORE, more)


def test_no_module_redefines_a_condition():
    with pytest.raises(ModelError, match="condition 'mandate_until' is already defined"):
        compose(CORE, "condition mandate_until(x: int) {\n  x < 1\n}\n")
    condition = "condition c(x: int) {\n  x < 1\n}\n"
    with pytest.raises(ModelError, match="condition 'c' is already defined"):
        compose(CORE, condition, condition)


def test_a_problem_names_its_text():
    with pytest.raises(ModelError) as refused:
        compose_named(("core", CORE), ("docs", "type doc\n  relations\n    define x: [ghost]\n"))
    (problem,) = refused.value.problems
    assert str(problem) == "docs, line 3, column 16: 'ghost' is not a valid type"


def test_a_core_condition_may_wait_for_a_module():
    core = CORE + "\ncondition c(x: int) {\n  x < 1\n}\n"
    assert "c" in compose(core).conditions
    compose(core, "type doc\n  relations\n    define viewer: [user with c]\n")
