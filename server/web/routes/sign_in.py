"""`/sign-in`: address and password, for a waiting authorization or for one's own pages."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.defence.slow_down import Wait
from server.domain.interactions import AuthorizationRequest
from server.identity.sign_in import Browser, SignedIn, sign_in
from server.web.browser import (
    DEVICE,
    browser_binding,
    browser_secret,
    current_session,
    set_browser,
    set_signed_in,
    source_address,
    waiting_interaction,
)
from server.web.forms import BadForm, parse_query
from server.web.front import Front
from server.web.origin import form_target
from server.web.views.account import SignInPage
from server.web.views.frame import Frame, Notice
from server.web.waiting import waiting_words
from server.web.way_back import WayBack, way_back

WRONG = "This address and password do not belong together."
WELCOME = Notice(text="Your account is ready. Sign in to go on.", tone="good")


def routes(front: Front) -> list[Route]:
    """Return the routes of sign-in."""
    return [
        Route("/sign-in", front.guarded(lambda r: _show(front, r)), methods=["GET"]),
        Route("/sign-in", front.guarded(lambda r: _post(front, r)), methods=["POST"]),
    ]


async def _show(front: Front, request: Request) -> Response:
    query = parse_query(request)
    if isinstance(query, BadForm):
        return front.redirect("/sign-in")
    back = way_back(next_path=query.get("next"), interaction=query.get("interaction"))
    secret = browser_secret(front.cookies, request)
    fresh = secret or front.core.entropy.token(32)
    hint = ""
    client = NOBODY
    if back.interaction:
        found = await waiting_interaction(front.core, front.cookies, request, back.interaction)
        if found is None:
            return gone(front)
        hint = found.request.login_hint or ""
        client = await _client(front, found.request)
    notice = WELCOME if query.get("welcome") == "yes" else None
    response = _page(front, fresh, back, client, email=hint, notice=notice)
    if secret is None:
        set_browser(front.cookies, response, fresh)
    return response


async def _post(front: Front, request: Request) -> Response:
    secret = browser_secret(front.cookies, request)
    form = await front.form(request, browser_binding(secret or ""))
    if isinstance(form, Response):
        return form
    query = parse_query(request)
    if secret is None or isinstance(query, BadForm):
        return front.redirect("/sign-in")
    back = way_back(
        next_path=query.get("next"),
        interaction=form.get("interaction") or query.get("interaction"),
    )
    client = NOBODY
    if back.interaction:
        found = await waiting_interaction(front.core, front.cookies, request, back.interaction)
        if found is None:
            return gone(front)
        client = await _client(front, found.request)
    now = await current_session(front.core, front.cookies, request)
    email = form.get("email", "")
    outcome = await sign_in(
        front.core,
        front.passwords,
        front.slow_down,
        email=email,
        password=form.get("password", ""),
        browser=Browser(
            address=source_address(request),
            device=front.cookies.read(request, DEVICE),
            sid=now[0].id if now else None,
        ),
        interaction_id=back.interaction or None,
    )
    if isinstance(outcome, SignedIn):
        response = front.redirect(back.target)
        set_signed_in(front.cookies, response, outcome)
        return response
    if isinstance(outcome, Wait):
        problem = f"Too many tries. You can try again in {waiting_words(outcome.seconds)}."
        response = _page(front, secret, back, client, email=email, problem=problem, status=429)
        response.headers["Retry-After"] = str(outcome.seconds)
        return response
    return _page(front, secret, back, client, email=email, problem=WRONG, status=400)


@dataclass(frozen=True, slots=True)
class WaitingClient:
    """For whom one signs in, and where the answer of a covered request goes at once."""

    name: str | None = None
    form_target: str | None = None


NOBODY = WaitingClient()


async def _client(front: Front, asked: AuthorizationRequest) -> WaitingClient:
    client = await front.core.snapshot.client(asked.client_id)
    # Chromium holds form-action against the whole chain of redirects that a form starts: a
    # request which a live delegation covers goes straight on to the client (DESIGN 3.16).
    return WaitingClient(client.name if client else None, form_target(asked.redirect_uri))


def gone(front: Front) -> Response:
    """Answer for an authorization that does not wait in this browser, whatever the reason."""
    return front.error(
        "This sign-in is no longer waiting",
        "It has ended, took too long, or was started in another browser.",
        "Go back to the application and start again.",
        404,
    )


def _page(
    front: Front,
    secret: str,
    back: WayBack,
    client: WaitingClient,
    *,
    email: str = "",
    problem: str | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    open_to_all = front.core.policy.self_registration
    view = SignInPage(
        frame=Frame(csrf=front.browser_token(secret), notice=notice),
        action=front.base + back.carried_by("/sign-in"),
        interaction=back.interaction,
        for_name=client.name,
        problem=problem,
        email=email,
        sign_up_url=front.base + back.carried_by("/sign-up") if open_to_all else None,
    )
    return front.pages.page("sign_in", view, status=status, form_targets=(client.form_target,))
