"""The JSON endpoints of OAuth and OpenID Connect: read, ask the use case, render."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from authz.graph import GraphUnavailable
from server.domain.refusal import Refused
from server.domain.unit import StaleSnapshotError, UnavailableError
from server.keys.signer import NoSigningKey
from server.protocol.bearer import SentToken
from server.protocol.grant_query import grant_query
from server.protocol.token_endpoint import REPEATABLE
from server.protocol.userinfo import userinfo
from server.services import Services
from server.web.answers import (
    authorization_header,
    bad_form,
    json_answer,
    refusal,
    request_id,
    token_refusal,
    unavailable,
)
from server.web.dpop import sent_proof, sent_token, with_nonce
from server.web.forms import BadForm, Form, read_form
from server.web.security_headers import JSON_HEADERS

Endpoint = Callable[[Request], Awaitable[Response]]


def routes(services: Services) -> list[Route]:
    """Return the token, introspection, revocation, userinfo and grant routes."""
    issuer = services.core.policy.issuer

    async def token(request: Request) -> Response:
        read = await _read(request, issuer)
        if isinstance(read, Response):
            return read
        form, authorization = read
        proof = sent_proof(request, issuer)
        found = await services.token.answer(form, authorization, proof, request_id(request))
        answer = refusal(found, issuer) if isinstance(found, Refused) else json_answer(found)
        return with_nonce(services, request, answer)

    async def introspect(request: Request) -> Response:
        read = await _read(request, issuer)
        if isinstance(read, Response):
            return read
        answer = await services.introspection.answer(*read)
        return refusal(answer, issuer) if isinstance(answer, Refused) else json_answer(answer)

    async def revoke(request: Request) -> Response:
        read = await _read(request, issuer)
        if isinstance(read, Response):
            return read
        form, authorization = read
        refused = await services.revocation.answer(form, authorization, request_id(request))
        if refused is not None:
            return refusal(refused, issuer)
        return Response(status_code=200, headers=JSON_HEADERS)

    async def info(request: Request) -> Response:
        sent = sent_token(request, issuer)
        if isinstance(sent, Refused):
            return token_refusal(sent, bound=False)
        found = await userinfo(services.core, services.reader, services.proofs, sent)
        return _answered(request, sent, found)

    async def grant(request: Request) -> Response:
        sent = sent_token(request, issuer)
        if isinstance(sent, Refused):
            return token_refusal(sent, bound=False)
        grant_id = str(request.path_params["grant_id"])
        found = await grant_query(services.core, services.reader, services.proofs, sent, grant_id)
        return _answered(request, sent, found)

    def _answered(
        request: Request, sent: SentToken, found: Mapping[str, object] | Refused
    ) -> Response:
        if isinstance(found, Refused):
            answer = token_refusal(found, bound=sent.bound)
        else:
            answer = json_answer(found)
        return with_nonce(services, request, answer)

    return [
        Route("/token", failing_closed(token), methods=["POST"]),
        Route("/introspect", failing_closed(introspect), methods=["POST"]),
        Route("/revoke", failing_closed(revoke), methods=["POST"]),
        Route("/userinfo", failing_closed(info), methods=["GET", "POST"]),
        Route("/grants/{grant_id}", failing_closed(grant), methods=["GET"]),
    ]


def failing_closed(endpoint: Endpoint) -> Endpoint:
    """Answer 503 when nothing can be stored or read; the caller may try again."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (UnavailableError, StaleSnapshotError, NoSigningKey, GraphUnavailable):
            return unavailable()
        except ClientDisconnect:
            return Response(status_code=400)

    return answer


async def _read(request: Request, issuer: str) -> tuple[Form, str | None] | Response:
    authorization = authorization_header(request)
    if isinstance(authorization, Refused):
        return refusal(authorization, issuer)
    form = await read_form(request, repeatable=REPEATABLE)
    return bad_form(form) if isinstance(form, BadForm) else (form, authorization)
