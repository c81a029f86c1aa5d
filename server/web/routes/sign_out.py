"""`/sign-out`: asks, ends the session with what hangs on it, and says what ended."""

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.identity.sessions import end_session
from server.web.browser import clear_session
from server.web.forms import BadForm, parse_query
from server.web.front import Front
from server.web.views.account import SignedOutPage, SignOutPage
from server.web.views.frame import Frame


def routes(front: Front) -> list[Route]:
    """Return the routes of sign-out."""
    return [
        Route("/sign-out", front.guarded(lambda r: _ask(front, r)), methods=["GET"]),
        Route("/sign-out", front.guarded(lambda r: _post(front, r)), methods=["POST"]),
        Route("/signed-out", front.guarded(lambda r: _done(front, r)), methods=["GET"]),
    ]


async def _ask(front: Front, request: Request) -> Response:
    visitor = await front.visitor(request)
    if visitor is None:
        return front.redirect("/signed-out")
    view = SignOutPage(frame=front.frame(visitor), action=f"{front.base}/sign-out")
    return front.pages.page("sign_out", view)


async def _post(front: Front, request: Request) -> Response:
    visitor = await front.visitor(request)
    if visitor is None:
        return front.redirect("/signed-out")
    form = await front.session_form(request)
    if isinstance(form, Response):
        return form
    if form.get("decision") != "sign_out":
        return front.redirect("/agents")
    ended = await end_session(front.core, visitor.session)
    response = front.redirect(f"/signed-out?ended={ended}" if ended else "/signed-out")
    clear_session(front.cookies, response)
    return response


async def _done(front: Front, request: Request) -> Response:
    query = parse_query(request)
    text = "0" if isinstance(query, BadForm) else query.get("ended", "0")
    ended = int(text) if re.fullmatch(r"[0-9]{1,6}", text) else 0
    view = SignedOutPage(frame=Frame(csrf=""), sign_in_url=f"{front.base}/sign-in", ended=ended)
    return front.pages.page("signed_out", view)
