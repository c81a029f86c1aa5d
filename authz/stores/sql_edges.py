"""The reading statements of a check and of listings: one for each shape, not for each model.

A shape is how many relations of each sort a step wants. The relations themselves are parameters,
so names from a stranger's model never become SQL text.
"""

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Select,
    bindparam,
    collate,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.sql.elements import ClauseElement, ColumnElement

from authz.stores.json_lists import texts
from authz.stores.tables import authz_tuple

_T = authz_tuple.c
_EDGE = (
    _T.object_id,
    _T.relation,
    _T.user_type,
    _T.user_id,
    _T.user_relation,
    _T.condition,
    _T.context,
)
_EMPTY: ColumnElement[str] = literal_column("''")
"""A literal in the text, so that SQLite sees that the partial index applies."""


@lru_cache(maxsize=512)
def related(
    dialect: str, direct: int, usersets: int, tuplesets: int, *, many: bool
) -> ClauseElement:
    """Return the statement for a step.

    Parameters store, type, id or ids, user…, d0…, u0…, t0…, and most, the tuples to return.
    """
    arms: list[Select[Any]] = []
    if direct:
        named = _of(dialect, many=many).where(
            _T.relation.in_(_names("d", direct)),
            _T.user_type == bindparam("user_type"),
            _T.user_relation == bindparam("user_relation"),
        )
        one: BindParameter[str] = bindparam("user_id")
        everyone: BindParameter[str] = bindparam("user_or_all")
        if dialect == "sqlite":
            arms.append(named.where(_T.user_id.in_([one, everyone])))
        else:
            # Without statistics PostgreSQL takes the index by user, and two ids for a filter of
            # it: it would read every tuple of that type of user.
            arms += [named.where(_T.user_id == one), named.where(_T.user_id == everyone)]
    if tuplesets:
        arms.append(
            _of(dialect, many=many).where(
                _T.relation.in_(_names("t", tuplesets)), _T.user_relation == _EMPTY
            )
        )
    if usersets:
        arms.append(
            _of(dialect, many=many).where(
                _T.relation.in_(_names("u", usersets)), _T.user_relation > _EMPTY
            )
        )
    whole = arms[0] if len(arms) == 1 else union_all(*arms)
    return whole.limit(bindparam("most"))


@lru_cache(maxsize=128)
def held(dialect: str, object_types: int, relations: int) -> ClauseElement:
    """Return the statement for what some users of one kind hold by some relations.

    Parameters store, user_type, user_relation, ids, t0…, r0….
    """
    return _held(dialect, object_types, relations, many=True)


@lru_cache(maxsize=128)
def held_behind(dialect: str, relations: int, *, many: bool) -> ClauseElement:
    """Return the statement for the same, of the first objects behind a name, each whole.

    Parameters as of `held_next`, where limit counts objects.
    """
    of = _held(dialect, 1, relations, many=many)
    return _page(dialect, of, _T.object_id, ordered=False, seeks=False)


@lru_cache(maxsize=128)
def held_next(dialect: str, relations: int, *, many: bool) -> ClauseElement:
    """Return the statement for what users hold of one type, in the order of the objects.

    Parameters as of `held`, with id or ids, after, and limit, which counts tuples.
    """
    of = _held(dialect, 1, relations, many=many)
    name = _opaque(dialect, _T.object_id)
    return of.where(name > bindparam("after")).order_by(name).limit(bindparam("limit"))


@lru_cache(maxsize=128)
def holders(dialect: str, relations: int, *, many: bool) -> ClauseElement:
    """Return the statement for the tuples of the first plain users behind a name.

    Parameters store, type, id or ids, r0…, user_type, after, limit.
    """
    of = _of(dialect, many=many).where(
        _T.relation.in_(_names("r", relations)),
        _T.user_type == bindparam("user_type"),
        _T.user_relation == _EMPTY,
    )
    return _page(dialect, of, _T.user_id, ordered=not many and relations == 1, seeks=True)


def _page(
    dialect: str, of: Select[Any], column: ColumnElement[str], *, ordered: bool, seeks: bool
) -> Select[Any]:
    """Cut a query to the first names behind one; a name's tuples are never cut apart.

    The order is that of code points, as Python has it: the cursor passes through both. `ordered`:
    an index has the names of the query in their order; `seeks`: it can be searched by a name.
    """
    name = _in_order(dialect, column)
    opaque = _opaque(dialect, column)
    place = name if seeks else opaque
    label = (name if ordered else opaque).label("name")
    behind = of.where(place > bindparam("after"))
    first = behind.with_only_columns(label).distinct().order_by(label).limit(bindparam("limit"))
    last = select(func.max(first.subquery().c.name)).scalar_subquery()
    return behind.where(place <= last)


def _in_order(dialect: str, column: ColumnElement[str]) -> ColumnElement[str]:
    return column if dialect == "sqlite" else collate(column, "C")


def _opaque(dialect: str, column: ColumnElement[str]) -> ColumnElement[str]:
    """Return a name to compare and order by.

    SQLite takes both for reasons to search an index of far more tuples, unless they are those of
    an expression.
    """
    return _in_order(dialect, column).concat(_EMPTY)


def _held(dialect: str, object_types: int, relations: int, *, many: bool) -> Select[Any]:
    columns = (_T.user_id, _T.object_type, _T.object_id, _T.relation, _T.condition, _T.context)
    query = select(*columns)
    same: ColumnElement[bool] = _T.user_id == bindparam("id")
    # As an expression, or SQLite might search by the type of the objects and not by the user.
    kind = _T.object_type.concat(_EMPTY) if dialect == "sqlite" else _T.object_type
    return query.where(
        _T.store == bindparam("store"),
        _T.user_type == bindparam("user_type"),
        _T.user_id.in_(texts(dialect, "ids")) if many else same,
        _T.user_relation == bindparam("user_relation"),
        _T.relation.in_(_names("r", relations)),
        kind.in_(_names("t", object_types)),
    )


def _of(dialect: str, *, many: bool) -> Select[Any]:
    same: ColumnElement[bool] = _T.object_id == bindparam("id")
    return select(*_EDGE).where(
        _T.store == bindparam("store"),
        _T.object_type == bindparam("type"),
        _T.object_id.in_(texts(dialect, "ids")) if many else same,
    )


def _names(prefix: str, count: int) -> list[BindParameter[str]]:
    return [bindparam(f"{prefix}{number}") for number in range(count)]
