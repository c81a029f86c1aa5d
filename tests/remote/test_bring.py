"""What may come in from a store of theirs, decided without one."""

from authz.model.compiled import Model
from authz.model.subject import RelationTuple
from authz.openfga.bring import sort

UNTIL = """model
  schema 1.1

type user

type folder
  relations
    define viewer: [user with until]

condition until(current_time: timestamp, end: timestamp) {
  current_time < end
}
"""
END = {"end": "2030-01-01T00:00:00Z"}


def test_a_tuple_that_brings_the_time_of_its_decision_is_refused() -> None:
    fits = RelationTuple("user:eve", "viewer", "folder:1", "until", END)
    stopped = {**END, "current_time": "2000-01-01T00:00:00Z"}
    brings = RelationTuple("user:eve", "viewer", "folder:2", "until", stopped)
    found = sort(Model.from_dsl(UNTIL), frozenset(), [fits, brings])
    assert found.admitted == [fits]
    assert found.refused == [(brings, "the time of a decision is the server's")]
