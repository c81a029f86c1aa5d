"""Routes that OpenFGA has not: why an answer is what it is, who reaches an object, and what if."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from authz.api.answers import TRUNCATED, answer
from authz.api.calls import Api, Call, where
from authz.api.fields import (
    at_most,
    consistency,
    inner,
    listed,
    model_id,
    needed,
    page_size,
    read_body,
    text,
)
from authz.api.gate import Permission
from authz.api.tuple_json import contextual_tuples, question, relation_tuple
from authz.calls import why
from authz.calls.queries import Item
from authz.calls.tuples import Write
from authz.engine.limits import MAX_REACHING

MAX_COMPARED: Final = 20
"""Questions that one dry run of a write answers, before and after it."""


async def _explain(api: Api, request: Request) -> Response:
    body = await read_body(request)
    place = where(request, model_id(body))
    item = Item(question(body), contextual_tuples(body))
    consistency(body)
    found, revision = await api.database.read(
        lambda tx: why.explained(tx, api.setting, place, item)
    )
    return answer(found.to_json(), store=place.store, revision=revision)


async def _reach(api: Api, request: Request) -> Response:
    body = await read_body(request)
    place = where(request, model_id(body))
    object_, relation = text(body, "object"), text(body, "relation")
    context = inner(body, "context")
    limit = MAX_REACHING
    if body.get("page_size") is not None:
        limit = page_size(body["page_size"], MAX_REACHING)
    consistency(body)
    found, revision = await api.database.read(
        lambda tx: why.reached(tx, api.setting, place, object_, relation, context, limit)
    )
    headers = {TRUNCATED: "true"} if found.truncated else None
    return answer(found.to_json(), store=place.store, revision=revision, headers=headers)


async def _what_if(api: Api, request: Request) -> Response:
    body = await read_body(request)
    place = where(request, model_id(body))
    writes = [relation_tuple(key) for key in listed(inner(body, "writes") or {}, "tuple_keys")]
    deletes = [relation_tuple(key) for key in listed(inner(body, "deletes") or {}, "tuple_keys")]
    needed(body, "writes" if body.get("deletes") is None else "deletes")
    given = listed(body, "checks")
    at_most(given, MAX_COMPARED, "checks")
    questions = [question(one) for one in given]
    consistency(body)
    asked = Write(tuple(writes), tuple(deletes))
    found, revision = await api.database.read(
        lambda tx: why.compared(tx, api.setting, place, asked, questions)
    )
    shown: dict[str, Any] = {"changed": [one.to_json() for one in found]}
    return answer(shown, store=place.store, revision=revision)


CALLS: Final = (
    Call("POST", "/stores/{store_id}/explain", Permission.READ, _explain),
    Call("POST", "/stores/{store_id}/reach", Permission.READ, _reach),
    Call("POST", "/stores/{store_id}/what-if", Permission.READ, _what_if),
)
