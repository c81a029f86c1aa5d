"""Stores with a name, as the OpenFGA API makes, lists and deletes them."""

from typing import NamedTuple

from sqlalchemy import bindparam, insert, select, update

from authz.stores.tables import authz_named_store, authz_store
from authz.tx import Tx

_S = authz_named_store.c
_COLUMNS = (_S.id, _S.name, _S.created_at, _S.updated_at)
_ALIVE = _S.deleted_at.is_(None)
_INSERT = insert(authz_named_store)
_GET = select(*_COLUMNS).where(_S.id == bindparam("id"), _ALIVE)
_BEHIND = (
    select(*_COLUMNS)
    .where(_S.id > bindparam("after"), _ALIVE)
    .order_by(_S.id)
    .limit(bindparam("limit"))
)
_BEHIND_NAMED = _BEHIND.where(_S.name == bindparam("wanted"))
_DELETE = (
    update(authz_named_store)
    .where(_S.id == bindparam("gone"), _ALIVE)
    .values(deleted_at=bindparam("at"), updated_at=bindparam("at"))
)


class NamedStore(NamedTuple):
    """A store as the API shows it. Times are Unix milliseconds."""

    id: str
    name: str
    created_at: int
    updated_at: int


def add(tx: Tx, store: NamedStore) -> None:
    """Make a store."""
    tx.execute(_INSERT, {**store._asdict(), "deleted_at": None})


def get(tx: Tx, store_id: str) -> NamedStore | None:
    """Return a store that exists and is not deleted."""
    rows = tx.fetch(_GET, {"id": store_id})
    return NamedStore(*rows[0]) if rows else None


def page(tx: Tx, *, after: str, limit: int, name: str = "") -> list[NamedStore]:
    """Return stores behind the id `after`, oldest first, those of one name if it is given."""
    params: dict[str, object] = {"after": after, "limit": limit}
    if name:
        params["wanted"] = name
    rows = tx.fetch(_BEHIND_NAMED if name else _BEHIND, params)
    return [NamedStore(*row) for row in rows]


def delete(tx: Tx, store_id: str, now: int) -> None:
    """Take a store away from the API for good; its rows stay for who must look into them."""
    tx.execute(_DELETE, {"gone": store_id, "at": now})


class Standing(NamedTuple):
    """Where a store stands: its revision and the model in force, 0 and empty before the first."""

    revision: int
    model_id: str


_STANDING = (
    select(authz_store.c.revision, authz_store.c.model_id)
    .select_from(authz_named_store.outerjoin(authz_store, authz_store.c.id == _S.id))
    .where(_S.id == bindparam("id"), _ALIVE)
)


def standing(tx: Tx, store_id: str) -> Standing | None:
    """Return where a store stands, or none if it does not exist or is deleted."""
    rows = tx.fetch(_STANDING, {"id": store_id})
    return Standing(int(rows[0][0] or 0), rows[0][1] or "") if rows else None


_UNNAMED = select(authz_store.c.revision, authz_store.c.model_id).where(
    authz_store.c.id == bindparam("id")
)


def standing_unnamed(tx: Tx, store_id: str) -> Standing | None:
    """Return where a store stands that has no name, or none before its first write."""
    rows = tx.fetch(_UNNAMED, {"id": store_id})
    return Standing(int(rows[0][0]), rows[0][1]) if rows else None
