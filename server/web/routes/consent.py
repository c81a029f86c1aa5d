"""`/consent`: the person's answer to the consent page. POST, then 303; GET shows nothing here."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.domain.interactions import Interaction
from server.identity.consent import Picks, Recorded, record_consent
from server.protocol.authorization_response import Answer
from server.protocol.finish import give_denial
from server.protocol.interaction import (
    Complete,
    Consent,
    consent_state,
    next_step,
    redirect_is_registered,
)
from server.web.consent_page import Asking
from server.web.forms import Form
from server.web.front import Front, Visitor
from server.web.front_channel import changed_page, gone_page, over_page, send
from server.web.routes.authorize import bound_interaction, show_consent

REPEATABLE = ("scope", "object", "hand_over", "downstream")


def routes(front: Front, code_key: bytes) -> list[Route]:
    """Return the routes of the consent page; `code_key` is that of authorization codes."""
    return [Route("/consent", front.guarded(lambda r: _post(front, code_key, r)), methods=["POST"])]


async def _post(front: Front, code_key: bytes, request: Request) -> Response:
    # The form's token belongs to the session: a page that was shown to somebody else is refused.
    form = await front.session_form(request, REPEATABLE)
    if isinstance(form, Response):
        return form
    interaction = await bound_interaction(front, request, form.get("interaction", ""))
    if interaction is None:
        return gone_page(front)
    if not await redirect_is_registered(front.core, interaction.request):
        return changed_page(front)
    visitor = await front.visitor(request)
    decision = form.get("decision")
    # Whoever asked for no page got none: what is posted for it is no answer to one.
    shown = "none" not in interaction.request.prompt
    if visitor is not None and shown and decision == "deny":
        # Never led on: what is next may be a code, by a yes of a moment ago or of another window.
        return await _deny(front, code_key, interaction, visitor)
    if visitor is None or not shown or not await _is_asked(front, interaction, visitor):
        # Signed out meanwhile, clicked twice, or gone back: what is next says the interaction.
        return front.redirect(f"/interaction/{interaction.id}")
    picks = _picks(form)
    if decision == "allow":
        outcome = await record_consent(front.core, interaction, visitor.session, picks)
        if isinstance(outcome, Recorded) or outcome.problem is None:
            return front.redirect(f"/interaction/{interaction.id}")
        problem: str | None = outcome.problem
    else:
        problem = None if decision == "find" else "Choose “Allow” or “Not now”."
    asking = Asking(
        interaction=interaction,
        frame=front.frame(visitor),
        user_id=visitor.user.id,
        picks=picks,
        object_query=form.get("object_query", "")[:120],
        problem=problem,
    )
    return await show_consent(front, code_key, interaction, visitor, asking)


async def _is_asked(front: Front, interaction: Interaction, visitor: Visitor) -> bool:
    """Tell whether this person's answer is still open.

    What was allowed in another window meanwhile may cover this request, so that nobody would be
    asked now. But this page was shown: its answer counts, a narrower one and a no above all.
    """
    if interaction.finished_at is not None:
        return False
    session, now = visitor.session, front.core.clock.now()
    state = await consent_state(front.core, interaction, session, now)
    fresh = interaction.signed_in_sid == session.id
    step = next_step(interaction.request, session, state, now, fresh=fresh)
    return isinstance(step, Consent) or (isinstance(step, Complete) and not state.decided)


def _picks(form: Form) -> Picks:
    return Picks(
        scopes=frozenset(form.every("scope")),
        objects=frozenset(form.every("object")),
        hand_overs=frozenset(form.every("hand_over")),
        downstreams=frozenset(form.every("downstream")),
        duration=form.get("duration", ""),
        allow_sharing=form.get("allow_sharing") == "yes",
        keep_earlier=form.get("keep_earlier") == "yes",
    )


async def _deny(
    front: Front, code_key: bytes, interaction: Interaction, visitor: Visitor
) -> Response:
    answer = await give_denial(front.core, code_key, interaction, visitor.user.id)
    if not isinstance(answer, Answer):
        return over_page(front)
    client = await front.core.snapshot.client(interaction.request.client_id)
    return send(front, answer, client.name if client is not None else "")
