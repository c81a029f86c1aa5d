"""`/par` (RFC 9126): an authenticated client pushes its authorization request."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.defence.waiting_room import WaitingRoom
from server.domain.refusal import Refused
from server.protocol.authorize import REPEATABLE
from server.protocol.client_auth import authenticate
from server.protocol.par import push
from server.services import Services
from server.web.answers import authorization_header, bad_form, json_answer, refusal
from server.web.browser import source_address
from server.web.dpop import sent_proof, with_nonce
from server.web.forms import BadForm, read_form
from server.web.front import derived
from server.web.routes.protocol import failing_closed


def routes(services: Services) -> list[Route]:
    """Return the route of pushed authorization requests."""
    core = services.core
    issuer = core.policy.issuer
    waiting_room = WaitingRoom(derived(services.secret_key, b"waiting-room"))

    async def par(request: Request) -> Response:
        authorization = authorization_header(request)
        if isinstance(authorization, Refused):
            return refusal(authorization, issuer)
        form = await read_form(request, repeatable=REPEATABLE)
        if isinstance(form, BadForm):
            return bad_form(form)
        await core.snapshot.refresh()
        source = waiting_room.source(source_address(request))
        unknown = await services.arrivals.begin(form.get("client_id"), source)
        if unknown is not None:
            return refusal(unknown, issuer)
        await core.snapshot.refresh()
        client = await authenticate(
            core, services.client_keys, services.telemetry, form, authorization
        )
        if isinstance(client, Refused):
            return refusal(client, issuer)
        proof = services.proofs.read(sent_proof(request, issuer))
        if isinstance(proof, Refused):
            return with_nonce(services, request, refusal(proof, issuer))
        pushed = await push(core, client, form, proof, source)
        if isinstance(pushed, Refused):
            return with_nonce(services, request, refusal(pushed, issuer))
        answer = json_answer(pushed.json(), 201)
        return with_nonce(services, request, answer)

    return [Route("/par", failing_closed(par), methods=["POST"])]
