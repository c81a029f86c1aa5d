"""Conditions on tuples: whose context wins, what is missing, what an error masks."""

import pytest

from tests.engine.world import World, tuple_of

MODEL = """
type user
type group
  relations
    define member: [user with in_time]
type document
  relations
    define viewer: [user, user with in_time, user:* with from_office, group#member]
    define blocked: [user with in_time]
    define reader: [user] but not blocked
    define both: viewer and reader
condition in_time(current_time: timestamp, expires_at: timestamp) {
  current_time < expires_at
}
condition from_office(ip: ipaddress) {
  ip.in_cidr("10.0.0.0/8")
}
"""
GRANT = tuple_of("document:1#viewer@user:anne", "in_time", expires_at="2026-01-02T00:00:00Z")
EARLY = "2026-01-01T00:00:00Z"
LATE = "2026-01-03T00:00:00Z"


def test_a_condition_decides_whether_its_tuple_counts():
    world = World(MODEL, GRANT)
    assert world.check("document:1#viewer@user:anne", current_time=EARLY) is True
    assert world.check("document:1#viewer@user:anne", current_time=LATE) is False


def test_the_tuples_context_wins_over_the_requests():
    world = World(MODEL, GRANT)
    question = "document:1#viewer@user:anne"
    assert world.check(question, current_time=LATE, expires_at="2099-01-01T00:00:00Z") is False


def test_a_missing_parameter_is_an_error():
    world = World(MODEL, GRANT)
    assert world.check("document:1#viewer@user:anne") == 2000
    assert world.listed("user:anne", "viewer", "document") == 2000


def test_a_parameter_that_the_expression_would_not_need_is_missing_all_the_same():
    text = """
type user
type document
  relations
    define viewer: [user with c]
condition c(a: bool, b: bool) {
  a || b
}
"""
    world = World(text, tuple_of("document:1#viewer@user:anne", "c", a=True))
    assert world.check("document:1#viewer@user:anne") == 2000
    assert world.check("document:1#viewer@user:anne", b=False) is True


def test_an_error_in_one_branch_is_masked_by_a_true_one():
    world = World(
        MODEL,
        GRANT,
        "document:1#viewer@group:g#member",
        tuple_of("group:g#member@user:anne", "in_time", expires_at=LATE, current_time=EARLY),
    )
    assert world.check("document:1#viewer@user:anne") is True


def test_an_error_in_one_branch_is_masked_by_a_false_one_of_an_intersection():
    world = World(MODEL, GRANT)
    assert world.check("document:1#both@user:anne") is False


def test_an_error_in_the_subtracted_branch_is_an_error_and_never_an_allow():
    world = World(
        MODEL,
        "document:1#reader@user:anne",
        tuple_of("document:1#blocked@user:anne", "in_time", expires_at=LATE),
    )
    assert world.check("document:1#reader@user:anne") == 2000
    assert world.check("document:1#reader@user:anne", current_time=EARLY) is False
    assert world.check("document:1#reader@user:anne", current_time=LATE) is True


def test_an_error_on_the_way_to_an_object_is_an_error_of_the_listing():
    world = World(
        MODEL,
        tuple_of("group:g#member@user:anne", "in_time", expires_at=LATE),
        "document:1#viewer@group:g#member",
        "document:2#viewer@user:anne",
    )
    assert world.listed("user:anne", "viewer", "document") == 2000
    assert world.listed("user:anne", "viewer", "document", current_time=EARLY) == ["1", "2"]


def test_an_error_does_not_matter_to_an_object_that_is_held_otherwise():
    world = World(MODEL, GRANT, "document:1#viewer@group:g#member")
    granted = tuple_of("group:g#member@user:anne", "in_time", expires_at=LATE, current_time=EARLY)
    assert world.with_tuples(granted).listed("user:anne", "viewer", "document") == ["1"]


def test_addresses_are_matched_by_network():
    world = World(MODEL, tuple_of("document:1#viewer@user:*", "from_office"))
    question = "document:1#viewer@user:anyone"
    assert world.check(question, ip="10.1.2.3") is True
    assert world.check(question, ip="::ffff:10.1.2.3") is True
    assert world.check(question, ip="192.0.2.1") is False
    for bad in ("10.1.2", "10.01.2.3", "", "localhost", 10):
        assert world.check(question, ip=bad) == 2000


def typed(kind: str, expression: str) -> World:
    text = f"""
type user
type document
  relations
    define viewer: [user with c]
condition c(x: {kind}) {{
  {expression}
}}
"""
    return World(text, tuple_of("document:1#viewer@user:anne", "c"))


@pytest.mark.parametrize(
    ("kind", "expression", "value", "expected"),
    [
        ("int", "x == 100", 100, True),
        ("int", "x == 100", "100", True),
        ("int", "x == 100", 100.0, True),
        ("int", "x == 100", 100.5, 2000),
        ("int", "x == 100", "0x64", 2000),
        ("int", "x == 100", True, 2000),
        ("int", "x > 0", 2**63, 2000),
        ("uint", "x == 5u", 5, True),
        ("uint", "x == 5u", -5, 2000),
        ("double", "x > 0.5", "1e3", True),
        ("double", "x > 0.5", 1, True),
        ("double", "x > 0.5", 0.6, True),
        # As a text, what a double cannot hold exactly is refused, as OpenFGA does.
        ("double", "x > 0.5", "0.6", 2000),
        ("double", "x > 0.5", "0.75", True),
        ("double", "x > 0.5", "9007199254740992", True),
        ("double", "x > 0.5", "9007199254740993", 2000),
        ("double", "x > 0.5", "1e22", True),
        ("double", "x > 0.5", "1e23", 2000),
        ("double", "x == 1.0", "1." + "0" * 30 + "1", True),
        ("double", "x == 0.0", "0e9999", True),
        ("double", "x == 0.0", "1e-400", 2000),
        ("double", "x == 0.0", "1e-9999", 2000),
        ("double", "x > 0.5", "inf", 2000),
        ("double", "x > 0.5", "1e400", 2000),
        ("double", "x > 0.5", "9" * 5000, 2000),
        ("bool", "x", True, True),
        ("bool", "x", "true", 2000),
        ("string", 'x.startsWith("a")', "abc", True),
        ("string", 'x.startsWith("a")', 7, 2000),
        ("duration", 'x == duration("90m")', "1h30m", True),
        ("duration", 'x < duration("0s")', "-1.5h", True),
        ("duration", 'x == duration("90m")', "90", 2000),
        ("duration", 'x == duration("90m")', "9999999999h", 2000),
        ("timestamp", 'x == timestamp("2026-01-01T00:00:00Z")', "2026-01-01T01:00:00+01:00", True),
        ("timestamp", 'x > timestamp("2026-01-01T00:00:00Z")', "2026-01-01T00:00:00.5Z", True),
        ("timestamp", 'x == timestamp("2026-01-01T00:00:00Z")', "2026-01-02T00:00:00+24:00", True),
        ("timestamp", 'x > timestamp("2026-01-01T00:00:00Z")', "2026-01-01T00:00:00-25:00", 2000),
        ("timestamp", 'x > timestamp("2026-01-01T00:00:00Z")', "2026-01-01T00:00:00-01:61", 2000),
        ("timestamp", 'x > timestamp("2026-01-01T00:00:00Z")', "2026-01-01", 2000),
        ("timestamp", 'x > timestamp("2026-01-01T00:00:00Z")', "2026-02-30T00:00:00Z", 2000),
        ("list<string>", '"a" in x', ["b", "a"], True),
        ("list<int>", "x[0] == 7", ["7"], True),
        ("list<int>", "x[0] == 7", [], 2000),
        ("list<string>", '"a" in x', "a", 2000),
        ("map<int>", 'x["k"] == 1', {"k": 1}, True),
        ("map<int>", 'x["k"] == 1', {"j": 1}, 2000),
        ("map<int>", 'x["k"] == 1', {"k": "no"}, 2000),
        ("ipaddress", 'x == ipaddress("192.0.2.1")', "192.0.2.1", True),
        ("ipaddress", 'x.in_cidr("2001:db8::/32")', "2001:db8::1", True),
        ("ipaddress", 'x.in_cidr("10.0.0.0")', "10.0.0.0", 2000),
        ("ipaddress", 'x.in_cidr("10.0.0.0/255.0.0.0")', "10.0.0.0", 2000),
    ],
)
def test_values_are_converted_to_their_parameters_type(kind, expression, value, expected):
    assert typed(kind, expression).check("document:1#viewer@user:anne", x=value) == expected


def test_the_request_may_bring_more_than_a_condition_needs():
    assert typed("int", "x > 0").check("document:1#viewer@user:anne", x=1, other="?") is True
