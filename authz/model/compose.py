"""One model out of several texts: Mandate's core and the modules of resource servers."""

from importlib.resources import files
from typing import TypeVar

from authz.errors import ModelError, Problem
from authz.model.compiled import Model
from authz.model.parser import parse
from authz.model.schema import ConditionDef, Schema, TypeDef

CORE = "the core"
_Def = TypeVar("_Def", TypeDef, ConditionDef)


def core_model_text() -> str:
    """Return Mandate's own part of the model, which every module is joined with."""
    return files("authz").joinpath("mandate.fga").read_text(encoding="utf-8")


def compose(core_dsl: str, *module_dsls: str) -> Model:
    """Join DSL texts into one compiled model; each begins with `model`, `module`, or at once.

    A module may use every type of the others and define new ones; it can change none: a type or
    condition that is defined twice is refused. Raises ModelError; its problems name the text.
    """
    return compose_named(
        (CORE, core_dsl), *((f"module {n}", m) for n, m in enumerate(module_dsls, 1))
    )


def compose_named(*texts: tuple[str, str]) -> Model:
    """Join texts that have names, as `compose`; problems carry the names."""
    types: dict[str, TypeDef] = {}
    conditions: dict[str, ConditionDef] = {}
    for name, text in texts:
        schema = parse(text, source=name, header=False)
        for type_def in schema.types:
            _refuse_second("type", type_def.name, types, type_def)
        for condition in schema.conditions:
            _refuse_second("condition", condition.name, conditions, condition)
    # A condition of the core may be there for modules to use.
    return Model(
        Schema("1.1", tuple(types.values()), tuple(conditions.values())), unused_conditions=True
    )


def _refuse_second(kind: str, name: str, known: dict[str, _Def], new: _Def) -> None:
    first = known.get(name)
    if first is not None:
        message = f"the {kind} '{name}' is already defined in {first.source}"
        line, column = new.at
        raise ModelError((Problem("duplicated-error", message, line, column, new.source),))
    known[name] = new
