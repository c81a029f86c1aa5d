"""The calls of a resource server: evaluation, one or many, searches and relations (DESIGN 3.10)."""

import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from authz.jose import InvalidToken
from authz.jose.strict_json import parse_object
from server.domain.refusal import Refused, invalid_request
from server.domain.registry import Client
from server.protocol.client_auth import authenticate
from server.services import Services
from server.signals.observed import ECHOED
from server.web.answers import authorization_header, json_answer, refusal
from server.web.forms import Form, read_body
from server.web.routes.protocol import failing_closed

MAX_BODY = 64 * 1024
_REQUEST_ID: Final = re.compile(rb"[\x21-\x7e]{1,128}")
_NO_FORM = Form({}, {})


def routes(services: Services) -> list[Route]:
    """Return the routes under /access/v1."""
    issuer = services.core.policy.issuer

    async def evaluation(request: Request) -> Response:
        asked = await _asked(services, request)
        if isinstance(asked, Refused):
            return refusal(asked, issuer)
        answer = await services.evaluation.answer(*asked)
        return refusal(answer, issuer) if isinstance(answer, Refused) else json_answer(answer)

    async def evaluations(request: Request) -> Response:
        asked = await _asked(services, request)
        if isinstance(asked, Refused):
            return refusal(asked, issuer)
        answer = await services.evaluation.answers(*asked)
        return refusal(answer, issuer) if isinstance(answer, Refused) else json_answer(answer)

    async def search_resource(request: Request) -> Response:
        asked = await _asked(services, request)
        if isinstance(asked, Refused):
            return refusal(asked, issuer)
        answer = await services.searching.resources(*asked)
        return refusal(answer, issuer) if isinstance(answer, Refused) else json_answer(answer)

    async def search_action(request: Request) -> Response:
        asked = await _asked(services, request)
        if isinstance(asked, Refused):
            return refusal(asked, issuer)
        answer = await services.searching.actions(*asked)
        return refusal(answer, issuer) if isinstance(answer, Refused) else json_answer(answer)

    async def relations(request: Request) -> Response:
        asked = await _asked(services, request)
        if isinstance(asked, Refused):
            return refusal(asked, issuer)
        answer = await services.relations_api.answer(*asked)
        return refusal(answer, issuer) if isinstance(answer, Refused) else json_answer(answer)

    return [
        Route("/access/v1/evaluation", failing_closed(evaluation), methods=["POST"]),
        Route("/access/v1/evaluations", failing_closed(evaluations), methods=["POST"]),
        Route("/access/v1/search/resource", failing_closed(search_resource), methods=["POST"]),
        Route("/access/v1/search/action", failing_closed(search_action), methods=["POST"]),
        Route("/access/v1/relations", failing_closed(relations), methods=["POST"]),
    ]


async def _asked(
    services: Services, request: Request
) -> tuple[Client, Mapping[str, Any]] | Refused:
    _echo(request)
    authorization = authorization_header(request)
    if isinstance(authorization, Refused):
        return authorization
    # Before it is asked who is asking: whoever is shut out while the body is on its way is out.
    body = await read_body(request, MAX_BODY)
    if body is None:
        return invalid_request("too_large", "The request is too large.")
    await services.core.snapshot.refresh()
    client = await authenticate(
        services.core, services.client_keys, services.telemetry, _NO_FORM, authorization
    )
    if isinstance(client, Refused):
        return client
    try:
        return client, parse_object(body)
    except InvalidToken:
        return invalid_request("malformed", "The body is no JSON object that we accept.")


def _echo(request: Request) -> None:
    """Repeat the caller's X-Request-ID in the answer (AuthZEN 1.0 §10.1.3): one, short, visible."""
    sent = [value for name, value in request.scope["headers"] if name == b"x-request-id"]
    if len(sent) == 1 and _REQUEST_ID.fullmatch(sent[0]):
        request.scope[ECHOED] = sent[0]
