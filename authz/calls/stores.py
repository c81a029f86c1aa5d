"""Stores, the models of a store, and the assertions of a model."""

from collections.abc import Sequence
from typing import NamedTuple

from authz.calls.continuation import give, take
from authz.calls.queries import Item
from authz.calls.refusals import StoreNotFound, TooMuch
from authz.calls.scene import Setting, Where, enter, stand
from authz.calls.tuples import Asked
from authz.engine.query import ask
from authz.engine.tuples import admit
from authz.errors import InvalidTuple, WriteError
from authz.stores import named
from authz.stores.assertions import read_assertions, write_assertions
from authz.stores.models import StoredModels, ulid
from authz.stores.named import NamedStore
from authz.stores.sql import bump
from authz.tx import Tx

MAX_ASSERTIONS_BYTES = 64_000
MAX_PAGE_BYTES = 4 * 1024 * 1024
"""Characters of JSON after which a page of models ends; the piece that passes it is whole."""
_PIECE = 8
"""Models read at once."""


class StorePage(NamedTuple):
    """A page of stores and the token of the next, empty at the end."""

    stores: list[NamedStore]
    token: str


class ModelPage(NamedTuple):
    """A page of models, ids and JSON bodies, with the next token and the store's revision."""

    models: list[tuple[str, str]]
    token: str
    revision: int


def create_store(tx: Tx, setting: Setting, name: str) -> NamedStore:
    """Make an empty store."""
    now = setting.clock.now()
    store = NamedStore(ulid(now, setting.random_bytes(10)), name, now, now)
    named.add(tx, store)
    return store


def get_store(tx: Tx, store_id: str) -> NamedStore:
    """Return a store. Raises StoreNotFound."""
    found = named.get(tx, store_id)
    if found is None:
        raise StoreNotFound("Store ID not found")
    return found


def list_stores(tx: Tx, asked: Asked, name: str = "") -> StorePage:
    """Return stores, oldest first. Raises InvalidContinuation."""
    after = str(take("stores", (name,), asked.token, (str,))[0]) if asked.token else ""
    found = named.page(tx, after=after, limit=asked.size + 1, name=name)
    page = found[: asked.size]
    more = len(found) > asked.size
    return StorePage(page, give("stores", (name,), (page[-1].id,)) if more else "")


def delete_store(tx: Tx, setting: Setting, store_id: str) -> None:
    """Delete a store; no error if there is none, as in OpenFGA."""
    named.delete(tx, store_id, setting.clock.now())


def write_model(tx: Tx, setting: Setting, where: Where, body: str) -> tuple[str, int]:
    """Put the JSON form of a valid model in force; return its id and the store's revision."""
    stand(tx, where)
    return StoredModels(where.store).add(tx, body, setting.clock.now())


def read_model(tx: Tx, where: Where) -> tuple[str, int]:
    """Return a model's JSON body and the store's revision. Raises UnknownModel (2001)."""
    revision = stand(tx, where).revision
    return StoredModels(where.store).body(tx, where.model), revision


def list_models(tx: Tx, where: Where, asked: Asked) -> ModelPage:
    """Return models, the newest first; a page may be short. Raises InvalidContinuation."""
    revision = stand(tx, where).revision
    scope = (where.store,)
    before = str(take("models", scope, asked.token, (str,))[0]) if asked.token else ""
    stored = StoredModels(where.store)
    page: list[tuple[str, str]] = []
    more, size = True, 0
    while more and len(page) < asked.size and size < MAX_PAGE_BYTES:
        piece = min(_PIECE, asked.size - len(page))
        # One more than is taken tells whether there is another.
        found = stored.page(tx, piece + 1, page[-1][0] if page else before)
        more = len(found) > piece
        page += found[:piece]
        size += sum(len(body) for _, body in found[:piece])
    return ModelPage(page, give("models", scope, (page[-1][0],)) if more else "", revision)


def put_assertions(tx: Tx, setting: Setting, where: Where, items: Sequence[Item], body: str) -> int:
    """Replace a model's assertions by a JSON list of what `items` are; return the revision.

    Each is a check that the model could answer. Raises UnknownModel, CheckError, WriteError (for
    a contextual tuple) and TooMuch.
    """
    if len(body.encode()) > MAX_ASSERTIONS_BYTES:
        raise TooMuch(f"The number of bytes exceeds the allowed limit of {MAX_ASSERTIONS_BYTES}")
    model = enter(tx, setting, where).model
    for item in items:
        ask(model, item.query)
        for given in item.contextual:
            try:
                admit(model, given)
            except InvalidTuple as error:
                raise WriteError(str(error)) from error
    now = setting.clock.now()
    revision = bump(tx, where.store, now)
    write_assertions(tx, where.store, where.model, body, now)
    return revision


def get_assertions(tx: Tx, setting: Setting, where: Where) -> tuple[str, int]:
    """Return a model's assertions as the JSON list of before. Raises UnknownModel."""
    scene = enter(tx, setting, where)
    return read_assertions(tx, where.store, where.model), scene.revision
