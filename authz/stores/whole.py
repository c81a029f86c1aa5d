"""A page of a whole store: the one selection that names neither an object nor a user."""

from sqlalchemy import Text, bindparam, exists, func, select
from sqlalchemy.sql.elements import ClauseElement

from authz.model.subject import TupleKey
from authz.stores.protocol import Filter, StoredTuple
from authz.stores.sql import SqlTuples
from authz.stores.tables import authz_tuple
from authz.tx import Tx


def _types_statement() -> ClauseElement:
    """Step from type to type by the index: the key begins with the type, not with the store."""
    first = select(func.min(authz_tuple.c.object_type).label("type")).where(
        authz_tuple.c.object_type >= bindparam("first", type_=Text())
    )
    kinds = first.cte("kinds", recursive=True)
    following = (
        select(func.min(authz_tuple.c.object_type))
        .where(authz_tuple.c.object_type > kinds.c.type)
        .scalar_subquery()
    )
    kinds = kinds.union_all(select(following).where(kinds.c.type.is_not(None)))
    held = exists().where(
        authz_tuple.c.object_type == kinds.c.type, authz_tuple.c.store == bindparam("store")
    )
    wanted = select(kinds.c.type).where(kinds.c.type.is_not(None), held)
    return wanted.limit(bindparam("limit"))


_TYPES = _types_statement()


def page_of_store(
    tx: Tx, store: str, limit: int, after: TupleKey | None = None
) -> list[StoredTuple]:
    """Return tuples of a store in key order, from behind `after`."""
    first = after.object_type if after is not None else ""
    types = tx.fetch(_TYPES, {"first": first, "store": store, "limit": limit + 1})
    tuples = SqlTuples(tx, store)
    found: list[StoredTuple] = []
    for (object_type,) in types:
        behind = after if after is not None and object_type == first else None
        found += tuples.read(Filter(object_type=object_type), limit - len(found), behind)
        if len(found) >= limit:
            break
    return found
