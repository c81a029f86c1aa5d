"""The relationship engine as the server uses it: one store of tuples, inside a transaction."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias

from authz.clock import Clock
from authz.engine.check import check_many
from authz.engine.conditions import Context
from authz.engine.expand import expand
from authz.engine.kept import check_many_kept
from authz.engine.limits import MAX_LISTED, MAX_REACHING
from authz.engine.listing import Listing, list_objects
from authz.engine.query import Query
from authz.engine.tuples import admit_write
from authz.engine.users import UserFilter, UserListing, list_users
from authz.engine.why.explain import explain
from authz.engine.why.explained import Explanation
from authz.engine.why.what_if import Changed, what_if
from authz.engine.why.who import Reach, reach
from authz.errors import CheckError, WriteError
from authz.model.compiled import Model
from authz.model.subject import RelationTuple, TupleKey, parse_object, parse_user
from authz.stores.cached import Answers, CachedTuples
from authz.stores.models import StoredModels
from authz.stores.protocol import Change, Filter, StoredTuple, TupleReader, TupleStore
from authz.stores.sql import SqlTuples, hold
from authz.timed import asks_time, timed
from authz.tx import Tx

OnDuplicate: TypeAlias = Literal["error", "ignore", "replace"]
OnMissing: TypeAlias = Literal["error", "ignore"]
Tuples: TypeAlias = Callable[[Tx, str], TupleStore]

__all__ = [
    "Changed",
    "CheckError",
    "Explanation",
    "Listing",
    "Query",
    "Reach",
    "RelationTuple",
    "Relations",
    "UserFilter",
    "UserListing",
    "WriteError",
]


class Relations:
    """Checks and writes of one store. Every method runs inside the caller's transaction.

    Conditions that ask for `current_time` get the clock's, unless the context says another.
    A check sees the transaction's own writes. What is kept between calls are compiled models, and
    answers of reads that are true at the store's revision (`stores.cached`).
    """

    def __init__(
        self,
        store_id: str,
        clock: Clock,
        *,
        tuples: Tuples = SqlTuples,
        answers: Answers | None = None,
    ) -> None:
        """Keep reads in `answers`, of this store alone; by default as many as that says."""
        self._store_id = store_id
        self._clock = clock
        self._tuples = tuples
        self._models = StoredModels(store_id)
        self._answers = Answers() if answers is None else answers

    @property
    def store_id(self) -> str:
        """Return the id of the store in the database."""
        return self._store_id

    def check_many(self, tx: Tx, queries: Sequence[Query]) -> list[bool | CheckError]:
        """Answer queries in their order; an error stands for its own query and is a denial.

        Raises ModelNotFound, a CheckError, while the store has no model.
        """
        if not queries:
            return []
        model, model_id, revision = self._models.current(tx)
        reader = self._reader(tx, revision)
        if tx.read_only:
            verdicts = self._answers.verdicts.under(revision, model_id)
            answers = check_many_kept(model, reader, queries, verdicts)
        else:
            answers = check_many(model, reader, queries)
        # What is true or false without the time is so at any time, and may have been kept.
        open_still = [n for n, answer in enumerate(answers) if isinstance(answer, CheckError)]
        if open_still and asks_time(model):
            again = [self._timed(model, queries[n]) for n in open_still]
            for n, answer in zip(open_still, check_many(model, reader, again), strict=True):
                answers[n] = answer
        return answers

    def list_objects(
        self,
        tx: Tx,
        user: str,
        relation: str,
        type: str,
        limit: int = MAX_LISTED,
        *,
        context: Context | None = None,
        after: str = "",
    ) -> Listing:
        """List the objects of a type that a user holds, by name; says when it is truncated.

        `after` is the last object of the page before.
        """
        model, _, revision = self._models.current(tx)
        store = self._reader(tx, revision)
        context = timed(model, self._clock.now(), context)
        return list_objects(
            model, store, user, relation, type, context=context, limit=limit, after=after
        )

    def list_users(
        self,
        tx: Tx,
        object: str,
        relation: str,
        filters: Sequence[UserFilter],
        limit: int = MAX_LISTED,
        *,
        context: Context | None = None,
        after: str = "",
    ) -> UserListing:
        """List who holds a relation on an object, of the kinds of users that `filters` name.

        `after` is the last user of the page before.
        """
        model, _, revision = self._models.current(tx)
        store = self._reader(tx, revision)
        context = timed(model, self._clock.now(), context)
        return list_users(
            model, store, object, relation, filters, context=context, limit=limit, after=after
        )

    def expand(self, tx: Tx, object: str, relation: str) -> dict[str, Any]:
        """Return where the holders of one relation come from, as OpenFGA's `tree`."""
        model, _, _ = self._models.current(tx)
        return expand(model, self._tuples(tx, self._store_id), object, relation)

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

        `on_duplicate="replace"` gives a tuple that is there its new condition and context.

        Raises WriteError (nothing is changed): RefusedTuple, DuplicateInRequest, WriteConflict,
        ConditionConflict, TooManyTuples. A deletion's condition is not looked at.
        """
        if not writes and not deletes:
            return self.revision(tx)
        model, _, _ = self._models.current(tx)
        new, gone = admit_write(model, writes, deletes)
        return self._tuples(tx, self._store_id).write(
            new,
            gone,
            self._clock.now(),
            ignore_duplicates=on_duplicate == "ignore",
            replace_duplicates=on_duplicate == "replace",
            ignore_missing=on_missing == "ignore",
        )

    def explain(self, tx: Tx, query: Query) -> Explanation:
        """Say why a check answers as it does. Raises CheckError for what does not fit the model.

        An explanation tells what exists: it is for those who may know all of the store.
        """
        model, _, _ = self._models.current(tx)
        return explain(model, self._tuples(tx, self._store_id), self._timed(model, query))

    def reach(
        self,
        tx: Tx,
        object: str,
        relation: str,
        limit: int = MAX_REACHING,
        *,
        context: Context | None = None,
    ) -> Reach:
        """Find who holds a relation on an object, each with a proof; says when it is truncated."""
        model, _, _ = self._models.current(tx)
        store = self._tuples(tx, self._store_id)
        context = timed(model, self._clock.now(), context)
        return reach(model, store, object, relation, context=context, limit=limit)

    def what_if(
        self,
        tx: Tx,
        writes: Sequence[RelationTuple] = (),
        deletes: Sequence[RelationTuple] = (),
        queries: Sequence[Query] = (),
    ) -> tuple[Changed, ...]:
        """Return the queries whose answer a write would change; nothing is stored.

        Raises WriteError as the write itself would, and CheckError for too many queries.
        """
        model, _, _ = self._models.current(tx)
        new, gone = admit_write(model, writes, deletes)
        asked = [self._timed(model, query) for query in queries]
        given = {id(timely): query for timely, query in zip(asked, queries, strict=True)}
        changed = what_if(model, self._tuples(tx, self._store_id), new, gone, asked)
        return tuple(replace(each, query=given[id(each.query)]) for each in changed)

    def delete_user(self, tx: Tx, user: str) -> int:
        """Delete every tuple whose user is this one; return how many.

        Of an object without a relation, its usersets (`group:g#member`) go as well.
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

    def take_turn(self, tx: Tx) -> int:
        """Wait for other writers of the store, and keep them waiting; return its revision."""
        return hold(tx, self._store_id, self._clock.now())

    def put_model(self, tx: Tx, model: Model) -> str:
        """Put a model in force and return its id; unchanged if it is already in force."""
        return self._models.put(tx, model, self._clock.now())

    def model(self, tx: Tx) -> Model:
        """Return the model in force. Raises ModelNotFound."""
        return self._models.current(tx)[0]

    def with_time(self, tx: Tx, queries: Sequence[Query]) -> list[Query]:
        """Return the queries with the time, if the model asks for it and they do not say it."""
        model = self._models.current(tx)[0]
        return [self._timed(model, query) for query in queries]

    def _timed(self, model: Model, query: Query) -> Query:
        return replace(query, context=timed(model, self._clock.now(), query.context))

    def _reader(self, tx: Tx, revision: int) -> TupleReader:
        store = self._tuples(tx, self._store_id)
        return CachedTuples(store, self._answers, revision) if tx.read_only else store
