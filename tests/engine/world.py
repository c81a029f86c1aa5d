"""A model with tuples, written as people write them, and questions to it."""

from typing import Any

from authz.engine.check import check, check_many
from authz.engine.conditions import Context
from authz.engine.listing import list_objects
from authz.engine.query import Query
from authz.engine.tuples import admit
from authz.errors import AuthzError
from authz.model.compiled import Model
from authz.model.subject import RelationTuple
from authz.stores.memory import MemoryTuples
from authz.stores.overlay import Overlay
from authz.stores.protocol import TupleReader

HEADER = "model\n  schema 1.1\n"


def model(text: str) -> Model:
    """Compile a model whose header is left out."""
    return Model.from_dsl(HEADER + text)


def tuple_of(text: str, condition: str = "", **context: Any) -> RelationTuple:
    """Read `document:1#viewer@user:anne`."""
    left, _, user = text.partition("@")
    name, _, relation = left.partition("#")
    return RelationTuple(user, relation, name, condition, context or None)


class World:
    """A model and a store; answers are True, False, or the number of an error."""

    def __init__(self, text: str, *tuples: str | RelationTuple) -> None:
        self.model = model(text)
        self.store: TupleReader = MemoryTuples(self._admitted(tuples))

    def check(self, text: str, **context: Any) -> bool | int:
        """Ask `document:1#viewer@user:anne` alone; asking it in a batch must answer the same."""
        query = query_of(text, context)
        try:
            alone: bool | int = check(self.model, self.store, query)
        except AuthzError as error:
            alone = error.number
        # With company, so that it takes the way of batches.
        both = check_many(self.model, self.store, [query, query])
        together = [answer.number if isinstance(answer, AuthzError) else answer for answer in both]
        assert together == [alone, alone]
        return alone

    def listed(self, user: str, relation: str, type: str, **context: Any) -> list[str] | int:
        """List names of objects, or the number of the error."""
        try:
            found = list_objects(
                self.model, self.store, user, relation, type, context=context or None
            )
        except AuthzError as error:
            return error.number
        assert not found.truncated
        return [name.partition(":")[2] for name in found.objects]

    def with_tuples(self, *tuples: str | RelationTuple) -> "World":
        """Return the same world with a request's own tuples over it."""
        other = object.__new__(World)
        other.model = self.model
        other.store = Overlay(self.store, MemoryTuples(self._admitted(tuples)))
        return other

    def _admitted(self, tuples: tuple[str | RelationTuple, ...]) -> list[Any]:
        return [admit(self.model, tuple_of(t) if isinstance(t, str) else t) for t in tuples]


def query_of(text: str, context: Context | None = None) -> Query:
    """Read `document:1#viewer@user:anne` as a question."""
    given = tuple_of(text)
    return Query(given.user, given.relation, given.object, context or None)
