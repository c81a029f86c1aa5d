"""`/register` (RFC 7591) and `/register/{client_id}` (RFC 7592), where the operator has them on."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.defence.registrations import Registrants
from server.domain.refusal import Refused, invalid_request
from server.protocol.registration.answer import Registered, told
from server.protocol.registration.dynamic import register
from server.protocol.registration.management import delete, read, update
from server.services import Services
from server.web.answers import authorization_header, json_answer, refusal, token_refusal
from server.web.browser import source_address
from server.web.forms import read_body
from server.web.front import derived
from server.web.routes.protocol import failing_closed
from server.web.security_headers import JSON_HEADERS

MAX_BODY: Final = 64 * 1024
_CHALLENGED: Final = frozenset({"initial_token", "registration_token", "token_missing"})


def routes(services: Services) -> list[Route]:
    """Return the routes, none while dynamic registration is off."""
    core = services.core
    if core.policy.client_registration == "off":
        return []
    issuer = core.policy.issuer
    registrants = Registrants(derived(services.secret_key, b"registrations"))

    def answered(outcome: Registered | Refused, status: int) -> Response:
        if isinstance(outcome, Registered):
            return json_answer(told(issuer, outcome), status)
        if outcome.reason in _CHALLENGED:
            return token_refusal(outcome, bound=False)
        return refusal(outcome, issuer)

    async def post(request: Request) -> Response:
        authorization = authorization_header(request)
        if isinstance(authorization, Refused):
            return refusal(authorization, issuer)
        body = await _json(request)
        if isinstance(body, Refused):
            return refusal(body, issuer)
        source = registrants.source(source_address(request))
        return answered(await register(core, body, authorization, source), 201)

    async def one(request: Request) -> Response:
        authorization = authorization_header(request)
        if isinstance(authorization, Refused):
            return refusal(authorization, issuer)
        client_id = str(request.path_params["client_id"])
        if request.method == "DELETE":
            gone = await delete(core, client_id, authorization)
            if gone is not None:
                return answered(gone, 401)
            return Response(status_code=204, headers=JSON_HEADERS)
        if request.method == "PUT":
            body = await _json(request)
            if isinstance(body, Refused):
                return refusal(body, issuer)
            return answered(await update(core, client_id, authorization, body), 200)
        return answered(await read(core, client_id, authorization), 200)

    return [
        Route("/register", failing_closed(post), methods=["POST"]),
        Route("/register/{client_id}", failing_closed(one), methods=["GET", "PUT", "DELETE"]),
    ]


async def _json(request: Request) -> bytes | Refused:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" or "content-encoding" in request.headers:
        return invalid_request("malformed", "The body must be application/json.")
    body = await read_body(request, MAX_BODY)
    return invalid_request("too_large", "The body is too large.") if body is None else body
