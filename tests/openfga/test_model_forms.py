"""Models as JSON, well formed or not: refused by the same code, or taken, as by a real server."""

from typing import Any

import pytest

from tests.openfga.ours import open_ours
from tests.openfga.theirs import TheirServer

pytestmark = pytest.mark.openfga

THIS: dict[str, Any] = {"this": {}}
USER = [{"type": "user"}]


def types(*definitions: Any, **parts: Any) -> dict[str, Any]:
    return {"schema_version": "1.1", "type_definitions": list(definitions), **parts}


def relation(rewrite: Any, restrictions: Any = USER) -> dict[str, Any]:
    """A type `doc` with the relation `r` in question, beside `s` and `parent` that are sound."""
    restricted = {"r": restrictions, "s": USER, "parent": [{"type": "doc"}]}
    return types(
        {"type": "user"},
        {
            "type": "doc",
            "relations": {"r": rewrite, "s": THIS, "parent": THIS},
            "metadata": {
                "relations": {
                    name: {"directly_related_user_types": listed}
                    for name, listed in restricted.items()
                }
            },
        },
    )


def named(name: str) -> dict[str, Any]:
    metadata = {"relations": {name: {"directly_related_user_types": USER}}}
    return types({"type": "user"}, {"type": "doc", "relations": {name: THIS}, "metadata": metadata})


def condition(key: str = "c", **parts: Any) -> dict[str, Any]:
    made = {
        "name": key,
        "expression": "p < 1",
        "parameters": {"p": {"type_name": "TYPE_NAME_INT"}},
        **parts,
    }
    return {**relation(THIS, [{"type": "user", "condition": key}]), "conditions": {key: made}}


def parameter(expression: str = "true", **kind: Any) -> dict[str, Any]:
    return condition(expression=expression, parameters={"p": kind})


def through(**parts: Any) -> dict[str, Any]:
    return relation({"tupleToUserset": parts}, [])


INT = {"type_name": "TYPE_NAME_INT"}
PARENT, COMPUTED = {"relation": "parent"}, {"relation": "s"}

BODIES: dict[str, Any] = {
    "a sound one": relation(THIS),
    "nothing": {},
    "a list": [],
    "a text": "model",
    "no types": types(),
    "no version": {"type_definitions": [{"type": "user"}]},
    "version 1.0": types({"type": "user"}, schema_version="1.0"),
    "version 2.0": types({"type": "user"}, schema_version="2.0"),
    "types as an object": {"schema_version": "1.1", "type_definitions": {}},
    "an unknown field": types({"type": "user", "ghost": 1}, ghost=1),
    "nulls": types({"type": "user", "relations": None, "metadata": None}, conditions=None),
    "a type without a name": types({}),
    "an empty name": types({"type": ""}),
    "a blank in a type": types({"type": "a b"}),
    "a colon in a type": types({"type": "a:b"}),
    "254 letters": types({"type": "t" * 254}),
    "255 letters": types({"type": "t" * 255}),
    "254 letters of two bytes": types({"type": "é" * 254}),
    "a number for a name": types({"type": 3}),
    "a reserved type": types({"type": "self"}),
    "a type twice": types({"type": "user"}, {"type": "user"}),
    "100 types": types(*({"type": f"t{n}"} for n in range(100))),
    "101 types": types(*({"type": f"t{n}"} for n in range(101))),
    "an empty relation": named(""),
    "a blank in a relation": named("a b"),
    "50 letters": named("r" * 50),
    "51 letters": named("r" * 51),
    "a reserved relation": named("this"),
    "no rewrite": relation({}),
    "null for a rewrite": relation({"union": None}),
    "two rewrites": relation({"this": {}, "computedUserset": COMPUTED}),
    "an unknown rewrite": relation({"ghost": {}}),
    "a union of one": relation({"union": {"child": [THIS]}}),
    "a union of none": relation({"union": {"child": []}}),
    "a union without children": relation({"union": {}}),
    "an intersection of one": relation({"intersection": {"child": [THIS]}}),
    "a union of the same": relation({"union": {"child": [THIS, THIS]}}),
    "no base": relation({"difference": {"subtract": THIS}}),
    "no subtract": relation({"difference": {"base": THIS}}),
    "computed from nothing": relation({"computedUserset": {}}, []),
    "computed from a ghost": relation({"computedUserset": {"relation": "ghost"}}, []),
    "computed from itself": relation({"computedUserset": {"relation": "r"}}, []),
    "computed from a long name": relation({"computedUserset": {"relation": "s" * 51}}, []),
    "computed, the other style": relation({"computed_userset": COMPUTED}, []),
    "computed with an object": relation({"computedUserset": {"object": "x", **COMPUTED}}, []),
    "through": through(tupleset=PARENT, computedUserset=COMPUTED),
    "through, the other style": relation(
        {"tuple_to_userset": {"tupleset": PARENT, "computed_userset": COMPUTED}}, []
    ),
    "through nothing": through(computedUserset=COMPUTED),
    "through to nothing": through(tupleset=PARENT),
    "through a ghost": through(tupleset={"relation": "ghost"}, computedUserset=COMPUTED),
    "through to a ghost": through(tupleset=PARENT, computedUserset={"relation": "ghost"}),
    "through what is computed": types(
        {"type": "user"},
        {
            "type": "doc",
            "relations": {
                "a": THIS,
                "b": {"computedUserset": {"relation": "a"}},
                "c": {
                    "tupleToUserset": {
                        "tupleset": {"relation": "b"},
                        "computedUserset": {"relation": "a"},
                    }
                },
            },
            "metadata": {"relations": {"a": {"directly_related_user_types": [{"type": "doc"}]}}},
        },
    ),
    "no restriction": relation(THIS, []),
    "a restriction of what is computed": relation({"computedUserset": COMPUTED}),
    "a relation and a wildcard": relation(THIS, [{"type": "doc", "relation": "s", "wildcard": {}}]),
    "a restriction with an empty relation": relation(THIS, [{"type": "doc", "relation": ""}]),
    "a restriction without a type": relation(THIS, [{}]),
    "a restriction to a ghost": relation(THIS, [{"type": "ghost"}]),
    "a restriction to a ghost relation": relation(THIS, [{"type": "doc", "relation": "ghost"}]),
    "a blank in a restriction's type": relation(THIS, [{"type": "a b"}]),
    "a blank in a restriction's relation": relation(THIS, [{"type": "doc", "relation": "a b"}]),
    "a blank in a restriction's condition": relation(THIS, [{"type": "user", "condition": "a b"}]),
    "a restriction with a ghost condition": relation(THIS, [{"type": "user", "condition": "g"}]),
    "a restriction to tuples' conditions": relation(
        THIS, [{"type": "user", "condition": "$expression"}]
    ),
    "a restriction twice": relation(THIS, [*USER, *USER]),
    "restrictions of an unknown relation": types(
        {"type": "user", "metadata": {"relations": {"g": {"directly_related_user_types": USER}}}}
    ),
    "a condition": condition(),
    "a condition of 50 letters": condition("c" * 50),
    "a condition of 51 letters": condition("c" * 51),
    "a condition under another key": condition(name="d"),
    "a condition without a name": condition(name=""),
    "a blank in a condition": condition("a b"),
    "no expression": condition(expression=""),
    "half an expression": condition(expression="p <"),
    "an undeclared parameter": condition(expression="q < 1"),
    "an expression that is no bool": condition(expression="p"),
    "a wrong overload": condition(expression="p < 'a'"),
    "an unused condition": {**condition(), **relation(THIS)},
    "no parameters": condition(expression="true", parameters={}),
    "a parameter of no type": parameter(),
    "a parameter of an unspecified type": parameter(type_name="TYPE_NAME_UNSPECIFIED"),
    "a parameter of a ghost type": parameter(type_name="TYPE_NAME_GHOST"),
    "a list of nothing": parameter(type_name="TYPE_NAME_LIST"),
    "a list of two": parameter(type_name="TYPE_NAME_LIST", generic_types=[INT, INT]),
    "a list of int": parameter(type_name="TYPE_NAME_LIST", generic_types=[INT]),
    "an int of int": parameter(type_name="TYPE_NAME_INT", generic_types=[INT]),
    "a blank in a parameter": condition(expression="true", parameters={"a b": INT}),
    "a parameter that CEL reserves": condition(expression="true", parameters={"in": INT}),
    "a loop": types(
        {"type": "user"},
        {
            "type": "doc",
            "relations": {
                "a": {"computedUserset": {"relation": "b"}},
                "b": {"computedUserset": {"relation": "a"}},
            },
        },
    ),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_model_is_taken_or_refused_as_openfga_does(theirs: TheirServer, what: str):
    body = BODIES[what]
    ours = open_ours(body)
    assert (ours if isinstance(ours, str) else "") == theirs.refusal(body)["code"]
