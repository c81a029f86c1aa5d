"""`/setup`: the one-time link that makes the first administrator. Opening it uses nothing up."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.identity.links import LinkGone, peek_admin_link, use_admin_link
from server.identity.sign_up import BadSignUp, NewPerson
from server.web.browser import browser_binding, browser_secret, set_browser
from server.web.forms import BadForm, Form, parse_query
from server.web.front import Front
from server.web.views.account import SignUpPage
from server.web.views.frame import Frame


def routes(front: Front) -> list[Route]:
    """Return the routes of the first administrator's link."""
    return [
        Route("/setup", front.guarded(lambda r: _show(front, r)), methods=["GET"]),
        Route("/setup", front.guarded(lambda r: _post(front, r)), methods=["POST"]),
    ]


def _gone(front: Front) -> Response:
    return front.error(
        "This link does not work",
        "It was used before, is too old, or was not copied in full.",
        "Make a new one on the server with: mandate init",
        404,
    )


async def _show(front: Front, request: Request) -> Response:
    query = parse_query(request)
    link = "" if isinstance(query, BadForm) else query.get("link", "")
    email = await peek_admin_link(front.core, link)
    if email is None:
        return _gone(front)
    secret = browser_secret(front.cookies, request)
    fresh = secret or front.core.entropy.token(32)
    response = _page(front, fresh, link=link, fixed=email)
    if secret is None:
        set_browser(front.cookies, response, fresh)
    return response


async def _post(front: Front, request: Request) -> Response:
    secret = browser_secret(front.cookies, request)
    form = await front.form(request, browser_binding(secret or ""))
    if isinstance(form, Response):
        return form
    link = form.get("link", "")
    person = NewPerson(
        name=form.get("name", ""),
        email=form.get("email", ""),
        password=form.get("password", ""),
    )
    outcome = await use_admin_link(front.core, front.passwords, secret=link, person=person)
    if isinstance(outcome, LinkGone):
        return _gone(front)
    if isinstance(outcome, BadSignUp):
        email = await peek_admin_link(front.core, link) or ""
        return _page(front, secret or "", link=link, fixed=email, form=form, bad=outcome)
    return front.redirect("/sign-in?welcome=yes&next=%2Fadmin%2Fagents")


def _page(
    front: Front,
    secret: str,
    *,
    link: str,
    fixed: str,
    form: Form | None = None,
    bad: BadSignUp | None = None,
) -> Response:
    view = SignUpPage(
        frame=Frame(csrf=front.browser_token(secret)),
        action=f"{front.base}/setup",
        heading="Make the first administrator",
        link=link,
        name=form.get("name", "") if form else "",
        email=fixed or (form.get("email", "") if form else ""),
        fixed_email=bool(fixed),
        problem=bad.fault.value if bad else None,
        problem_field=bad.field if bad else "",
    )
    return front.pages.page("sign_up", view, status=400 if bad else 200)
