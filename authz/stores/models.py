"""Authorization models in the database: append only, the latest is in force."""

import hashlib

import orjson
from sqlalchemy import bindparam, insert, select, update

from authz.errors import ModelNotFound
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
_INSERT = insert(authz_model)
_SET_CURRENT = (
    update(authz_store)
    .where(authz_store.c.id == bindparam("store"))
    .values(model_id=bindparam("new_model"))
)
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MAX_COMPILED = 16


class StoredModels:
    """The models of one store; compiled once a process and id, the last few kept."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._compiled: dict[str, Model] = {}

    def current(self, tx: Tx) -> tuple[Model, str, int]:
        """Return the model in force, its id, and the store's revision. Raises ModelNotFound."""
        rows = tx.fetch(_CURRENT, {"store": self._store})
        if not rows or not rows[0][0]:
            raise ModelNotFound(f"no authorization model in store {self._store!r}")
        model_id, revision = rows[0]
        model = self._compiled.get(model_id)
        if model is None:
            model = self._load(tx, model_id)
        return model, model_id, int(revision)

    def put(self, tx: Tx, model: Model, now: int) -> str:
        """Make a model the one in force; the one in force again if it is the same."""
        body = orjson.dumps(model.to_json())
        rows = tx.fetch(_CURRENT, {"store": self._store})
        if rows and rows[0][0] and self._body(tx, rows[0][0]) == body:
            return str(rows[0][0])
        revision = bump(tx, self._store, now)
        model_id = _model_id(now, revision, body)
        row = {"store": self._store, "id": model_id, "body": body.decode(), "created_at": now}
        tx.execute(_INSERT, row)
        tx.execute(_SET_CURRENT, {"store": self._store, "new_model": model_id})
        # Not cached here: the transaction may be undone.
        return model_id

    def _body(self, tx: Tx, model_id: str) -> bytes:
        rows = tx.fetch(_BODY, {"store": self._store, "id": model_id})
        if not rows:
            raise ModelNotFound(f"authorization model {model_id!r} not found")
        return str(rows[0][0]).encode()

    def _load(self, tx: Tx, model_id: str) -> Model:
        model = Model.from_json(orjson.loads(self._body(tx, model_id)))
        while len(self._compiled) >= MAX_COMPILED:
            self._compiled.pop(next(iter(self._compiled)), None)
        self._compiled[model_id] = model
        return model


def _model_id(now: int, revision: int, body: bytes) -> str:
    """Make a ULID (as OpenFGA's ids are): the time, then 80 bits of what the model is.

    No entropy is needed: the revision is used once in a store.
    """
    digest = hashlib.sha256(revision.to_bytes(8) + body).digest()
    value = int.from_bytes(now.to_bytes(6) + digest[:10])
    # 128 bits are 26 digits of 5 bits, the first of 3.
    return "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))
