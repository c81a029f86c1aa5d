"""Routes that ask: check, batch-check, list-objects and its stream."""

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from authz.api.answers import REVISION, TRUNCATED, answer
from authz.api.calls import Api, Call, where
from authz.api.fields import (
    InvalidField,
    consistency,
    inner,
    listed,
    matching,
    model_id,
    read_body,
    text,
)
from authz.api.gate import Permission
from authz.api.tuple_json import contextual_tuples, question
from authz.calls.queries import Answer, Item, check_batch
from authz.calls.scene import Scene, Where, enter
from authz.engine.check import check
from authz.engine.listing import Listing, list_objects
from authz.errors import AuthzError
from authz.tx import Tx

MAX_CHECKS: Final = 50
_CORRELATION: Final = re.compile(r"[\w-]{1,36}", re.ASCII)
_TYPE: Final = re.compile(r"[^:#@\s]{1,254}")
_RELATION: Final = re.compile(r"[^:#@\s]{1,50}")


async def _check(api: Api, request: Request) -> Response:
    body = await read_body(request)
    place = where(request, model_id(body))
    query, contextual = question(body), contextual_tuples(body)
    consistency(body)

    def work(tx: Tx) -> tuple[bool, int]:
        scene = enter(tx, api.setting, place, contextual)
        return check(scene.model, scene.tuples, query), scene.revision

    allowed, revision = await api.database.read(work)
    shown = {"allowed": allowed, "resolution": ""}
    return answer(shown, store=place.store, revision=revision)


async def _batch(api: Api, request: Request) -> Response:
    body = await read_body(request)
    place = where(request, model_id(body))
    consistency(body)
    given = listed(body, "checks")
    if not given:
        raise InvalidField("invalid checks: value must contain at least 1 item(s)")
    if len(given) > MAX_CHECKS:
        raise InvalidField(
            f"batchCheck received {len(given)} checks, the maximum allowed is {MAX_CHECKS}"
        )
    names = [matching(one, "correlation_id", _CORRELATION) for one in given]
    items = [Item(question(one), contextual_tuples(one)) for one in given]
    if len(set(names)) != len(names):
        raise InvalidField("received duplicate correlation id")

    def work(tx: Tx) -> tuple[list[Answer], int]:
        scene = enter(tx, api.setting, place)
        return check_batch(scene, items), scene.revision

    answers, revision = await api.database.read(work)
    result = {name: _result(found) for name, found in zip(names, answers, strict=True)}
    return answer({"result": result}, store=place.store, revision=revision)


def _result(found: Answer) -> dict[str, Any]:
    if isinstance(found, AuthzError):
        return {"error": {"input_error": found.code, "message": str(found)}}
    return {"allowed": found}


async def _list_objects(api: Api, request: Request) -> Response:
    listing, place, revision = await _listed(api, request)
    headers = {TRUNCATED: "true"} if listing.truncated else None
    shown = {"objects": list(listing.objects)}
    return answer(shown, store=place.store, revision=revision, headers=headers)


async def _stream_objects(api: Api, request: Request) -> Response:
    listing, place, revision = await _listed(api, request)
    headers = {REVISION: f"{place.store}.{revision}"}
    if listing.truncated:
        headers[TRUNCATED] = "true"
    return StreamingResponse(
        _lines(listing.objects), headers=headers, media_type="application/json"
    )


async def _lines(objects: Sequence[str]) -> AsyncIterator[bytes]:
    """Write a JSON document a line, many in a piece: each piece is a system call."""
    for start in range(0, len(objects), 100):
        piece = objects[start : start + 100]
        yield b"".join(orjson.dumps({"result": {"object": one}}) + b"\n" for one in piece)


class _Objects(NamedTuple):
    listing: Listing
    place: Where
    revision: int


async def _listed(api: Api, request: Request) -> _Objects:
    body = await read_body(request)
    place = where(request, model_id(body))
    kind = matching(body, "type", _TYPE, "type_invalid_pattern")
    relation = matching(body, "relation", _RELATION)
    user = text(body, "user")
    if not 1 <= len(user.encode()) <= 512:
        raise InvalidField("invalid user: value length must be between 1 and 512 bytes, inclusive")
    context, contextual = inner(body, "context"), contextual_tuples(body)
    consistency(body)

    def work(tx: Tx) -> tuple[Listing, Scene]:
        scene = enter(tx, api.setting, place, contextual)
        listing = list_objects(scene.model, scene.tuples, user, relation, kind, context=context)
        return listing, scene

    listing, scene = await api.database.read(work)
    return _Objects(listing, place, scene.revision)


CALLS: Final = (
    Call("POST", "/stores/{store_id}/check", Permission.READ, _check),
    Call("POST", "/stores/{store_id}/batch-check", Permission.READ, _batch),
    Call("POST", "/stores/{store_id}/list-objects", Permission.READ, _list_objects),
    Call(
        "POST",
        "/stores/{store_id}/streamed-list-objects",
        Permission.READ,
        _stream_objects,
        streamed=True,
    ),
)
