"""A dry run: which answers would a write change? Nothing is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from authz.engine.check import check_many
from authz.engine.query import Query, Verdict
from authz.errors import CheckError
from authz.model.compiled import Model
from authz.model.subject import TupleKey
from authz.stores.memory import MemoryTuples
from authz.stores.overlay import Overlay, Without
from authz.stores.planning import plan_write
from authz.stores.protocol import Filter, NewTuple, TupleStore


@dataclass(frozen=True, slots=True)
class Changed:
    """A question whose answer a write would change; an error is a denial with its reason."""

    query: Query
    before: Verdict
    after: Verdict

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, with stable names."""
        return {
            "user": self.query.user,
            "relation": self.query.relation,
            "object": self.query.object,
            "before": _word(self.before),
            "after": _word(self.after),
        }


def what_if(
    model: Model,
    store: TupleStore,
    writes: Sequence[NewTuple],
    deletes: Sequence[TupleKey],
    queries: Sequence[Query],
) -> tuple[Changed, ...]:
    """Return the queries that are answered otherwise behind the write, in their order.

    Raises what the write itself would: WriteConflict where a tuple is there already, or is not.
    """
    found: dict[TupleKey, NewTuple] = {}
    for key in [*deletes, *(new.key for new in writes)]:
        old = _stored(store, key)
        if old is not None:
            found[key] = old
    added, removed = plan_write(
        found, writes, deletes, ignore_duplicates=False, ignore_missing=False
    )
    left = Without(store, frozenset(old.key for old in removed))
    before = check_many(model, store, queries)
    after = check_many(model, Overlay(left, MemoryTuples(added)), queries)
    return tuple(
        Changed(query, was, will)
        for query, was, will in zip(queries, before, after, strict=True)
        if _word(was) != _word(will)
    )


def _stored(store: TupleStore, key: TupleKey) -> NewTuple | None:
    """Return the tuple of a key. An empty `user_relation` matches any, and sorts first."""
    exact = Filter(
        key.object_type,
        key.object_id,
        key.relation,
        key.user_type,
        key.user_id,
        key.user_relation,
    )
    rows = store.read(exact, 1)
    if not rows or rows[0].key != key:
        return None
    return NewTuple(key, rows[0].condition, rows[0].context)


def _word(verdict: Verdict) -> str:
    if isinstance(verdict, CheckError):
        return "error"
    return "allowed" if verdict else "denied"
