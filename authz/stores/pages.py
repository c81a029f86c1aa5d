"""Where a page of tuples ends: with a whole object."""

from collections.abc import Sequence

from authz.stores.protocol import Held, HeldPage


def whole_objects(rows: Sequence[Held], limit: int) -> HeldPage | None:
    """Cut tuples, in the order of their objects, to `limit` of them and to whole objects.

    Returns None if the first object has more than that.
    """
    if len(rows) <= limit:
        return HeldPage(list(rows))
    partial = rows[limit][1][1]
    whole = [held for held in rows[:limit] if held[1][1] != partial]
    return HeldPage(whole, whole[-1][1][1]) if whole else None
