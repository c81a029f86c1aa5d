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
    """Return the statement for a step: parameters store, type, id or ids, user…, d0…, u0…, t0…."""
    arms: list[Select[Any]] = []
    if direct:
        users: list[BindParameter[str]] = [bindparam("user_id"), bindparam("user_or_all")]
        arms.append(
            _of(dialect, many=many).where(
                _T.relation.in_(_names("d", direct)),
                _T.user_type == bindparam("user_type"),
                _T.user_id.in_(users),
                _T.user_relation == bindparam("user_relation"),
            )
        )
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
    return arms[0] if len(arms) == 1 else union_all(*arms)


@lru_cache(maxsize=128)
def held(dialect: str, relations: int) -> ClauseElement:
    """Return the statement for what some users of one kind hold by some relations."""
    columns = (_T.user_id, _T.object_type, _T.object_id, _T.relation, _T.condition, _T.context)
    query = select(*columns)
    return query.where(
        _T.store == bindparam("store"),
        _T.user_type == bindparam("user_type"),
        _T.user_id.in_(texts(dialect, "ids")),
        _T.user_relation == bindparam("user_relation"),
        _T.relation.in_(_names("r", relations)),
    )


@lru_cache(maxsize=128)
def holders(dialect: str, relations: int, *, many: bool) -> ClauseElement:
    """Return the statement for the tuples of the first plain users behind a name.

    Parameters store, type, id or ids, r0…, user_type, after, limit. The names are counted first,
    so that a user's tuples are never cut apart.
    """
    # In the order of code points, as Python has it: the cursor passes through both.
    name = _T.user_id if dialect == "sqlite" else collate(_T.user_id, "C")
    of = _of(dialect, many=many).where(
        _T.relation.in_(_names("r", relations)),
        _T.user_type == bindparam("user_type"),
        _T.user_relation == _EMPTY,
        name > bindparam("after"),
    )
    # Only one relation of one object has its users in the order of the key. For more SQLite would
    # rather take every user of the type in that order, unless it is an expression that orders.
    label = (name if not many and relations == 1 else name.concat(_EMPTY)).label("name")
    first = of.with_only_columns(label).distinct().order_by(label).limit(bindparam("limit"))
    last = select(func.max(first.subquery().c.name)).scalar_subquery()
    return of.where(name <= last)


def _of(dialect: str, *, many: bool) -> Select[Any]:
    same: ColumnElement[bool] = _T.object_id == bindparam("id")
    return select(*_EDGE).where(
        _T.store == bindparam("store"),
        _T.object_type == bindparam("type"),
        _T.object_id.in_(texts(dialect, "ids")) if many else same,
    )


def _names(prefix: str, count: int) -> list[BindParameter[str]]:
    return [bindparam(f"{prefix}{number}") for number in range(count)]
