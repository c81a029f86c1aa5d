"""GET /access/v1/approvals/{id}: what an agent asks while it waits for a person."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.domain.refusal import Refused
from server.protocol.approval_query import approval_query
from server.services import Services
from server.web.answers import json_answer, token_refusal
from server.web.dpop import sent_token, with_nonce
from server.web.routes.protocol import failing_closed


def routes(services: Services) -> list[Route]:
    """Return the route by which an agent sees how its question stands."""
    issuer = services.core.policy.issuer

    async def approval(request: Request) -> Response:
        sent = sent_token(request, issuer)
        if isinstance(sent, Refused):
            return token_refusal(sent, bound=False)
        approval_id = str(request.path_params["approval_id"])
        found = await approval_query(
            services.core, services.reader, services.proofs, sent, approval_id
        )
        if isinstance(found, Refused):
            answer = token_refusal(found, bound=sent.bound)
        else:
            answer = json_answer(found)
        return with_nonce(services, request, answer)

    path = "/access/v1/approvals/{approval_id}"
    return [Route(path, failing_closed(approval), methods=["GET"])]
