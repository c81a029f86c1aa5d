"""Routes that ask about one relation of one object: check, batch-check, expand."""

import re
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from authz.api.answers import answer
from authz.api.calls import Api, Call, where
from authz.api.fields import (
    InvalidField,
    consistency,
    listed,
    matching,
    model_id,
    needed,
    read_body,
    text,
)
from authz.api.gate import Permission
from authz.api.tuple_json import contextual_tuples, question
from authz.calls.queries import Answer, Item, check_batch, check_one
from authz.calls.scene import enter
from authz.engine.contextual import expand_over
from authz.errors import AuthzError
from authz.tx import Tx

MAX_CHECKS: Final = 50
_CORRELATION: Final = re.compile(r"[\w-]{1,36}", re.ASCII)


async def _check(api: Api, request: Request) -> Response:
    body = await read_body(request)
    place = where(request, model_id(body))
    item = Item(question(body), contextual_tuples(body))
    consistency(body)

    def work(tx: Tx) -> tuple[bool, int]:
        scene = enter(tx, api.setting, place)
        return check_one(scene, item), scene.revision

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


async def _expand(api: Api, request: Request) -> Response:
    body = await read_body(request)
    key = needed(body, "tuple_key", "tuple_key_value_not_specified")
    place = where(request, model_id(body))
    object_, relation = text(key, "object"), text(key, "relation")
    contextual = contextual_tuples(body)
    consistency(body)
    if not object_ or not relation:
        raise InvalidField("Make sure you provide an object and a relation", "invalid_expand_input")

    def work(tx: Tx) -> tuple[dict[str, Any], int]:
        scene = enter(tx, api.setting, place)
        tree = expand_over(scene.model, scene.tuples, object_, relation, contextual)
        return tree, scene.revision

    tree, revision = await api.database.read(work)
    return answer({"tree": tree}, store=place.store, revision=revision)


CALLS: Final = (
    Call("POST", "/stores/{store_id}/check", Permission.READ, _check),
    Call("POST", "/stores/{store_id}/batch-check", Permission.READ, _batch),
    Call("POST", "/stores/{store_id}/expand", Permission.READ, _expand),
)
