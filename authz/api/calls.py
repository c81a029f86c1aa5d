"""What every route stands on: the database, the gate, and one place for errors and timing."""

import logging
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from authz.api.answers import AT_LEAST, error_answer, refusal
from authz.api.fields import InvalidField, identifier
from authz.api.gate import Admitted, Gate, Permission, Shut
from authz.calls.refusals import StoreNotFound
from authz.calls.scene import Setting, Where
from authz.errors import AuthzError
from authz.model.subject import RelationTuple
from authz.stores.named import NamedStore
from authz.tx import Database

DURATION: Final = "fga-query-duration-ms"
_TOKEN: Final = re.compile(r"([0-9A-Za-z]{1,26})\.([0-9]{1,18})", re.ASCII)
_LOG: Final = logging.getLogger(__name__)
_OWN: Final = "mandate.authz.own_store"


@dataclass(frozen=True, slots=True)
class OwnStore:
    """The store of an application around the API: the only one that its callers see.

    `shown` is what they see; in the database it has the id `stored`.
    """

    shown: NamedStore
    stored: str


Rule = Callable[[Sequence[RelationTuple], Sequence[RelationTuple]], None]
"""Asked with the tuples that a call wants written and deleted; raises an `AuthzError` for no."""


def any_tuple(writes: Sequence[RelationTuple], deletes: Sequence[RelationTuple]) -> None:
    """Let every tuple be written and deleted."""


@dataclass(frozen=True, slots=True)
class Api:
    """What the routes of one API share. `unavailable` are the database's errors that mean 503."""

    database: Database
    setting: Setting
    gate: Gate
    unavailable: tuple[type[Exception], ...] = ()
    own: OwnStore | None = None
    rule: Rule = any_tuple


Endpoint = Callable[[Api, Request], Awaitable[Response]]
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Call:
    """One route: what it is called, what it needs, and whether its errors are a stream's."""

    method: str
    path: str
    permission: Permission
    endpoint: Endpoint
    streamed: bool = False


def handler(api: Api, call: Call) -> Handler:
    """Return the route of a call: the gate first, then the call; no error gets past it."""

    async def handle(request: Request) -> Response:
        began = time.perf_counter_ns()
        response = await _answered(api, call, request)
        response.headers[DURATION] = str((time.perf_counter_ns() - began) // 1_000_000)
        return response

    return handle


async def _answered(api: Api, call: Call, request: Request) -> Response:
    try:
        admitted = await api.gate.admit(request, call.permission)
        if isinstance(admitted, Shut):
            status, code, message, challenges = admitted
            answer = refusal(status, code, message, streamed=call.streamed)
            for challenge in challenges if status == 401 else ():
                answer.headers.append("WWW-Authenticate", challenge)
            return answer
        if isinstance(admitted, Admitted):
            api = replace(api, database=admitted.database)
        request.scope[_OWN] = api.own
        return await call.endpoint(api, request)
    except AuthzError as error:
        return error_answer(error, streamed=call.streamed)
    except api.unavailable:
        headers = {"Retry-After": "1"}
        text = "the database cannot be used now"
        return refusal(503, "unavailable", text, streamed=call.streamed, headers=headers)
    except Exception:  # noqa: BLE001 - whatever it was, the answer is no
        # A mistake of ours: the log has it, the caller has no part of it, and nothing is allowed.
        _LOG.exception("%s %s failed", call.method, call.path)
        return refusal(500, "internal_error", "Internal Server Error", streamed=call.streamed)


def where(request: Request, model: str = "") -> Where:
    """Return which store a request is about. Raises InvalidField."""
    store = identifier(request.path_params["store_id"], "store_id")
    own: OwnStore | None = request.scope.get(_OWN)
    if own is None:
        return Where(store, model, _at_least(request, store))
    if store != own.shown.id:
        raise StoreNotFound("Store ID not found")
    return Where(own.stored, model, _at_least(request, own.stored), named=False)


def _at_least(request: Request, store: str) -> int:
    given = request.headers.getlist(AT_LEAST)
    if not given:
        return 0
    found = _TOKEN.fullmatch(given[0])
    if len(given) > 1 or found is None or found[1] != store:
        raise InvalidField(f"{AT_LEAST} is one consistency token of this store")
    return int(found[2])
