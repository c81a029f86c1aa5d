"""Answers: JSON with the store's revision, and OpenFGA's errors with their HTTP status."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.responses import Response

from authz.api.fields import BodyTooLarge, InvalidField
from authz.calls.refusals import Forbidden
from authz.errors import AuthzError

REVISION: Final = "Mandate-Consistency-Token"
"""Response header: what the answer has seen of the store, good for `AT_LEAST`."""
AT_LEAST: Final = "Mandate-At-Least-As-Fresh"
"""Request header: a token of before; a database that is behind it refuses to answer."""
TRUNCATED: Final = "Mandate-Truncated"
"""Response header of a list that ends at a limit, not with the last entry."""
_JSON: Final = "application/json"
_ABORTED: Final = 10
# google.rpc.Code, which the streamed call shows instead of the name.
_RPC: Final = {400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 413: 8, 500: 13, 503: 14}


def answer(
    body: Mapping[str, Any],
    status: int = 200,
    *,
    store: str = "",
    revision: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with a JSON document, and with what it has seen of the store."""
    return raw_answer(orjson.dumps(body), status, store=store, revision=revision, headers=headers)


def raw_answer(
    body: bytes,
    status: int = 200,
    *,
    store: str = "",
    revision: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with JSON that is text already."""
    own = dict(headers or {})
    if revision is not None:
        own[REVISION] = f"{store}.{revision}"
    return Response(body, status, own, media_type=_JSON)


def nothing(*, store: str = "", revision: int | None = None) -> Response:
    """Answer 204."""
    headers = {} if revision is None else {REVISION: f"{store}.{revision}"}
    return Response(status_code=204, headers=headers)


def status_of(error: AuthzError) -> int:
    """Return the HTTP status that OpenFGA gives to an error."""
    if isinstance(error, BodyTooLarge):
        return 413
    if isinstance(error, Forbidden):
        return 403
    if error.number == _ABORTED:
        return 409
    if error.number >= 5000:
        return 404
    return 500 if error.number >= 4000 else 400


def error_answer(error: AuthzError, *, streamed: bool = False) -> Response:
    """Answer what the engine or a call refused."""
    code = error.finer_code if isinstance(error, InvalidField) else error.code
    return refusal(status_of(error), code, str(error), streamed=streamed)


def refusal(
    status: int,
    code: str,
    message: str,
    *,
    streamed: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer an error; the streamed call has another form for it."""
    body: dict[str, Any] = {"code": code, "message": _sendable(message)}
    if streamed:
        body = {"error": {"code": _RPC[status], "message": body["message"], "details": []}}
    return Response(orjson.dumps(body), status, dict(headers or {}), media_type=_JSON)


def _sendable(message: str) -> str:
    return message.encode("utf-8", "replace").decode()
