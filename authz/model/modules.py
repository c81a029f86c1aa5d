"""A modular model: `module` files that define types and extend those of each other.

Schema 1.2, as `fga.mod` puts it together (`manifest`). Everything keeps the module and the file
that it came from, also in the JSON form.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from authz.engine.limits import MAX_MODEL_BYTES, MAX_TYPES
from authz.errors import ModelError, Problem
from authz.model.manifest import VERSION
from authz.model.parser import ModuleText, parse_module
from authz.model.schema import ConditionDef, RelationDef, Schema, TypeDef


def join_modules(files: Sequence[tuple[str, str]]) -> Schema:
    """Join (name, text) of module files into one schema, not validated yet.

    Raises ModelError with every problem, each named after its file: one that is not of the
    language, an extension of a type that is nowhere, a relation or condition that is there.
    """
    if sum(len(text.encode("utf-8", "surrogatepass")) for _, text in files) > MAX_MODEL_BYTES:
        message = f"the modules together are larger than {MAX_MODEL_BYTES} bytes"
        raise ModelError((Problem("too-large", message, 0, 0),))
    problems: list[Problem] = []
    modules: list[ModuleText] = []
    for name, text in files:
        try:
            modules.append(parse_module(text, name))
        except ModelError as error:
            problems += error.problems
    types = [type_def for module in modules for type_def in module.types]
    if len(types) > MAX_TYPES:
        problems.append(Problem("too-large", f"more than {MAX_TYPES} types", 0, 0))
    conditions = _conditions(modules, problems)
    # With a type missing because its file could not be read, nothing more can be said.
    if not problems:
        types = _extended(types, [e for m in modules for e in m.extensions], problems)
    if problems:
        raise ModelError(tuple(problems))
    return Schema(VERSION, tuple(types), tuple(conditions))


def _conditions(modules: Sequence[ModuleText], problems: list[Problem]) -> list[ConditionDef]:
    found: dict[str, ConditionDef] = {}
    for condition in (c for module in modules for c in module.conditions):
        if (first := found.get(condition.name)) is not None:
            message = f"the condition '{condition.name}' is already defined in {first.source}"
            place = (*condition.at, condition.source)
            problems.append(Problem("duplicated-error", message, *place))
        else:
            found[condition.name] = condition
    return list(found.values())


def _extended(
    types: Sequence[TypeDef], extensions: Sequence[TypeDef], problems: list[Problem]
) -> list[TypeDef]:
    added: dict[str, dict[str, RelationDef]] = {}
    defined: Mapping[str, TypeDef] = {type_def.name: type_def for type_def in types}
    for extension in extensions:
        base = defined.get(extension.name)
        if base is None or base.source == extension.source:
            where = "in another file" if base else "anywhere"
            message = f"the extended type '{extension.name}' is not defined {where}"
            problems.append(Problem("syntax", message, *extension.at, extension.source))
            continue
        known = {relation.name for relation in base.relations}
        more = added.setdefault(extension.name, {})
        for relation in extension.relations:
            if relation.name in known or relation.name in more:
                message = f"the relation '{relation.name}' is already on '{extension.name}'"
                place = (*relation.at, extension.source)
                problems.append(Problem("duplicated-error", message, *place))
            else:
                more[relation.name] = relation
    return [replace(t, relations=(*t.relations, *added.get(t.name, {}).values())) for t in types]
