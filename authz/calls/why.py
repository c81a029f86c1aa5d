"""Why a check of a store answers as it does, who reaches an object, and what a write would do."""

from collections.abc import Sequence

from authz.calls.queries import Item
from authz.calls.refusals import NothingToWrite
from authz.calls.scene import Setting, Where, enter
from authz.calls.tuples import Write
from authz.engine.conditions import Context
from authz.engine.query import Query
from authz.engine.tuples import admit_write
from authz.engine.why.explain import explain
from authz.engine.why.explained import Explanation
from authz.engine.why.what_if import Changed, what_if
from authz.engine.why.who import Reach, reach
from authz.stores.sql import SqlTuples
from authz.tx import Tx


def explained(tx: Tx, setting: Setting, where: Where, item: Item) -> tuple[Explanation, int]:
    """Explain a check, with the store's revision.

    Raises what `enter` raises, and CheckError for a question that does not fit the model.
    """
    scene = enter(tx, setting, where, item.contextual)
    return explain(scene.model, scene.tuples, item.query), scene.revision


def reached(
    tx: Tx,
    setting: Setting,
    where: Where,
    object: str,
    relation: str,
    context: Context | None,
    limit: int,
) -> tuple[Reach, int]:
    """Find who holds a relation, each with a proof. Raises what `enter` raises, and CheckError."""
    scene = enter(tx, setting, where)
    store = SqlTuples(tx, where.store)
    found = reach(scene.model, store, object, relation, context=context, limit=limit)
    return found, scene.revision


def compared(
    tx: Tx, setting: Setting, where: Where, asked: Write, queries: Sequence[Query]
) -> tuple[tuple[Changed, ...], int]:
    """Return the questions that a write would have answered otherwise; nothing is stored.

    Raises what `enter` and the write itself raise.
    """
    if not asked.writes and not asked.deletes:
        raise NothingToWrite("Make sure you provide at least one write, or at least one delete")
    scene = enter(tx, setting, where)
    new, gone = admit_write(scene.model, asked.writes, asked.deletes)
    store = SqlTuples(tx, where.store)
    return what_if(scene.model, store, new, gone, queries), scene.revision
