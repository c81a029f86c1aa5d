"""Modular models: some that make sense, and some with one fault each."""

from typing import NamedTuple

Files = tuple[tuple[str, str], ...]

USERS = (
    "users.fga",
    "module users\n\ntype user\n\ntype group\n  relations\n    define member: [user]\n",
)
DOCS = (
    "docs/docs.fga",
    "# documents\nmodule docs\n\ntype doc\n  relations\n    define viewer: [user with late, group#member]\n\ncondition late(x: int) {\n  x < 1\n}\n",
)

VALID: dict[str, Files] = {
    "one file": (USERS,),
    "types of each other": (USERS, DOCS),
    "the other order": (DOCS, USERS),
    "an extension": (
        USERS,
        DOCS,
        ("more.fga", "module more\n\nextend type doc\n  relations\n    define Owner: [user]\n    define admin: viewer or Owner\n"),
    ),
    "an extension of a type without relations": (
        USERS,
        ("more.fga", "module more\n\nextend type user\n  relations\n    define manager: [user]\n"),
    ),
    "extensions by two files": (
        USERS,
        ("z.fga", "module more\nextend type group\n  relations\n    define z: [user]\n"),
        ("a.fga", "module more\nextend type group\n  relations\n    define b: [user]\n    define a: member\n"),
        ("m.fga", "module also\nextend type group\n  relations\n    define c: a from up\n    define up: [group]\n"),
    ),
    "one module in two files": (
        USERS,
        ("a.fga", "module things\ntype b\n  relations\n    define x: [user]\ntype A\n"),
        ("b.fga", "module things\ntype a\n  relations\n    define y: [b#x]\n    define X: y\n"),
    ),
    "modules named like words": (
        ("model.fga", "module model\ntype user\n"),
        ("type.fga", "module type\ntype type\n  relations\n    define module: [user]\n    define extend: module\n"),
    ),
}  # fmt: skip


class Broken(NamedTuple):
    """Module files, and where their fault is."""

    files: Files
    file: str
    at: int


def _more(text: str, at: int) -> Broken:
    return Broken((USERS, ("more.fga", text)), "more.fga", at)


BROKEN: dict[str, Broken] = {
    "an extended type that is nowhere": _more(
        "module more\n\nextend type ghost\n  relations\n    define x: [user]\n", 2),
    "an extended type that is in the same file": _more(
        "module more\ntype a\nextend type a\n  relations\n    define x: [user]\n", 2),
    "a relation that is there": _more(
        "module more\nextend type group\n  relations\n    define x: [user]\n    define member: [user]\n", 4),
    "an extension twice in a file": _more(
        "module more\nextend type group\n  relations\n    define x: [user]\nextend type group\n  relations\n    define y: [user]\n", 4),
    "a module without a name": _more("module\ntype a\n", 0),
    "a module named with a dot": _more("module a.b\ntype a\n", 0),
    "extend without type": _more("module more\nextend group\n", 1),
    "extend without a name": _more("module more\nextend type\n", 1),
    "a syntax error": _more("module more\ntype a\n  relations\n    define x [user]\n", 3),
    "a type named like a word": _more("module more\ntype self\n", 1),
    "a long relation in an extension": _more(
        f"module more\nextend type group\n  relations\n    define {'a' * 51}: [user]\n", 3),
    "an unknown type": _more(
        "module more\ntype a\n  relations\n    define x: [robot]\n", 3),
    "an unknown type in an extension": _more(
        "module more\nextend type group\n  relations\n    define x: [robot]\n", 3),
    "an unknown relation in an extension": _more(
        "module more\nextend type group\n  relations\n    define x: [user] or nothing\n", 3),
    "no entry": _more("module more\ntype a\n  relations\n    define x: x\n", 3),
    "a condition that nothing uses": _more(
        "module more\ntype a\ncondition c(x: int) {\n  x < 1\n}\n", 2),
    "a condition twice": Broken(
        (USERS, DOCS, ("more.fga", "module more\ntype a\n  relations\n    define x: [user with late]\ncondition late(x: int) {\n  x < 1\n}\n")),
        "more.fga", 4),
    "a type twice": _more("module more\n\ntype a\ntype user\n", 3),
}  # fmt: skip
