"""Statements over the tuples that a filter selects: a page of them, or their deletion."""

from functools import lru_cache

from sqlalchemy import BigInteger, bindparam, delete, func, insert, literal_column, select, tuple_
from sqlalchemy.sql.elements import ClauseElement, ColumnElement

from authz.stores.selection import KEY_COLUMNS, order_of
from authz.stores.tables import authz_changelog, authz_tuple

_T = authz_tuple.c
_KEY = tuple(_T[name] for name in KEY_COLUMNS)


@lru_cache(maxsize=256)
def page(given: tuple[str, ...], *, behind: bool) -> ClauseElement:
    """Return the statement for a page: parameters store, limit, the filter's, and after_…."""
    query = select(*_KEY, _T.condition, _T.context, _T.inserted_at).where(*_clauses(given))
    # What the filter fixes does not order; without it SQLite reads the index in order.
    order = [_T[name] for name in order_of(given) if name not in given]
    if behind and order:
        query = query.where(tuple_(*order) > tuple_(*(bindparam(f"after_{c.name}") for c in order)))
    return query.order_by(*order).limit(bindparam("limit"))


@lru_cache(maxsize=64)
def deletion(given: tuple[str, ...]) -> tuple[ClauseElement, ClauseElement]:
    """Return two statements: log what is about to go, and delete it."""
    clauses = _clauses(given)
    query = select(
        _T.store,
        bindparam("revision", type_=BigInteger()),
        func.row_number().over(order_by=_KEY) - literal_column("1"),
        literal_column("1"),
        *_KEY,
        _T.condition,
        _T.context,
        bindparam("changed_at", type_=BigInteger()),
    )
    gone = query.where(*clauses)
    columns = (
        "store",
        "revision",
        "position",
        "deleted",
        *KEY_COLUMNS,
        "condition",
        "context",
        "changed_at",
    )
    return insert(authz_changelog).from_select(columns, gone), delete(authz_tuple).where(*clauses)


def _clauses(given: tuple[str, ...]) -> list[ColumnElement[bool]]:
    return [_T.store == bindparam("store"), *(_T[name] == bindparam(name) for name in given)]
