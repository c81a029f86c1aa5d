"""The assertions of a model: what its authors expect of it, stored as the API sent it."""

from sqlalchemy import bindparam, delete, insert, select

from authz.stores.tables import authz_assertions
from authz.tx import Tx

_A = authz_assertions.c
_OF_MODEL = (_A.store == bindparam("of_store"), _A.model == bindparam("of_model"))
_GET = select(_A.body).where(*_OF_MODEL)
_DELETE = delete(authz_assertions).where(*_OF_MODEL)
_INSERT = insert(authz_assertions)


def read_assertions(tx: Tx, store: str, model_id: str) -> str:
    """Return the JSON list of a model's assertions; an empty list before the first."""
    rows = tx.fetch(_GET, {"of_store": store, "of_model": model_id})
    return str(rows[0][0]) if rows else "[]"


def write_assertions(tx: Tx, store: str, model_id: str, body: str, now: int) -> None:
    """Replace the assertions of a model. The caller holds the store's row (`bump`)."""
    tx.execute(_DELETE, {"of_store": store, "of_model": model_id})
    tx.execute(_INSERT, {"store": store, "model": model_id, "body": body, "written_at": now})
