"""Hostile input: the standard error, bounded work, and nothing written."""

import itertools

import pytest

from authz.engine import limits
from authz.engine.check import check, check_many
from authz.engine.listing import list_objects
from authz.engine.query import Query
from authz.engine.tuples import admit
from authz.errors import AuthzError, CheckError, ModelError, ResolutionTooComplex
from authz.model.compiled import Model
from authz.model.subject import RelationTuple, parse_key
from authz.stores import sql
from authz.stores.memory import MemoryTuples
from authz.stores.protocol import NewTuple
from authz.stores.sql import SqlTuples
from tests.engine.world import HEADER, World, model, tuple_of

GROUPS = """
type user
type group
  relations
    define member: [user, group#member]
type document
  relations
    define allowed: [user, group#member]
    define blocked: [user, group#member]
    define viewer: allowed but not blocked
"""


@pytest.fixture(scope="module")
def complete_graph() -> World:
    """Thirty groups, each a member of every other: a factorial number of paths."""
    names = [f"g{n}" for n in range(30)]
    tuples = [f"group:{a}#member@group:{b}#member" for a, b in itertools.permutations(names, 2)]
    return World(
        GROUPS, *tuples, "document:1#allowed@user:anne", "document:1#blocked@group:g0#member"
    )


def test_a_dense_cycle_is_walked_once(complete_graph):
    assert complete_graph.check("group:g0#member@user:anne") is False


def test_a_dense_cycle_in_a_formula_is_evaluated_once(complete_graph):
    assert complete_graph.check("document:1#viewer@user:anne") is False
    assert complete_graph.check("document:1#viewer@user:bob") is False


def test_a_long_ring_does_not_overflow_the_stack():
    # Every group leads to two others, so that depth-first order runs through thousands of states.
    size = 2000
    pairs = {(n, (n * 2 + k) % size) for n in range(size) for k in (0, 1)}
    tuples = [f"group:{n}#member@group:{m}#member" for n, m in sorted(pairs) if n != m]
    world = World(
        GROUPS,
        *tuples,
        "document:1#allowed@user:anne",
        "document:1#blocked@group:1#member",
        f"group:{size - 1}#member@user:mallory",
        "document:1#allowed@user:mallory",
    )
    assert world.check("document:1#viewer@user:mallory") is False
    assert world.check("document:1#viewer@user:anne") is False


def test_a_graph_that_is_too_wide_is_refused(monkeypatch):
    monkeypatch.setattr("authz.engine.walk.MAX_STATES", 500)
    monkeypatch.setattr("authz.engine.facts.MAX_STATES", 500)
    wide = [f"group:root#member@group:{n}#member" for n in range(600)]
    world = World(GROUPS, *wide, "document:1#allowed@group:root#member")
    assert world.check("group:root#member@user:anne") == 2002
    assert world.check("document:1#viewer@user:anne") == 2002


def test_a_listing_that_is_too_wide_says_so(monkeypatch):
    monkeypatch.setattr("authz.engine.listing.MAX_CANDIDATES", 50)
    world = World(GROUPS, *(f"group:{n}#member@user:anne" for n in range(80)))
    cut = list_objects(world.model, world.store, "user:anne", "member", "group")
    assert cut.truncated
    last = cut.objects[-1]
    with pytest.raises(ResolutionTooComplex):
        # An empty page without an end could not be followed by another.
        list_objects(world.model, world.store, "user:anne", "member", "group", after=last)


def test_a_batch_is_bounded():
    world = World(GROUPS)
    queries = [Query("user:anne", "member", "group:a")] * (limits.MAX_CHECKS_PER_BATCH + 1)
    with pytest.raises(CheckError):
        check_many(world.model, world.store, queries)


@pytest.mark.parametrize(
    "text",
    [
        "group:" + "a" * 10_000_000,
        ":" * 1000,
        "group:",
        ":a",
        "group:a#",
        "group:a#member#member",
        "group: a",
        "group:a\n",
        "group:a\u2028b",
        "group:a\u00a0b",
        "group:\x00",
        "group:\x1b[31m",
        "group:\ud800",
        "\u202egroup:a b",
    ],
)
def test_malformed_names_are_one_short_error(text):
    world = World(GROUPS)
    for query in (Query(text, "member", "group:a"), Query("user:anne", "member", text)):
        with pytest.raises(CheckError) as refused:
            check(world.model, world.store, query)
        assert refused.value.number == 2000
        assert len(str(refused.value)) < 700
        assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "name", ["ключ", "名前", "a\u0301", "\u202ea", "🙂", "a'b\"c", "%s", "{0}", "__proto__"]
)
def test_ids_of_every_script_are_ids(name):
    world = World(GROUPS, f"group:{name}#member@user:{name}")
    assert world.check(f"group:{name}#member@user:{name}") is True
    assert world.listed(f"user:{name}", "member", "group") == [name]


def test_names_that_look_alike_are_not_alike():
    world = World(GROUPS, "group:\u00e9#member@user:anne")
    assert world.check("group:e\u0301#member@user:anne") is False


CONDITION = """
type user
type document
  relations
    define viewer: [user with c]
condition c(x: list<string>) {
  EXPRESSION
}
"""


def test_a_condition_that_loops_is_stopped():
    loop = 'x.all(a, x.all(b, x.all(c, x.all(d, a + b + c + d != "zz"))))'
    world = World(
        CONDITION.replace("EXPRESSION", loop), tuple_of("document:1#viewer@user:anne", "c")
    )
    assert world.check("document:1#viewer@user:anne", x=["a"] * 200) == 2000


def test_a_context_that_is_too_large_or_no_json_is_refused():
    world = World(CONDITION.replace("EXPRESSION", '"a" in x'))
    assert world.check("document:1#viewer@user:anne", x=["a" * 40_000]) == 2000
    nested: list[object] = []
    for _ in range(5000):
        nested = [nested]
    assert world.check("document:1#viewer@user:anne", x=nested) == 2000
    bad = Query("user:anne", "viewer", "document:1", {"x": object()})
    with pytest.raises(CheckError):
        check(world.model, world.store, bad)


@pytest.mark.parametrize(
    "context", [{"x": ["a" * 40_000]}, {"y": ["a"]}, {"x": "a"}, {"x": [1]}, {"x": [float("nan")]}]
)
def test_a_tuples_context_is_checked_when_it_is_written(context):
    built = model(CONDITION.replace("EXPRESSION", '"a" in x'))
    with pytest.raises(AuthzError):
        admit(built, RelationTuple("user:anne", "viewer", "document:1", "c", context))


def _types(*types: object) -> dict[str, object]:
    return {"schema_version": "1.1", "type_definitions": list(types)}


def _relation(rewrite: object) -> dict[str, object]:
    return _types({"type": "t", "relations": {"r": rewrite}})


@pytest.mark.parametrize(
    ("body", "number"),
    [
        (None, 2000),
        ([], 2000),
        ("model", 2000),
        ({}, 2045),
        ({"schema_version": "1.1"}, 2045),
        ({"schema_version": "9", "type_definitions": []}, 2045),
        ({"schema_version": "9", "type_definitions": [{"type": "t"}]}, 2000),
        (_types({"type": 7}), 2000),
        (_types({"type": "a b"}), 2047),
        (_types({"type": "x'); DROP TABLE authz_tuple; --"}), 2047),
        (_types(*({"type": f"t{n}"} for n in range(101))), 2053),
        (_types({"type": "t", "relations": {"a b": {"this": {}}}}), 2050),
        (_relation({}), 2056),
        (_relation({"this": {}, "union": {}}), 2000),
        (_relation({"zip": {}}), 2056),
        (_relation({"difference": {"subtract": {"this": {}}}}), 2041),
        (_relation({"difference": {"base": {"this": {}}}}), 2042),
        (_relation({"computedUserset": {"relation": "r" * 51}}), 2044),
        (
            {
                **_types({"type": "t"}),
                "conditions": {"a": {"name": "b", "expression": "true"}},
            },
            2056,
        ),
    ],
)
def test_a_malformed_json_model_is_refused(body: object, number: int):
    with pytest.raises(ModelError) as refused:
        Model.from_json(body)
    assert refused.value.number == number


def test_a_deeply_nested_json_model_is_refused():
    rewrite: dict[str, object] = {"this": {}}
    for _ in range(900):
        rewrite = {"union": {"child": [rewrite, {"this": {}}]}}
    body = {
        "schema_version": "1.1",
        "type_definitions": [{"type": "t", "relations": {"r": rewrite}}],
    }
    with pytest.raises(ModelError, match="nested too deeply"):
        Model.from_json(body)


def test_a_condition_that_nests_is_refused_when_it_is_written():
    text = CONDITION.replace("EXPRESSION", "(" * 3000 + "true" + ")" * 3000)
    with pytest.raises(ModelError, match="not valid CEL"):
        Model.from_dsl(HEADER + text)


def test_a_check_that_fails_is_never_an_answer():
    class Broken(MemoryTuples):
        def related(self, wanted, ids, user):
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="disk"):
        check(model(GROUPS), Broken(), Query("user:anne", "member", "group:a"))


def test_limits_are_those_of_openfga():
    assert issubclass(ResolutionTooComplex, CheckError)
    assert (limits.MAX_DEPTH, limits.MAX_TUPLES_PER_WRITE, limits.MAX_TYPES) == (25, 100, 100)
    assert (limits.MAX_MODEL_BYTES, limits.MAX_CONTEXT_BYTES) == (262_144, 32_768)


@pytest.mark.parametrize("relation", ["viewer", "reader"])
def test_a_step_that_reads_too_many_tuples_is_refused(tx, monkeypatch, relation):
    crowd = model(
        """
type user
type group
  relations
    define member: [user]
type doc
  relations
    define blocked: [user]
    define viewer: [user, group#member]
    define reader: viewer but not blocked
"""
    )
    store = SqlTuples(tx, "main")
    keys = [parse_key(f"group:{n}#member", "viewer", "doc:1") for n in range(20)]
    keys += [parse_key("user:anne", "member", f"group:{n}") for n in range(20)]
    store.write([NewTuple(key) for key in keys], [], 1)
    asked = Query("user:anne", relation, "doc:1")
    assert check(crowd, store, asked)
    monkeypatch.setattr(sql, "MOST_AT_ONCE", 10)
    with pytest.raises(ResolutionTooComplex):
        check(crowd, store, asked)
