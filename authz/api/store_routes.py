"""Routes of stores, models and assertions."""

import asyncio
import re
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from authz.api.answers import answer, nothing, raw_answer
from authz.api.calls import Api, Call, where
from authz.api.fields import at_most, identifier, listed, matching, page_size, parameter, read_body
from authz.api.gate import Permission
from authz.api.model_json import MAX_DEPTH, model_body
from authz.api.tuple_json import assertion
from authz.calls import stores
from authz.calls.scene import stand
from authz.calls.tuples import Asked
from authz.clock import rfc3339
from authz.model.compiled import Model
from authz.stores.named import NamedStore
from authz.tx import Tx

MAX_ASSERTIONS: Final = 100
_NAME: Final = re.compile(r"[a-zA-Z0-9\s.\-/^_&@]{3,64}", re.ASCII)


async def _create(api: Api, request: Request) -> Response:
    body = await read_body(request)
    name = matching(body, "name", _NAME)
    made = await api.database.write(lambda tx: stores.create_store(tx, api.setting, name))
    shown = _shown(made)
    del shown["deleted_at"]
    return answer(shown, 201, store=made.id, revision=0)


async def _list(api: Api, request: Request) -> Response:
    asked, name = _page(request), parameter(request, "name") or ""
    if api.own is not None:
        own = api.own.shown
        shown = [_shown(own)] if name in ("", own.name) else []
        return answer({"stores": shown, "continuation_token": ""})
    found = await api.database.read(lambda tx: stores.list_stores(tx, asked, name))
    shown = [_shown(store) for store in found.stores]
    return answer({"stores": shown, "continuation_token": found.token})


async def _get(api: Api, request: Request) -> Response:
    place = where(request)

    def work(tx: Tx) -> tuple[NamedStore, int]:
        found = stores.get_store(tx, place.store) if api.own is None else api.own.shown
        return found, stand(tx, place).revision

    found, revision = await api.database.read(work)
    return answer(_shown(found), store=place.store, revision=revision)


async def _delete(api: Api, request: Request) -> Response:
    store = where(request).store
    await api.database.write(lambda tx: stores.delete_store(tx, api.setting, store))
    return nothing()


async def _write_model(api: Api, request: Request) -> Response:
    place = where(request)
    body = model_body(await read_body(request, max_depth=MAX_DEPTH))
    # A large model takes a while to check: not on the loop, and not inside the transaction.
    await asyncio.to_thread(Model.from_json, body)
    text = orjson.dumps(body).decode()
    made, revision = await api.database.write(
        lambda tx: stores.write_model(tx, api.setting, place, text)
    )
    return answer({"authorization_model_id": made}, 201, store=place.store, revision=revision)


async def _read_model(api: Api, request: Request) -> Response:
    place = where(request, identifier(request.path_params["id"], "id"))
    body, revision = await api.database.read(lambda tx: stores.read_model(tx, place))
    shown = b'{"authorization_model":%b}' % _with_id(place.model, body)
    return raw_answer(shown, store=place.store, revision=revision)


async def _list_models(api: Api, request: Request) -> Response:
    place, asked = where(request), _page(request)
    found = await api.database.read(lambda tx: stores.list_models(tx, place, asked))
    models = b",".join(_with_id(model_id, body) for model_id, body in found.models)
    token = orjson.dumps(found.token)
    shown = b'{"authorization_models":[%b],"continuation_token":%b}' % (models, token)
    return raw_answer(shown, store=place.store, revision=found.revision)


async def _read_assertions(api: Api, request: Request) -> Response:
    place = where(request, _model_in_path(request))
    body, revision = await api.database.read(
        lambda tx: stores.get_assertions(tx, api.setting, place)
    )
    shown = b'{"authorization_model_id":"%b","assertions":%b}' % (
        place.model.encode(),
        body.encode(),
    )
    return raw_answer(shown, store=place.store, revision=revision)


async def _write_assertions(api: Api, request: Request) -> Response:
    place = where(request, _model_in_path(request))
    given = listed(await read_body(request), "assertions")
    at_most(given, MAX_ASSERTIONS, "assertions", "assertions_too_many_items")
    read = [assertion(entry) for entry in given]
    body = orjson.dumps([shown for _, shown in read]).decode()
    revision = await api.database.write(
        lambda tx: stores.put_assertions(tx, api.setting, place, [item for item, _ in read], body)
    )
    return nothing(store=place.store, revision=revision)


def _model_in_path(request: Request) -> str:
    return identifier(request.path_params["model_id"], "authorization_model_id")


def _page(request: Request) -> Asked:
    size = page_size(parameter(request, "page_size"))
    return Asked(size, parameter(request, "continuation_token") or "")


def _shown(store: NamedStore) -> dict[str, object]:
    return {
        "id": store.id,
        "name": store.name,
        "created_at": rfc3339(store.created_at),
        "updated_at": rfc3339(store.updated_at),
        "deleted_at": None,
    }


def _with_id(model_id: str, body: str) -> bytes:
    return b'{"id":"%b",%b' % (model_id.encode(), body.encode()[1:])


CALLS: Final = (
    Call("POST", "/stores", Permission.ADMIN, _create),
    Call("GET", "/stores", Permission.ADMIN, _list),
    Call("GET", "/stores/{store_id}", Permission.READ, _get),
    Call("DELETE", "/stores/{store_id}", Permission.ADMIN, _delete),
    Call("POST", "/stores/{store_id}/authorization-models", Permission.ADMIN, _write_model),
    Call("GET", "/stores/{store_id}/authorization-models", Permission.READ, _list_models),
    Call("GET", "/stores/{store_id}/authorization-models/{id}", Permission.READ, _read_model),
    Call("GET", "/stores/{store_id}/assertions/{model_id}", Permission.READ, _read_assertions),
    Call("PUT", "/stores/{store_id}/assertions/{model_id}", Permission.ADMIN, _write_assertions),
)
