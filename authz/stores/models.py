"""Authorization models in the database: append only, the latest is in force."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import bindparam, insert, select, update

from authz.errors import ModelNotFound, UnknownModel
from authz.model.compiled import Model
from authz.stores.sql import bump
from authz.stores.tables import authz_model, authz_store
from authz.tx import Tx

_CURRENT = select(authz_store.c.model_id, authz_store.c.revision).where(
    authz_store.c.id == bindparam("store")
)
_BODY = select(authz_model.c.body).where(
    authz_model.c.store == bindparam("store"), authz_model.c.id == bindparam("id")
)
_NEWEST = (
    select(authz_model.c.id, authz_model.c.body)
    .where(authz_model.c.store == bindparam("store"))
    .order_by(authz_model.c.id.desc())
    .limit(bindparam("limit"))
)
_BEFORE = _NEWEST.where(authz_model.c.id < bindparam("before"))
_INSERT = insert(authz_model)
_SET_CURRENT = (
    update(authz_store)
    .where(authz_store.c.id == bindparam("store"))
    .values(model_id=bindparam("new_model"))
)
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TIME_DIGITS = 10
MAX_COMPILED = 16


class CompiledModels:
    """The models that one process used last, ready to be asked. A model never changes."""

    def __init__(self, most: int = MAX_COMPILED) -> None:
        self._most = most
        self._held: dict[tuple[str, str], Model] = {}

    def find(self, store: str, model_id: str) -> Model | None:
        """Return a model that was kept."""
        return self._held.get((store, model_id))

    def keep(self, store: str, model_id: str, model: Model) -> None:
        """Keep a model that is stored and committed; the oldest goes."""
        while len(self._held) >= self._most:
            self._held.pop(next(iter(self._held)), None)
        self._held[store, model_id] = model


class StoredModels:
    """The models of one store; compiled once a process and id, the last few kept."""

    def __init__(self, store: str, compiled: CompiledModels | None = None) -> None:
        self._store = store
        self._compiled = CompiledModels() if compiled is None else compiled

    def current(self, tx: Tx) -> tuple[Model, str, int]:
        """Return the model in force, its id, and the store's revision. Raises ModelNotFound."""
        rows = tx.fetch(_CURRENT, {"store": self._store})
        if not rows or not rows[0][0]:
            raise ModelNotFound(f"no authorization model in store {self._store!r}")
        model_id, revision = rows[0]
        return self.get(tx, model_id), model_id, int(revision)

    def get(self, tx: Tx, model_id: str) -> Model:
        """Return one model of the store. Raises UnknownModel."""
        return self._compiled.find(self._store, model_id) or self._load(tx, model_id)

    def body(self, tx: Tx, model_id: str) -> str:
        """Return a model as it was stored, JSON. Raises UnknownModel."""
        rows = tx.fetch(_BODY, {"store": self._store, "id": model_id})
        if not rows:
            raise UnknownModel(f"authorization model {model_id!r} not found")
        return str(rows[0][0])

    def page(self, tx: Tx, limit: int, before: str = "") -> list[tuple[str, str]]:
        """Return ids and bodies, the newest first, from behind the id `before`."""
        params: dict[str, object] = {"store": self._store, "limit": limit}
        if before:
            params["before"] = before
        rows = tx.fetch(_BEFORE if before else _NEWEST, params)
        return [(str(row[0]), str(row[1])) for row in rows]

    def put(self, tx: Tx, model: Model, now: int) -> str:
        """Make a model the one in force; the one in force again if it is the same."""
        body = _json(model.to_json())
        same = self._in_force(tx, body)
        if same is None:
            revision = bump(tx, self._store, now)
            # The store's row is ours now: another worker that starts may have been first.
            same = self._in_force(tx, body) or self._insert(tx, body, now, revision)
        return same

    def _in_force(self, tx: Tx, body: str) -> str | None:
        rows = tx.fetch(_CURRENT, {"store": self._store})
        same = rows and rows[0][0] and self.body(tx, rows[0][0]) == body
        return str(rows[0][0]) if same else None

    def add(self, tx: Tx, body: str, now: int) -> tuple[str, int]:
        """Store the JSON form of a valid model, put it in force; return its id and the revision."""
        revision = bump(tx, self._store, now)
        return self._insert(tx, body, now, revision), revision

    def _insert(self, tx: Tx, body: str, now: int, revision: int) -> str:
        # The store's row is ours since its revision grew: nobody puts another in between.
        before = str(tx.fetch(_CURRENT, {"store": self._store})[0][0])
        # The newest id is the greatest, whatever the clock of another machine said.
        at = max(now, _time_of(before)) if before else now
        model_id = _model_id(at, revision, f"{self._store}\n{body}")
        row = {"store": self._store, "id": model_id, "body": body, "created_at": now}
        tx.execute(_INSERT, row)
        tx.execute(_SET_CURRENT, {"store": self._store, "new_model": model_id})
        # Not compiled here: the transaction may be undone.
        return model_id

    def _load(self, tx: Tx, model_id: str) -> Model:
        model = Model.from_json(orjson.loads(self.body(tx, model_id)))
        self._compiled.keep(self._store, model_id, model)
        return model


def _json(body: Mapping[str, Any]) -> str:
    return orjson.dumps(body).decode()


def _model_id(at: int, revision: int, content: str) -> str:
    """Make a ULID (as OpenFGA's ids are): the time, the revision, then whose model it is.

    No entropy is needed: the revision is used once in a store, and ids of one moment sort by it.
    """
    digest = hashlib.sha256(content.encode()).digest()
    return ulid(at, (revision % 2**40).to_bytes(5) + digest[:5])


def ulid(at: int, rest: bytes) -> str:
    """Return the 26 digits of a time (Unix ms) and ten bytes."""
    value = int.from_bytes(at.to_bytes(6) + rest)
    # 128 bits are 26 digits of 5 bits, the first of 3.
    return "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))


def _time_of(identifier: str) -> int:
    value = 0
    for digit in identifier[:_TIME_DIGITS]:
        value = value * 32 + _CROCKFORD.index(digit)
    return value
