"""`/sign-up`: a new account. A taken address gets the same answer, byte for byte."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.defence.slow_down import Wait
from server.identity.sign_up import AccountReady, BadSignUp, NewPerson, sign_up
from server.web.browser import browser_binding, browser_secret, set_browser, source_address
from server.web.forms import BadForm, Form, parse_query
from server.web.front import Front
from server.web.views.account import SignUpPage
from server.web.views.frame import Frame
from server.web.waiting import waiting_words
from server.web.way_back import WayBack, way_back


def routes(front: Front) -> list[Route]:
    """Return the routes of sign-up."""
    return [
        Route("/sign-up", front.guarded(lambda r: _show(front, r)), methods=["GET"]),
        Route("/sign-up", front.guarded(lambda r: _post(front, r)), methods=["POST"]),
    ]


def _closed(front: Front) -> Response:
    return front.error(
        "Sign-up is closed",
        "People cannot make an account here by themselves.",
        "Ask an administrator for an account.",
        404,
    )


async def _show(front: Front, request: Request) -> Response:
    if not front.core.policy.self_registration:
        return _closed(front)
    query = parse_query(request)
    if isinstance(query, BadForm):
        return front.redirect("/sign-up")
    back = way_back(next_path=query.get("next"), interaction=query.get("interaction"))
    secret = browser_secret(front.cookies, request)
    fresh = secret or front.core.entropy.token(32)
    response = _page(front, fresh, back)
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
        return front.redirect("/sign-up")
    back = way_back(
        next_path=query.get("next"),
        interaction=form.get("interaction") or query.get("interaction"),
    )
    if not front.core.policy.self_registration:
        return _closed(front)
    person = NewPerson(
        name=form.get("name", ""),
        email=form.get("email", ""),
        password=form.get("password", ""),
    )
    outcome = await sign_up(
        front.core, front.passwords, front.slow_down,
        person=person, address=source_address(request),
    )  # fmt: skip
    if isinstance(outcome, AccountReady):
        return front.redirect(back.carried_by("/sign-in", welcome="yes"))
    if isinstance(outcome, Wait):
        words = waiting_words(outcome.seconds)
        bad = f"Too many accounts from your network. You can try again in {words}."
        response = _page(front, secret, back, form=form, problem=bad, status=429)
        response.headers["Retry-After"] = str(outcome.seconds)
        return response
    return _page(front, secret, back, form=form, problem=outcome, status=400)


def _page(
    front: Front,
    secret: str,
    back: WayBack,
    *,
    form: Form | None = None,
    problem: BadSignUp | str | None = None,
    status: int = 200,
) -> Response:
    view = SignUpPage(
        frame=Frame(csrf=front.browser_token(secret)),
        action=front.base + back.carried_by("/sign-up"),
        interaction=back.interaction,
        name=form.get("name", "") if form else "",
        email=form.get("email", "") if form else "",
        problem=problem.fault.value if isinstance(problem, BadSignUp) else problem,
        problem_field=problem.field if isinstance(problem, BadSignUp) else "",
        sign_in_url=front.base + back.carried_by("/sign-in"),
    )
    return front.pages.page("sign_up", view, status=status)
