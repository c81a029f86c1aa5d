"""What a write changes, decided before anything is changed; the same for every store."""

from collections.abc import Mapping, Sequence

from authz.errors import ConditionConflict, WriteConflict
from authz.model.subject import TupleKey
from authz.stores.protocol import NewTuple


def plan_write(
    found: Mapping[TupleKey, NewTuple],
    writes: Sequence[NewTuple],
    deletes: Sequence[TupleKey],
    *,
    ignore_duplicates: bool,
    replace_duplicates: bool = False,
    ignore_missing: bool,
) -> tuple[list[NewTuple], list[NewTuple]]:
    """Return what to add and what to remove, given the tuples that are there.

    Raises WriteConflict (2017) for a tuple that is there already or not there; ConditionConflict
    where a duplicate to ignore has another condition: ignoring that would hide a change. One to
    replace is removed and added.
    """
    removed: list[NewTuple] = []
    for key in deletes:
        old = found.get(key)
        if old is not None:
            removed.append(old)
        elif not ignore_missing:
            raise WriteConflict(f"cannot delete a tuple which does not exist: {key}")
    added: list[NewTuple] = []
    for new in writes:
        old = found.get(new.key)
        if old is None:
            added.append(new)
        elif not (ignore_duplicates or replace_duplicates):
            raise WriteConflict(f"cannot write a tuple which already exists: {new.key}")
        elif (old.condition, old.context) == (new.condition, new.context):
            continue
        elif replace_duplicates:
            removed.append(old)
            added.append(new)
        else:
            raise ConditionConflict(
                f"the tuple already exists with a different condition: {new.key}"
            )
    return added, removed
