"""Random conditions of every parameter type, and contexts that fit them, or nearly."""

import random
from typing import Any

from authz.model.schema import ConditionDef, ParameterType

# By type: expressions over one parameter P, values that fit it, and values that may not.
_KINDS: dict[str, tuple[tuple[str, ...], tuple[Any, ...], tuple[Any, ...]]] = {
    "bool": (("P", "!P", "P == true"), (True, False), ("true", 1, None)),
    "int": (
        ("P < 10", "P == 3", "P % 2 == 0", "12 / P > 2", "P + 9223372036854775800 > 0"),
        (0, 3, 12, -5, 3.0, "3", "1e2", "0x10"),
        (3.5, "x", "3.5", True, None, "", "1_000", " 3", "inf", [3]),
    ),
    "uint": (
        ("P >= 2u", "P == 3u", "P - 2u >= 0u"),
        (0, 3, 7, "7", 7.0),
        (-1, "-1", 2.5, "x", None, {}),
    ),
    "double": (
        ("P < 1.5", "P == 3.0", "P / 0.0 > 1.0"),
        (0, 1.25, 3, "2.5", "1e3", -0.5),
        ("infinite", "NaN", "1e999", "x", True, None, "1e-400", "0.1"),
    ),
    "string": (
        ("P == 'a'", "P.startsWith('a')", "size(P) > 1", "P.matches('^[ab]+$')", "P in ['a', 'é']"),
        ("a", "ab", "", "é", "b"),
        (1, True, None, ["a"], "a\u0007"),
    ),
    "duration": (
        ("P < duration('1h')", "P == duration('90s')", "P.getMinutes() > 1"),
        ("30m", "1h30m", "90s", "1.5m", "0", "-5m", "90000ms", "1h0m0.5s"),
        (3600, "1d", "1 h", "", "5", None, "+-5s", "1h-5m", "9999999h"),
    ),
    "timestamp": (
        (
            "P < timestamp('2026-01-01T00:00:00Z')",
            "P.getFullYear() == 2026",
            "P + duration('1h') > timestamp('2026-01-01T00:00:00Z')",
        ),
        (
            "2025-12-31T23:59:59Z",
            "2026-06-01T12:00:00+02:00",
            "2026-01-01T00:00:00.123Z",
            "2025-12-31T23:30:00-01:00",
        ),
        (
            *(1767225600, "2026-01-01", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "", None),
            *("2026-01-01t00:00:00z", "2026-01-01T00:00:60Z", "2026-02-29T00:00:00Z"),
            *("2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00,5Z", "2026-01-01T24:00:00Z"),
        ),
    ),
    "ipaddress": (
        (
            "P.in_cidr('10.0.0.0/8')",
            "P.in_cidr('2001:db8::/32')",
            "P == ipaddress('10.1.2.3')",
            "P.in_cidr('::ffff:10.0.0.0/104')",
            "P.in_cidr('10.0.0.0')",
        ),
        ("10.1.2.3", "192.168.0.1", "2001:db8::1", "::ffff:10.1.2.3"),
        ("10.1.2", "x", 1, None, "10.01.2.3", "10.1.2.3/8", "fe80::1%eth0", " 10.1.2.3"),
    ),
    "any": (
        ("P == 'a'", "P == 3", "P == true", "P == null", "type(P) == string", "P != 3.0"),
        ("a", 3, 2.5, True, None, ["a"], {"k": 1}),
        (),
    ),
}
_OF_LISTS = ("size(P) > 1", "size(P) == 0", "P[0] == P[1]", "P.all(x, x == P[0])")
_OF_MAPS = ("size(P) > 1", "'k' in P", "P['k'] == P['l']", "P.exists(k, k == 'k')")
_ELEMENTS = {
    "string": ("'a' in P", "P.exists(x, x == 'a')"),
    "int": ("3 in P", "P.exists(x, x > 5)"),
    "bool": ("true in P",),
    "double": ("P.exists(x, x < 1.0)",),
}
_FIELDS = {
    "string": ("P.k == 'a'", "P['k'].startsWith('a')"),
    "int": ("P.k > 2", "has(P.k) && P.k > 2"),
    "bool": ("P.k",),
    "any": ("P.k == 'a'", "has(P.k)", "P.k.l == 'a'"),
}
_BROKEN = ("P +", "undeclared == 1", "P && 3", "size(P)", "'a'", "P.nothing() == 1", "")


def draw_condition(rnd: random.Random, name: str, *, broken: float = 0.0) -> ConditionDef:
    """A condition over one or two parameters, whose names other conditions share."""
    parameters = {n: _draw_type(rnd) for n in rnd.sample(("p", "q"), rnd.randint(1, 2))}
    terms = [rnd.choice(_expressions(kind)).replace("P", n) for n, kind in parameters.items()]
    expression = rnd.choice((" && ", " || ")).join(f"({term})" for term in terms)
    if rnd.random() < broken:
        expression = rnd.choice(_BROKEN).replace("P", "p")
    return ConditionDef(name, parameters, expression)


def draw_context(
    rnd: random.Random, conditions: tuple[ConditionDef, ...], *, wrong: float, absent: float
) -> dict[str, Any]:
    """Values for the parameters of some condition; of several that share a name, for one."""
    context: dict[str, Any] = {}
    for condition in rnd.sample(conditions, len(conditions)):
        for name, kind in condition.parameters.items():
            if name not in context and rnd.random() >= absent:
                context[name] = draw_value(rnd, kind, wrong=wrong)
    return context


def draw_value(rnd: random.Random, kind: ParameterType, *, wrong: float) -> Any:
    """A value of the type, or with the chance `wrong` one that need not be."""
    if kind.name == "list":
        if rnd.random() < wrong:
            return rnd.choice(("a", {}, None, 3))
        inner = ParameterType(kind.of)
        return [draw_value(rnd, inner, wrong=wrong / 2) for _ in range(rnd.randint(0, 3))]
    if kind.name == "map":
        if rnd.random() < wrong:
            return rnd.choice(("a", [], None, 3))
        inner = ParameterType(kind.of)
        keys = rnd.sample(("k", "l", "m"), rnd.randint(0, 3))
        return {key: draw_value(rnd, inner, wrong=wrong / 2) for key in keys}
    _, right, bad = _KINDS[kind.name]
    return rnd.choice(bad if bad and rnd.random() < wrong else right)


def _draw_type(rnd: random.Random) -> ParameterType:
    if rnd.random() < 0.3:
        return ParameterType(rnd.choice(("list", "map")), rnd.choice(tuple(_KINDS)))
    return ParameterType(rnd.choice(tuple(_KINDS)))


def _expressions(kind: ParameterType) -> tuple[str, ...]:
    if kind.name == "list":
        return _OF_LISTS + _ELEMENTS.get(kind.of, ())
    if kind.name == "map":
        return _OF_MAPS + _FIELDS.get(kind.of, ())
    return _KINDS[kind.name][0]
