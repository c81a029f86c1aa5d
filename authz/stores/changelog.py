"""The changelog read page by page, by the exact entry, not by whole revisions."""

from typing import NamedTuple

from sqlalchemy import bindparam, select, tuple_

from authz.model.subject import TupleKey
from authz.stores.protocol import Change
from authz.stores.selection import KEY_COLUMNS
from authz.stores.tables import authz_changelog
from authz.tx import Tx

_L = authz_changelog.c
_BEHIND = (
    select(
        _L.revision,
        _L.position,
        _L.deleted,
        *(_L[name] for name in KEY_COLUMNS),
        _L.condition,
        _L.context,
        _L.changed_at,
    )
    .where(
        _L.store == bindparam("store"),
        tuple_(_L.revision, _L.position)
        > tuple_(bindparam("after_revision"), bindparam("after_position")),
        _L.changed_at >= bindparam("since"),
    )
    .order_by(_L.revision, _L.position)
    .limit(bindparam("limit"))
)
_BEHIND_OF_TYPE = _BEHIND.where(_L.object_type == bindparam("object_type"))


class Place(NamedTuple):
    """Where an entry stands in a store's changelog."""

    revision: int
    position: int


BEGINNING = Place(0, -1)


def changes_behind(
    tx: Tx, store: str, after: Place, limit: int, *, object_type: str = "", since: int = 0
) -> list[tuple[Place, Change]]:
    """Return entries behind `after`, oldest first; of one type, and not older than `since`."""
    params: dict[str, object] = {
        "store": store,
        "after_revision": after.revision,
        "after_position": after.position,
        "since": since,
        "limit": limit,
    }
    if object_type:
        params["object_type"] = object_type
    rows = tx.fetch(_BEHIND_OF_TYPE if object_type else _BEHIND, params)
    return [
        (Place(row[0], row[1]),
         Change(row[0], bool(row[2]), TupleKey(*row[3:9]), row[9], row[10], row[11]))
        for row in rows
    ]  # fmt: skip
