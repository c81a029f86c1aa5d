"""Writes that are refused as a whole: by the same code as a real server's, over our SQL store."""

from collections.abc import Sequence
from typing import Any

import pytest

from authz.errors import AuthzError
from authz.model.compiled import Model
from authz.model.subject import RelationTuple
from authz.relations import Relations
from authz.tx import Tx
from tests.engine.conftest import transaction
from tests.engine.world import HEADER, tuple_of
from tests.openfga.theirs import TheirServer, TheirWorld
from tests.support.clock import FrozenClock
from tests.support.databases import SqliteDatabases

pytestmark = pytest.mark.openfga

MODEL = """
type user
type group
  relations
    define member: [user, user with small, group#member]
condition small(n: int) {
  n < 10
}
"""
ANNE, BOB = tuple_of("group:a#member@user:anne"), tuple_of("group:a#member@user:bob")
SMALL = RelationTuple("user:anne", "member", "group:a", "small", {"n": 1})
MANY = [tuple_of(f"group:a#member@user:{n}") for n in range(101)]

Step = tuple[Sequence[RelationTuple], Sequence[RelationTuple], dict[str, str]]
"""What is written, what is deleted, and `on_duplicate` or `on_missing`."""

CASES: dict[str, list[Step]] = {
    "a tuple that is there": [([ANNE], [], {}), ([ANNE], [], {})],
    "a tuple that is there, ignored": [([ANNE], [], {}), ([ANNE], [], {"on_duplicate": "ignore"})],
    "a tuple that is there with a condition": [([ANNE], [], {}), ([SMALL], [], {})],
    "the same, ignored": [([ANNE], [], {}), ([SMALL], [], {"on_duplicate": "ignore"})],
    "another context, ignored": [
        ([SMALL], [], {}),
        (
            [RelationTuple("user:anne", "member", "group:a", "small", {"n": 2})],
            [],
            {"on_duplicate": "ignore"},
        ),
    ],
    "a tuple that is not there": [([], [ANNE], {})],
    "a tuple that is not there, ignored": [([], [ANNE], {"on_missing": "ignore"})],
    "one to delete twice": [([], [ANNE, ANNE], {})],
    "one to write twice": [([ANNE, ANNE], [], {})],
    "one to write twice, with and without a condition": [([ANNE, SMALL], [], {})],
    "one to delete and to write": [([ANNE], [ANNE], {})],
    "half of it is there": [([ANNE], [], {}), ([ANNE, BOB], [], {}), ([BOB], [], {})],
    "101 tuples": [(MANY, [], {})],
    "100 tuples": [(MANY[:100], [], {})],
    "101 of both": [(MANY[:51], MANY[51:], {})],
    "a malformed deletion": [([], [tuple_of("group:a#member@user:a b")], {})],
    "a deletion of an unknown type": [([], [tuple_of("ghost:a#member@user:anne")], {})],
    "a deletion of an unknown relation": [([], [tuple_of("group:a#ghost@user:anne")], {})],
    "an implicit tuple": [([tuple_of("group:a#member@group:a#member")], [], {})],
    "a large context": [
        ([RelationTuple("user:anne", "member", "group:a", "small", {"n": "1" * 33_000})], [], {})
    ],
}


def _theirs(world: TheirWorld, step: Step) -> str:
    writes, deletes, options = step
    body: dict[str, Any] = {}
    if writes:
        body["writes"] = {"tuple_keys": world.keys(writes)}
    if deletes:
        body["deletes"] = {"tuple_keys": world.keys(deletes)}
    for name, part in (("on_duplicate", "writes"), ("on_missing", "deletes")):
        if name in options:
            body[part][name] = options[name]
    return str(world.post("write", body).get("code", ""))


def _ours(relations: Relations, tx: Tx, step: Step) -> str:
    writes, deletes, options = step
    try:
        relations.write(tx, writes, deletes, **options)  # type: ignore[arg-type]
    except AuthzError as error:
        return error.code
    return ""


@pytest.mark.parametrize("what", CASES)
def test_a_write_is_refused_as_openfga_does(
    theirs: TheirServer, sqlite_databases: SqliteDatabases, what: str
):
    model = Model.from_dsl(HEADER + MODEL)
    world = theirs.open(model.to_json())
    assert isinstance(world, TheirWorld)
    relations = Relations("store", FrozenClock())
    for tx in transaction(sqlite_databases):
        relations.put_model(tx, model)
        for step in CASES[what]:
            assert _ours(relations, tx, step) == _theirs(world, step)
