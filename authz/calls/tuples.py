"""Write, read and follow the tuples of a store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from authz.calls.continuation import give, take
from authz.calls.refusals import ContinuationOfAnotherType, NothingToWrite
from authz.calls.scene import Setting, Where, enter, stand
from authz.engine.tuples import admit_write
from authz.errors import CheckError
from authz.model.subject import RelationTuple, TupleKey, parse_object, parse_user
from authz.stores.changelog import BEGINNING, Place, changes_behind
from authz.stores.protocol import Change, Filter, StoredTuple
from authz.stores.sql import SqlTuples
from authz.stores.whole import page_of_store
from authz.tx import Tx

OnDuplicate: TypeAlias = Literal["error", "ignore", "replace"]
OnMissing: TypeAlias = Literal["error", "ignore"]

MAX_DELETED = 1_000
"""Tuples that one deletion by a selection deletes, in one transaction."""

_KEY_SHAPE = (str,) * len(TupleKey.__slots__)


@dataclass(frozen=True, slots=True)
class Write:
    """Deletions, then additions, all or nothing."""

    writes: tuple[RelationTuple, ...] = ()
    deletes: tuple[RelationTuple, ...] = ()
    on_duplicate: OnDuplicate = "error"
    on_missing: OnMissing = "error"


class Selection(NamedTuple):
    """What `read` returns and `delete_matching` deletes: texts of the API, each empty for any."""

    user: str = ""
    relation: str = ""
    object: str = ""


class Asked(NamedTuple):
    """Which page is asked for."""

    size: int
    token: str = ""


class TuplePage(NamedTuple):
    """A page of tuples, the token of the next (empty at the end), and the store's revision."""

    tuples: list[StoredTuple]
    token: str
    revision: int


class Deleted(NamedTuple):
    """How many tuples were found and how many of them deleted; `truncated` if there are more."""

    matched: int
    deleted: int
    truncated: bool
    revision: int


class ChangePage(NamedTuple):
    """A page of changes and the token of what comes behind it, now or later."""

    changes: list[Change]
    token: str
    revision: int


def write(tx: Tx, setting: Setting, where: Where, asked: Write) -> int:
    """Apply a write and return the store's new revision.

    Raises what `enter` raises, NothingToWrite, and WriteError: 2000 for a tuple that the model
    does not admit, as OpenFGA has it, 2004, 2017, 2053 and Aborted.
    """
    if not asked.writes and not asked.deletes:
        raise NothingToWrite("Make sure you provide at least one write, or at least one delete")
    scene = enter(tx, setting, where)
    new, gone = admit_write(scene.model, asked.writes, asked.deletes)
    return SqlTuples(tx, where.store).write(
        new,
        gone,
        setting.clock.now(),
        ignore_duplicates=asked.on_duplicate == "ignore",
        replace_duplicates=asked.on_duplicate == "replace",
        ignore_missing=asked.on_missing == "ignore",
    )


def read(tx: Tx, where: Where, selection: Selection | None, asked: Asked) -> TuplePage:
    """Return stored tuples in key order; without a selection those of the whole store.

    Raises StoreNotFound, BehindToken, CheckError (2000) and InvalidContinuation.
    """
    revision = stand(tx, where).revision
    matching = None if selection is None else _filter(selection)
    scope = (where.store, *(selection or ()))
    after = None
    if asked.token:
        after = TupleKey(*(str(p) for p in take("read", scope, asked.token, _KEY_SHAPE)))
    # One more than asked for tells whether there is another page.
    if matching is None:
        found = page_of_store(tx, where.store, asked.size + 1, after)
    else:
        found = SqlTuples(tx, where.store).read(matching, asked.size + 1, after)
    page = found[: asked.size]
    more = len(found) > asked.size
    token = give("read", scope, _parts(page[-1].key)) if more else ""
    return TuplePage(page, token, revision)


def delete_matching(
    tx: Tx, setting: Setting, where: Where, selection: Selection, *, dry_run: bool
) -> Deleted:
    """Delete the first MAX_DELETED tuples that `read` would return; none of them in a dry run.

    The keys are read first and then exactly these are deleted, all or nothing, in one revision.
    What another writer took in between is not counted. Raises what `read` raises.
    """
    revision = stand(tx, where).revision
    store = SqlTuples(tx, where.store)
    found = store.read(_filter(selection), MAX_DELETED + 1)
    keys = [stored.key for stored in found[:MAX_DELETED]]
    more = len(found) > MAX_DELETED
    if dry_run or not keys:
        return Deleted(len(keys), 0, more, revision)
    revision = store.write([], keys, setting.clock.now(), ignore_missing=True)
    deleted = len(store.changes(revision - 1, MAX_DELETED))
    return Deleted(len(keys), deleted, more, revision)


def changes(
    tx: Tx, where: Where, asked: Asked, *, object_type: str = "", since: int = 0
) -> ChangePage:
    """Return what changed, oldest first; `since` (Unix ms) counts only without a token.

    Raises StoreNotFound, BehindToken, InvalidContinuation and ContinuationOfAnotherType.
    """
    revision = stand(tx, where).revision
    after = BEGINNING
    if asked.token:
        kind, at, position = take("changes", (where.store,), asked.token, (str, int, int))
        if kind != object_type:
            message = "The type in the querystring and the continuation token don't match"
            raise ContinuationOfAnotherType(message)
        after, since = Place(int(at), int(position)), 0
    found = changes_behind(tx, where.store, after, asked.size, object_type=object_type, since=since)
    if not found:
        return ChangePage([], asked.token, revision)
    token = give("changes", (where.store,), (object_type, *found[-1][0]))
    return ChangePage([change for _, change in found], token, revision)


def _filter(selection: Selection) -> Filter:
    kind, colon, object_id = selection.object.partition(":")
    of_user = bool(selection.user) and not selection.object
    if not of_user and (not kind or not colon or not (object_id or selection.user)):
        raise CheckError(
            "the 'tuple_key' field was provided but it names neither a user, nor an object, nor "
            "a user and the type of the objects"
        )
    if object_id:
        kind, object_id = parse_object(selection.object)
    user = parse_user(selection.user) if selection.user else None
    return Filter(
        object_type=kind,
        object_id=object_id,
        relation=selection.relation,
        user_type=user.type if user else "",
        user_id=user.id if user else "",
        user_relation=user.relation if user else "",
    )


def _parts(key: TupleKey) -> Sequence[str]:
    return [str(getattr(key, name)) for name in TupleKey.__slots__]
