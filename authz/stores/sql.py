"""Tuples in the product's own database, through the transaction of whoever asks.

So a consent and its tuples commit together, and a check inside the transaction sees them before
that. ANALYZE must never run on `authz_tuple`: SQLite then plans a Bloom filter over the table,
80 to 140 times slower (a test guards the plans).
"""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, insert, select, tuple_, update
from sqlalchemy.sql.elements import ClauseElement

from authz.errors import ResolutionTooComplex
from authz.model.subject import Subject, TupleKey
from authz.stores import sql_edges, sql_selections
from authz.stores.json_lists import keys
from authz.stores.pages import whole_objects
from authz.stores.planning import plan_write
from authz.stores.protocol import (
    Change,
    EdgeRow,
    Filter,
    Held,
    HeldPage,
    NewTuple,
    StoredTuple,
    Wanted,
)
from authz.stores.selection import KEY_COLUMNS
from authz.stores.tables import authz_changelog, authz_store, authz_tuple
from authz.tx import Tx, insert_ignore

_T = authz_tuple.c
MOST_AT_ONCE = 100_000
"""Tuples that one step of a check reads; twice the object relations that a check may visit."""
_KEY = tuple(_T[name] for name in KEY_COLUMNS)
_IN_STORE = _T.store == bindparam("store")

_REVISION = select(authz_store.c.revision).where(authz_store.c.id == bindparam("store"))
_BUMP = (
    update(authz_store)
    .where(authz_store.c.id == bindparam("store"))
    .values(revision=authz_store.c.revision + 1)
    .returning(authz_store.c.revision)
)
_HOLD = (
    update(authz_store)
    .where(authz_store.c.id == bindparam("store"))
    .values(revision=authz_store.c.revision)
    .returning(authz_store.c.revision)
)
_CREATE_STORE = insert_ignore(authz_store)
_INSERT = insert(authz_tuple)
_INSERT_CHANGE = insert(authz_changelog)
_DELETE = delete(authz_tuple).where(
    _IN_STORE, *(column == bindparam(f"key_{column.name}") for column in _KEY)
)
_CHANGES = (
    select(
        authz_changelog.c.revision,
        authz_changelog.c.deleted,
        *(authz_changelog.c[name] for name in KEY_COLUMNS),
        authz_changelog.c.condition,
        authz_changelog.c.context,
        authz_changelog.c.changed_at,
    )
    .where(
        authz_changelog.c.store == bindparam("store"),
        authz_changelog.c.revision > bindparam("after"),
    )
    .order_by(authz_changelog.c.revision, authz_changelog.c.position)
    .limit(bindparam("limit"))
)


def _existing(dialect: str) -> ClauseElement:
    wanted = keys(dialect, "keys")
    return select(*_KEY, _T.condition, _T.context).where(_IN_STORE, tuple_(*_KEY).in_(wanted))


_EXISTING = {dialect: _existing(dialect) for dialect in ("sqlite", "postgresql")}


class SqlTuples:
    """The tuples of one store, seen through one transaction."""

    __slots__ = ("_store", "_tx")

    def __init__(self, tx: Tx, store: str) -> None:
        self._tx = tx
        self._store = store

    def related(self, wanted: Wanted, ids: Sequence[str], user: Subject) -> list[EdgeRow]:
        """Return the wanted tuples of the objects `ids` in one statement."""
        many = len(ids) != 1
        shape = (len(wanted.direct), len(wanted.usersets), len(wanted.tuplesets))
        if not any(shape):
            return []
        named = wanted.prepared.get("sql")
        if named is None:
            named = wanted.prepared["sql"] = _named(wanted)
        statement = sql_edges.related(self._tx.dialect, *shape, many=many)
        params = {**named, "store": self._store, "id": ids[0], "most": MOST_AT_ONCE + 1}
        if many:
            params["ids"] = orjson.dumps(ids).decode()
        if wanted.direct:
            params["user_type"] = user.type
            params["user_id"] = user.id
            # Nobody has an empty id.
            params["user_or_all"] = "" if user.relation or user.id == "*" else "*"
            params["user_relation"] = user.relation
        rows = self._tx.fetch(statement, params)
        if len(rows) > MOST_AT_ONCE:
            raise ResolutionTooComplex("more tuples than one step reads")
        return rows

    def held(
        self,
        user_type: str,
        user_relation: str,
        ids: Sequence[str],
        object_types: Sequence[str],
        relations: Sequence[str],
    ) -> list[Held]:
        """Return, with the user's id, what the users `ids` hold by one of `relations`."""
        params = self._of_users(user_type, user_relation, ids, relations)
        params.update((f"t{number}", name) for number, name in enumerate(object_types))
        statement = sql_edges.held(self._tx.dialect, len(object_types), len(relations))
        return [(row[0], row[1:]) for row in self._tx.fetch(statement, params)]

    def held_behind(
        self,
        user_type: str,
        user_relation: str,
        ids: Sequence[str],
        object_type: str,
        relations: Sequence[str],
        after: str,
        limit: int,
    ) -> HeldPage:
        """Return a page of what the users hold, behind `after`."""
        params = self._of_users(user_type, user_relation, ids, relations)
        params |= {"t0": object_type, "after": after}
        dialect, many = self._tx.dialect, len(ids) != 1
        statement = sql_edges.held_next(dialect, len(relations), many=many)
        rows = self._tx.fetch(statement, {**params, "limit": limit + 1})
        page = whole_objects([(row[0], row[1:]) for row in rows], limit)
        if page is not None:
            return page
        # One object has more: all of its tuples, found by a statement of two passes.
        statement = sql_edges.held_behind(dialect, len(relations), many=many)
        rows = self._tx.fetch(statement, {**params, "limit": 1})
        return HeldPage([(row[0], row[1:]) for row in rows], rows[0][2])

    def holders(
        self,
        object_type: str,
        ids: Sequence[str],
        relations: Sequence[str],
        user_type: str,
        after: str,
        limit: int,
    ) -> list[EdgeRow]:
        """Return the tuples of the first `limit` plain users behind `after`, in one statement."""
        params: dict[str, object] = {
            "store": self._store,
            "type": object_type,
            "id": ids[0],
            "ids": orjson.dumps(ids).decode(),
            "user_type": user_type,
            "after": after,
            "limit": limit,
        }
        params.update((f"r{number}", name) for number, name in enumerate(relations))
        many = len(ids) != 1
        return self._tx.fetch(
            sql_edges.holders(self._tx.dialect, len(relations), many=many), params
        )

    def revision(self) -> int:
        """Return the number of the last write; 0 before the first."""
        rows = self._tx.fetch(_REVISION, {"store": self._store})
        return int(rows[0][0]) if rows else 0

    def write(
        self,
        writes: Sequence[NewTuple],
        deletes: Sequence[TupleKey],
        now: int,
        *,
        ignore_duplicates: bool = False,
        replace_duplicates: bool = False,
        ignore_missing: bool = False,
    ) -> int:
        """Apply deletions, then additions, all or nothing; return the new revision."""
        # The store's row is locked first: writers of one store take turns, so that what is read
        # here still holds when it is written, and revisions are in the order of commits.
        revision = bump(self._tx, self._store, now)
        touched = [*deletes, *(new.key for new in writes)]
        found = self._existing(touched)
        added, removed = plan_write(
            found,
            writes,
            deletes,
            ignore_duplicates=ignore_duplicates,
            replace_duplicates=replace_duplicates,
            ignore_missing=ignore_missing,
        )
        self._delete([old.key for old in removed])
        if added:
            self._tx.execute_many(
                _INSERT,
                [{**self._row(new), "inserted_at": now} for new in added],
            )
        self._log(revision, removed, added, now)
        return revision

    def delete_matching(self, matching: Filter, now: int) -> int:
        """Delete every tuple that matches; return how many there were."""
        shape, params = _given(matching)
        params |= {"store": self._store, "changed_at": now}
        params["revision"] = bump(self._tx, self._store, now)
        log, remove = sql_selections.deletion(shape)
        self._tx.execute(log, params)
        return self._tx.execute(remove, params)

    def read(
        self, matching: Filter, limit: int, after: TupleKey | None = None
    ) -> list[StoredTuple]:
        """Return matching tuples in key order, from behind `after`."""
        shape, params = _given(matching)
        params |= {"store": self._store, "limit": limit}
        statement = sql_selections.page(shape, behind=after is not None)
        if after is not None:
            params |= {f"after_{name}": getattr(after, name) for name in KEY_COLUMNS}
        rows = self._tx.fetch(statement, params)
        return [StoredTuple(TupleKey(*row[:6]), row[6], row[7], row[8]) for row in rows]

    def changes(self, after: int, limit: int) -> list[Change]:
        """Return changes of revisions behind `after`, oldest first, at most `limit`."""
        params = {"store": self._store, "after": after, "limit": limit}
        return [
            Change(row[0], bool(row[1]), TupleKey(*row[2:8]), row[8], row[9], row[10])
            for row in self._tx.fetch(_CHANGES, params)
        ]

    def _of_users(
        self, user_type: str, user_relation: str, ids: Sequence[str], relations: Sequence[str]
    ) -> dict[str, object]:
        params: dict[str, object] = {
            "store": self._store,
            "user_type": user_type,
            "user_relation": user_relation,
            "id": ids[0],
            "ids": orjson.dumps(ids).decode(),
        }
        params.update((f"r{number}", name) for number, name in enumerate(relations))
        return params

    def _existing(self, touched: Sequence[TupleKey]) -> dict[TupleKey, NewTuple]:
        wanted = orjson.dumps([[getattr(key, name) for name in KEY_COLUMNS] for key in touched])
        rows = self._tx.fetch(
            _EXISTING[self._tx.dialect], {"store": self._store, "keys": wanted.decode()}
        )
        return {key: NewTuple(key, row[6], row[7]) for row in rows for key in (TupleKey(*row[:6]),)}

    def _delete(self, gone: Sequence[TupleKey]) -> None:
        if gone:
            self._tx.execute_many(
                _DELETE,
                [
                    {"store": self._store, **{f"key_{n}": getattr(key, n) for n in KEY_COLUMNS}}
                    for key in gone
                ],
            )

    def _log(
        self, revision: int, removed: Sequence[NewTuple], added: Sequence[NewTuple], now: int
    ) -> None:
        entries = [(1, old) for old in removed] + [(0, new) for new in added]
        if entries:
            self._tx.execute_many(
                _INSERT_CHANGE,
                [
                    {
                        **self._row(entry),
                        "revision": revision,
                        "position": position,
                        "deleted": deleted,
                        "changed_at": now,
                    }
                    for position, (deleted, entry) in enumerate(entries)
                ],
            )

    def _row(self, new: NewTuple) -> dict[str, object]:
        return {
            "store": self._store,
            **{name: getattr(new.key, name) for name in KEY_COLUMNS},
            "condition": new.condition,
            "context": new.context,
        }


def bump(tx: Tx, store: str, now: int, model_id: str = "") -> int:
    """Take the store's next revision, and its row's lock; the store is made the first time."""
    rows = tx.fetch(_BUMP, {"store": store})
    if not rows:
        row = {"id": store, "revision": 0, "model_id": model_id, "created_at": now}
        tx.execute(_CREATE_STORE, row)
        rows = tx.fetch(_BUMP, {"store": store})
    return int(rows[0][0])


def hold(tx: Tx, store: str, now: int) -> int:
    """Take the lock of the store's row, and return its revision; it is made the first time."""
    rows = tx.fetch(_HOLD, {"store": store})
    return int(rows[0][0]) if rows else bump(tx, store, now)


def _named(wanted: Wanted) -> dict[str, str]:
    params = {"type": wanted.object_type}
    for prefix, names in (("d", wanted.direct), ("u", wanted.usersets), ("t", wanted.tuplesets)):
        params.update((f"{prefix}{number}", name) for number, name in enumerate(names))
    return params


def _given(matching: Filter) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return which fields the filter names, and their values as parameters."""
    given = {name: value for name, value in matching._asdict().items() if value}
    if "object_type" not in given and "user_type" not in given:
        raise ValueError("a filter names the object's type or the user's")
    return tuple(given), given
