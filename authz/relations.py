"""The relationship engine as the server uses it: one store of tuples, inside a transaction."""

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from authz.clock import Clock
from authz.engine.check import check_many
from authz.engine.conditions import Context
from authz.engine.limits import MAX_LISTED, MAX_TUPLES_PER_WRITE
from authz.engine.listing import Listing, list_objects
from authz.engine.query import Query
from authz.engine.tuples import admit_to_store
from authz.errors import (
    CheckError,
    DuplicateInRequest,
    RefusedTuple,
    TooManyTuples,
    WriteError,
)
from authz.model.compiled import Model
from authz.model.subject import RelationTuple, TupleKey, parse_key, parse_object, parse_user
from authz.stores.models import StoredModels
from authz.stores.protocol import Change, Filter, StoredTuple, TupleStore
from authz.stores.sql import SqlTuples
from authz.tx import Tx

OnDuplicate: TypeAlias = Literal["error", "ignore"]
OnMissing: TypeAlias = Literal["error", "ignore"]
Tuples: TypeAlias = Callable[[Tx, str], TupleStore]

__all__ = [
    "CheckError",
    "Listing",
    "Query",
    "RelationTuple",
    "Relations",
    "WriteError",
]


class Relations:
    """Checks and writes of one store. Every method runs inside the caller's transaction.

    A check sees the transaction's own writes. Nothing but compiled models is kept between calls,
    so there is nothing that could be stale.
    """

    def __init__(self, store_id: str, clock: Clock, *, tuples: Tuples = SqlTuples) -> None:
        self._store_id = store_id
        self._clock = clock
        self._tuples = tuples
        self._models = StoredModels(store_id)

    def check_many(self, tx: Tx, queries: Sequence[Query]) -> list[bool | CheckError]:
        """Answer queries in their order; an error stands for its own query and is a denial.

        Raises ModelNotFound, a CheckError, while the store has no model.
        """
        if not queries:
            return []
        model, _, _ = self._models.current(tx)
        return check_many(model, self._tuples(tx, self._store_id), queries)

    def list_objects(
        self,
        tx: Tx,
        user: str,
        relation: str,
        type: str,
        limit: int = MAX_LISTED,
        *,
        context: Context | None = None,
    ) -> Listing:
        """List the objects of a type that a user holds, by name; says when it is truncated."""
        model, _, _ = self._models.current(tx)
        store = self._tuples(tx, self._store_id)
        return list_objects(model, store, user, relation, type, context=context, limit=limit)

    def write(
        self,
        tx: Tx,
        writes: Sequence[RelationTuple] = (),
        deletes: Sequence[RelationTuple] = (),
        *,
        on_duplicate: OnDuplicate = "error",
        on_missing: OnMissing = "error",
    ) -> int:
        """Delete, then write, all or nothing; return the store's new revision.

        Raises WriteError (nothing is changed): RefusedTuple, DuplicateInRequest, WriteConflict,
        ConditionConflict, TooManyTuples. A deletion's condition is not looked at.
        """
        if len(writes) + len(deletes) > MAX_TUPLES_PER_WRITE:
            raise TooManyTuples(f"more than {MAX_TUPLES_PER_WRITE} tuples in one write")
        if not writes and not deletes:
            return self.revision(tx)
        model, _, _ = self._models.current(tx)
        new = [admit_to_store(model, given) for given in writes]
        gone = [_key(given) for given in deletes]
        keys: set[TupleKey] = set()
        for key in [*gone, *(one.key for one in new)]:
            if key in keys:
                raise DuplicateInRequest(f"duplicate tuple in write: {key}")
            keys.add(key)
        return self._tuples(tx, self._store_id).write(
            new,
            gone,
            self._clock.now(),
            ignore_duplicates=on_duplicate == "ignore",
            ignore_missing=on_missing == "ignore",
        )

    def delete_user(self, tx: Tx, user: str) -> int:
        """Delete every tuple whose user is exactly this one; return how many.

        Usersets of it (`group:g#member`) are users of their own and stay.
        """
        holder = parse_user(user)
        selected = Filter(user_type=holder.type, user_id=holder.id, user_relation=holder.relation)
        return self._tuples(tx, self._store_id).delete_matching(selected, self._clock.now())

    def delete_object(self, tx: Tx, object: str) -> int:
        """Delete every tuple of an object, as when the object itself is deleted."""
        object_type, object_id = parse_object(object)
        selected = Filter(object_type=object_type, object_id=object_id)
        return self._tuples(tx, self._store_id).delete_matching(selected, self._clock.now())

    def read(
        self,
        tx: Tx,
        *,
        user: str = "",
        relation: str = "",
        object: str = "",
        limit: int = 100,
        after: TupleKey | None = None,
    ) -> list[StoredTuple]:
        """Return stored tuples of an object (`document:1`, or `document:` for the type) or user.

        At least one of the two is given. In key order; `after` is the last key of a page before.
        """
        holder = parse_user(user) if user else None
        kind, object_id = object.removesuffix(":"), ""
        if object and not object.endswith(":"):
            kind, object_id = parse_object(object)
        selected = Filter(
            object_type=kind,
            object_id=object_id,
            relation=relation,
            user_type=holder.type if holder else "",
            user_id=holder.id if holder else "",
            user_relation=holder.relation if holder else "",
        )
        return self._tuples(tx, self._store_id).read(selected, limit, after)

    def changes(self, tx: Tx, after: int, limit: int = 100) -> list[Change]:
        """Return changes of revisions behind `after`, oldest first."""
        return self._tuples(tx, self._store_id).changes(after, limit)

    def revision(self, tx: Tx) -> int:
        """Return the store's revision: it grows with every write of tuples or of a model."""
        return self._tuples(tx, self._store_id).revision()

    def put_model(self, tx: Tx, model: Model) -> str:
        """Put a model in force and return its id; unchanged if it is already in force."""
        return self._models.put(tx, model, self._clock.now())

    def model(self, tx: Tx) -> Model:
        """Return the model in force. Raises ModelNotFound."""
        return self._models.current(tx)[0]


def _key(given: RelationTuple) -> TupleKey:
    try:
        return parse_key(given.user, given.relation, given.object)
    except CheckError as error:
        raise RefusedTuple(str(error)) from error
