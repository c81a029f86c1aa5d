"""`/authorize` (RFC 6749 §3.1) and `/interaction/{id}`: what happens next, until it is done."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.domain.entropy import hash_secret, same
from server.domain.interactions import Interaction
from server.domain.refusal import Refused
from server.identity.consent_offer import NoOffer
from server.protocol.authorization_response import Answer, answer_to_fault
from server.protocol.authorize import REPEATABLE, Faulty
from server.protocol.begin import begin
from server.protocol.finish import AlreadyFinished, give_code, give_error
from server.protocol.interaction import (
    Complete,
    Consent,
    Refuse,
    consent_state,
    next_step,
    redirect_is_registered,
)
from server.protocol.registration.arrivals import Arrivals
from server.web.browser import browser_secret, set_browser, source_address
from server.web.consent_page import Asking, consent_view
from server.web.forms import BadForm, Form, parse_query, read_form
from server.web.front import Front, Visitor
from server.web.front_channel import changed_page, gone_page, over_page, refused_page, send
from server.web.origin import form_target
from server.web.routes.ask_admin import not_let_in


def routes(front: Front, code_key: bytes, arrivals: Arrivals) -> list[Route]:
    """Return the routes; `code_key` is a sub-key used for authorization codes alone."""
    return [
        Route(
            "/authorize",
            front.guarded(lambda r: _authorize(front, arrivals, r)),
            methods=["GET", "POST"],
        ),
        Route(
            "/interaction/{interaction_id}",
            front.guarded(lambda r: _go_on(front, code_key, r)),
            methods=["GET"],
        ),
    ]


async def _authorize(front: Front, arrivals: Arrivals, request: Request) -> Response:
    if request.method == "HEAD":
        return _get_only()
    sent = await _sent(request)
    if isinstance(sent, BadForm):
        refused = Refused(error=sent.error, reason="form", description=f"{sent.description}.")
        return refused_page(front, refused)
    secret = browser_secret(front.cookies, request)
    browser = secret or front.core.entropy.token(32)
    source = front.waiting_room.source(source_address(request))
    unknown = await arrivals.begin(sent.get("client_id"), source)
    if unknown is not None:
        return await not_let_in(front, request, sent.get("client_id") or "", unknown)
    found = await begin(front.core, sent, browser, source)
    if isinstance(found, Faulty):
        answer = answer_to_fault(front.core.policy.issuer, found)
        if isinstance(answer, Refused):
            return refused_page(front, answer)
        return send(front, answer, await _client_name(front, sent.get("client_id") or ""))
    response = front.redirect(f"/interaction/{found.id}")
    if secret is None:
        set_browser(front.cookies, response, browser)
    return response


async def _sent(request: Request) -> Form | BadForm:
    """Read the parameters from where the method puts them (OIDC Core §3.1.2.1)."""
    if request.method == "POST":
        return await read_form(request, repeatable=REPEATABLE)
    return parse_query(request, repeatable=REPEATABLE)


async def _go_on(front: Front, code_key: bytes, request: Request) -> Response:
    if request.method == "HEAD":
        return _get_only()
    interaction = await bound_interaction(front, request, request.path_params["interaction_id"])
    if interaction is None:
        return gone_page(front)
    if not await redirect_is_registered(front.core, interaction.request):
        return changed_page(front)
    visitor = await front.visitor(request)
    session = visitor.session if visitor is not None else None
    now = front.core.clock.now()
    step = next_step(
        interaction.request,
        session,
        await consent_state(front.core, interaction, session, now),
        now,
        fresh=session is not None and interaction.signed_in_sid == session.id,
    )
    name = await _client_name(front, interaction.request.client_id)
    if isinstance(step, Complete) and visitor is not None:
        answer = await give_code(front.core, code_key, interaction, visitor.session, step.grant_id)
        if isinstance(answer, Refused):
            answer = await give_error(
                front.core, code_key, interaction, answer, user_id=visitor.user.id
            )
        if isinstance(answer, AlreadyFinished):
            return over_page(front)
        return send(front, answer, name)
    if interaction.finished_at is not None:
        return over_page(front)
    if isinstance(step, Refuse):
        return await refuse(front, code_key, interaction, step.error, step.reason, visitor)
    if isinstance(step, Consent) and visitor is not None:
        return await show_consent(front, code_key, interaction, visitor)
    return front.redirect(f"/sign-in?interaction={interaction.id}")


async def refuse(
    front: Front,
    code_key: bytes,
    interaction: Interaction,
    error: str,
    reason: str,
    visitor: Visitor | None,
) -> Response:
    """End an interaction with an error and send it to the client."""
    refused = Refused(error=error, reason=reason, description=_DESCRIPTIONS[error])
    answer = await give_error(
        front.core, code_key, interaction, refused, user_id=visitor.user.id if visitor else None
    )
    if not isinstance(answer, Answer):
        return over_page(front)
    return send(front, answer, await _client_name(front, interaction.request.client_id))


async def show_consent(
    front: Front,
    code_key: bytes,
    interaction: Interaction,
    visitor: Visitor,
    asking: Asking | None = None,
) -> Response:
    """Show the consent page, at first or again with what was ticked."""
    asked = asking or Asking(
        interaction=interaction, frame=front.frame(visitor), user_id=visitor.user.id
    )
    view = await consent_view(front.core, front.base, asked)
    if isinstance(view, NoOffer):
        return await refuse(front, code_key, interaction, "access_denied", view.reason, visitor)
    return front.pages.page(
        "consent",
        view,
        status=400 if asked.problem is not None else 200,
        form_targets=(form_target(interaction.request.redirect_uri),),
    )


async def bound_interaction(
    front: Front, request: Request, interaction_id: str
) -> Interaction | None:
    """Return an interaction of this very browser, ended or not; others' are as unknown ones."""
    secret = browser_secret(front.cookies, request)
    if secret is None:
        return None
    core = front.core
    found = await core.store.read(lambda tx: core.rows.interactions.get(tx, interaction_id))
    if (
        found is None
        or not same(found.browser_hash, hash_secret(secret))
        or core.clock.now() >= found.expires_at
    ):
        return None
    return found


async def _client_name(front: Front, client_id: str) -> str:
    client = await front.core.snapshot.client(client_id)
    return client.name if client is not None else client_id


def _get_only() -> Response:
    # Looking at the headers must not use a request up or end an interaction.
    return Response(status_code=405, headers={"Allow": "GET"})


_DESCRIPTIONS = {
    "login_required": "The person has to sign in.",
    "consent_required": "The person has to be asked.",
    "unmet_authentication_requirements": "The person did not sign in in the wanted way.",
    "access_denied": "It was not allowed.",
}
