"""A batch of checks: tuples of their own, and one budget of reads for all of them."""

from authz.calls import queries
from authz.calls.queries import Item, check_batch
from authz.calls.scene import Scene
from authz.engine.query import Query
from authz.engine.tuples import admit_to_store
from authz.errors import ResolutionTooComplex
from authz.model.compiled import Model
from authz.model.subject import RelationTuple
from authz.stores.memory import MemoryTuples
from tests.engine.world import HEADER

MODEL = Model.from_dsl(
    HEADER
    + """type user
type group
  relations
    define member: [user]
type folder
  relations
    define viewer: [user, group#member]
"""
)
GROUPS = 6
QUESTION = Query("user:anne", "viewer", "folder:1")
OWN = [(RelationTuple("user:anne", "member", f"group:{number}"),) for number in range(GROUPS)]


def wide() -> Scene:
    """A folder that many groups see."""
    given = [RelationTuple(f"group:{n}#member", "viewer", "folder:1") for n in range(GROUPS)]
    stored = MemoryTuples([admit_to_store(MODEL, one) for one in given])
    return Scene("store", MODEL, "model", 1, stored)


def test_what_a_batch_cannot_afford_is_refused(monkeypatch):
    monkeypatch.setattr(queries, "MAX_BATCH_TUPLES", 20)
    answers = check_batch(wide(), [Item(QUESTION, own) for own in OWN])
    # Never answered by what was read so far.
    assert answers[0] is True
    assert isinstance(answers[-1], ResolutionTooComplex)
    assert all(one is True or isinstance(one, ResolutionTooComplex) for one in answers)


def test_items_with_the_same_tuples_of_their_own_are_read_together(monkeypatch):
    monkeypatch.setattr(queries, "MAX_BATCH_TUPLES", 20)
    assert check_batch(wide(), [Item(QUESTION, OWN[0])] * 50) == [True] * 50
