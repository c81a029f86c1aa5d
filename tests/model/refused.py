"""Models that OpenFGA's tool refuses, each for one reason; `at` is the line, from 0."""

from typing import NamedTuple

HEADER = "model\n  schema 1.1\ntype user\n"


class Refused(NamedTuple):
    """A model, and the line of its fault."""

    text: str
    at: int


def _doc(*relations: str, more: str = "") -> str:
    lines = ["type doc", "  relations", *(f"    define {r}" for r in relations)]
    return HEADER + "\n".join(lines) + f"\n{more}"


def _condition(text: str) -> str:
    return _doc("x: [user with c]", more=text)


_USED = "condition c(x: int) {\n  x < 1\n}\n"

REFUSED: dict[str, Refused] = {
    # the header
    "nothing": Refused("", 0),
    "no header": Refused("type user\n", 0),
    "no schema": Refused("model\ntype user\n", 1),
    "no version": Refused("model\n  schema\ntype user\n", 1),
    "a version without a dot": Refused("model\n  schema 11\ntype user\n", 1),
    "a version of three parts": Refused("model\n  schema 1.1.1\ntype user\n", 1),
    "an old version": Refused("model\n  schema 1.0\ntype user\n", 1),
    "a future version": Refused("model\n  schema 1.3\ntype user\n", 1),
    "the header in one line": Refused("model schema 1.1\ntype user\n", 0),
    "two headers": Refused("model\n  schema 1.1\nmodel\n  schema 1.1\ntype user\n", 2),
    "a type behind the version": Refused("model\n  schema 1.1 type user\n", 1),
    # types
    "a type without a name": Refused(f"{HEADER}type\n", 3),
    "a type whose name is blank": Refused(f"{HEADER}type \ntype doc\n", 3),
    "two types in a line": Refused(f"{HEADER}type a type b\n", 3),
    "two names": Refused(f"{HEADER}type a b\n", 3),
    "a type that begins with a digit": Refused(f"{HEADER}type 1a\n", 3),
    "a type of other letters": Refused(f"{HEADER}type ключ\n", 3),
    "a type named like a word": Refused(f"{HEADER}type define\n", 3),
    "a type that ends in a dot": Refused(f"{HEADER}type a.\n", 3),
    "a type with a colon": Refused(f"{HEADER}type a:b\n", 3),
    "type self": Refused(f"{HEADER}type self\n", 3),
    "type this": Refused(f"{HEADER}type this\n", 3),
    "a long type": Refused(f"{HEADER}type {'a' * 255}\n", 3),
    "extended without a module": Refused(f"{HEADER}extend type user\n", 3),
    "another word": Refused(f"{HEADER}entity doc\n", 3),
    # relations
    "relations of nothing": Refused(f"{HEADER}  relations\n  relations\n", 4),
    "no relation": Refused(f"{HEADER}type doc\n  relations\ntype b\n", 5),
    "a definition without relations": Refused(f"{HEADER}type doc\n    define x: [user]\n", 4),
    "a relation without a name": Refused(_doc(": [user]"), 5),
    "a relation without a colon": Refused(_doc("x [user]"), 5),
    "a relation without a definition": Refused(_doc("x:", "y: [user]"), 5),
    "a relation named like a word": Refused(_doc("from: [user]"), 5),
    "relation self": Refused(_doc("self: [user]"), 5),
    "relation this": Refused(_doc("this: [user]"), 5),
    "a long relation": Refused(_doc(f"{'a' * 51}: [user]"), 5),
    "a relation twice": Refused(_doc("x: [user]", "x: [user]"), 6),
    "a definition behind another": Refused(_doc("x: [user] define y: [user]"), 5),
    "the old words": Refused(_doc("x as self"), 5),
    # direct types
    "no direct types": Refused(_doc("x: []"), 5),
    "direct types without an end": Refused(_doc("x: [user", "y: [user]"), 6),
    "a comma too many": Refused(_doc("x: [user,]"), 5),
    "no comma": Refused(_doc("x: [user doc]"), 5),
    "an id": Refused(_doc("x: [user:anne]"), 5),
    "half a wildcard": Refused(_doc("x: [user:]"), 5),
    "a wildcard with a relation": Refused(_doc("x: [user:*#x]"), 5),
    "a relation sign alone": Refused(_doc("x: [doc#]"), 5),
    "a blank before a relation sign": Refused(_doc("x: [doc #x]"), 6),
    "with nothing": Refused(_doc("x: [user with]"), 5),
    "with a word": Refused(_doc("x: [user with define]"), 5),
    "an inline expression": Refused(_doc("x: [user with $expression]"), 5),
    "direct types second": Refused(_doc("y: [user]", "x: y or [user]"), 6),
    "direct types twice": Refused(_doc("x: [user] or [doc]"), 5),
    "direct types inside parentheses, second": Refused(_doc("y: [user]", "x: y or ([user])"), 6),
    "an unknown type": Refused(_doc("x: [robot]"), 5),
    "a relation of an unknown type": Refused(_doc("x: [robot#x]"), 5),
    "an unknown relation of a type": Refused(_doc("x: [doc#y]"), 5),
    "an unknown condition": Refused(_doc("x: [user with c]"), 5),
    "a restriction twice": Refused(_doc("x: [user, user]"), 5),
    # operators
    "an operator at the end": Refused(_doc("y: [user]", "x: y or"), 6),
    "two operators": Refused(_doc("y: [user]", "x: y or or y"), 6),
    "operators mixed": Refused(_doc("y: [user]", "z: [user]", "x: y or z and y"), 7),
    "but not twice": Refused(_doc("y: [user]", "z: [user]", "x: y but not z but not y"), 7),
    "but alone": Refused(_doc("y: [user]", "x: y but y"), 6),
    "not alone": Refused(_doc("y: [user]", "x: not y"), 6),
    "an open parenthesis": Refused(_doc("y: [user]", "x: (y or x"), 6),
    "a closing parenthesis": Refused(_doc("y: [user]", "x: y)"), 6),
    "empty parentheses": Refused(_doc("x: ()"), 5),
    "no blank before an operator": Refused(_doc("y: [user]", "x: (y)or y"), 6),
    "from nothing": Refused(_doc("x: y from"), 5),
    "from twice": Refused(_doc("x: a from b from c"), 5),
    "from direct types": Refused(_doc("x: [user] from y"), 5),
    "a semicolon": Refused(_doc("x: [user];"), 5),
    "a part of no relation": Refused(_doc("x: [user] or y"), 5),
    "a part twice": Refused(_doc("y: [user]", "x: y or y"), 6),
    "a part twice in an intersection": Refused(_doc("y: [user]", "x: [user] and y and y"), 6),
    "a part without itself": Refused(_doc("y: [user]", "x: y but not y"), 6),
    "from no relation": Refused(_doc("x: y from z"), 5),
    "no relation of the parent": Refused(_doc("p: [user]", "x: [user] or y from p"), 6),
    "from a union": Refused(_doc("p: [doc] or y", "y: [doc]", "x: [user] or x from p"), 7),
    "from a userset": Refused(_doc("p: [doc#x]", "x: [user] or x from p"), 6),
    "from a wildcard": Refused(_doc("p: [doc:*]", "x: [user] or x from p"), 6),
    # ways in
    "itself alone": Refused(_doc("x: x"), 5),
    "two in a circle": Refused(_doc("x: y", "y: x"), 5),
    "its own usersets alone": Refused(_doc("x: [doc#x]"), 5),
    "its parents alone": Refused(_doc("p: [doc]", "x: x from p"), 6),
    "an intersection with a circle": Refused(_doc("x: [user] and y", "y: x"), 5),
    "an exclusion of a circle": Refused(_doc("x: [user] but not y", "y: x"), 5),
    # conditions
    "a condition that nothing uses": Refused(HEADER + _USED, 3),
    "a condition twice": Refused(_condition(_USED + _USED), 9),
    "a condition without parameters": Refused(_condition("condition c() {\n  true\n}\n"), 6),
    "a condition without a list": Refused(_condition("condition c {\n  true\n}\n"), 6),
    "a condition without a body": Refused(_condition("condition c(x: int)\n"), 6),
    "a condition without a name": Refused(_condition("condition (x: int) {\n  x < 1\n}\n"), 6),
    "a condition named with a dot": Refused(_condition("condition c.d(x: int) {\n  x < 1\n}\n"), 6),
    "an unknown parameter type": Refused(_condition("condition c(x: date) {\n  true\n}\n"), 6),
    "a list of nothing": Refused(_condition("condition c(x: list) {\n  true\n}\n"), 6),
    "a list of lists": Refused(_condition("condition c(x: list<list>) {\n  true\n}\n"), 6),
    "a parameter without a type": Refused(_condition("condition c(x) {\n  true\n}\n"), 6),
    "a parameter twice": Refused(_condition("condition c(x: int, x: int) {\n  x < 1\n}\n"), 6),
    "a parameter too many": Refused(_condition("condition c(x: int,) {\n  x < 1\n}\n"), 6),
    "a string without an end": Refused(_condition("condition c(x: string) {\n  x == 'a\n}\n"), 7),
    "a type behind a condition": Refused(_condition(f"{_USED}type late\n"), 9),
    "a bare mark in a condition": Refused(_condition("condition c(x: int) {\n  x < 1;\n}\n"), 7),
}  # fmt: skip
