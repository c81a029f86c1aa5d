"""`/logout` (OIDC RP-Initiated Logout 1.0): at once with a good hint, else after a question."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.domain.refusal import Refused
from server.identity.sessions import end_session
from server.protocol.end_session import LogoutWish, examine_logout
from server.protocol.presented import TokenReader
from server.web.browser import clear_session
from server.web.forms import BadForm, Form, parse_parameters, parse_query, read_form
from server.web.front import Front, Visitor
from server.web.front_channel import refused_page
from server.web.origin import form_target
from server.web.security_headers import REDIRECT_HEADERS
from server.web.views.account import SignOutPage


def routes(front: Front, reader: TokenReader) -> list[Route]:
    """Return the routes; `reader` knows our own ID tokens."""
    asked = front.guarded(lambda r: _asked(front, reader, r))
    answered = front.guarded(lambda r: _answered(front, reader, r))
    return [
        Route("/logout", asked, methods=["GET", "POST"]),
        Route("/logout/answer", answered, methods=["POST"]),
    ]


async def _asked(front: Front, reader: TokenReader, request: Request) -> Response:
    sent = await read_form(request) if request.method == "POST" else parse_query(request)
    if isinstance(sent, BadForm):
        return _bad(front, sent)
    visitor = await front.visitor(request)
    wish = await examine_logout(front.core, reader, sent)
    if isinstance(wish, Refused):
        return refused_page(front, wish)
    if visitor is None and request.method == "POST":
        # A form of another site comes without our cookies; the same wish by GET has them. The
        # hint stays out of the URL, so the person will be asked.
        return front.redirect(f"/logout?{_carried(wish)}")
    if visitor is None:
        # §3: without a hint nobody vouches for the address.
        return _leave(front, wish) if wish.sid is not None else front.redirect("/signed-out")
    if request.method != "HEAD" and wish.sid == visitor.session.id:
        return await _end(front, visitor, wish)
    view = SignOutPage(
        frame=front.frame(visitor),
        action=f"{front.base}/logout/answer",
        client_name=wish.client.name if wish.client is not None else None,
        request=_carried(wish),
    )
    targets = (form_target(wish.redirect_uri),) if wish.redirect_uri is not None else ()
    return front.pages.page("sign_out", view, form_targets=targets)


async def _answered(front: Front, reader: TokenReader, request: Request) -> Response:
    visitor = await front.visitor(request)
    if visitor is None:
        return front.redirect("/signed-out")
    form = await front.session_form(request)
    if isinstance(form, Response):
        return form
    if form.get("decision") != "sign_out":
        return front.redirect("/agents")
    carried = _read_back(form)
    if isinstance(carried, BadForm):
        return _bad(front, carried)
    wish = await examine_logout(front.core, reader, carried)
    if isinstance(wish, Refused):
        return refused_page(front, wish)
    return await _end(front, visitor, wish)


async def _end(front: Front, visitor: Visitor, wish: LogoutWish) -> Response:
    ended = await end_session(front.core, visitor.session, reason="client_asked")
    response = _leave(front, wish, ended)
    clear_session(front.cookies, response)
    return response


def _leave(front: Front, wish: LogoutWish, ended: int = 0) -> Response:
    if wish.location is None:
        return front.redirect(f"/signed-out?ended={ended}" if ended else "/signed-out")
    return Response(status_code=303, headers={**REDIRECT_HEADERS, "Location": wish.location})


def _carried(wish: LogoutWish) -> str:
    """Write a wish for a hidden field: never the hint, and checked again when it comes back."""
    parts = {
        "client_id": wish.client.id if wish.client is not None else None,
        "post_logout_redirect_uri": wish.redirect_uri,
        "state": wish.state,
    }
    return urlencode({name: value for name, value in parts.items() if value is not None})


def _read_back(form: Form) -> Form | BadForm:
    text = form.get("request", "")
    return parse_parameters(text.encode("ascii", "replace"))


def _bad(front: Front, bad: BadForm) -> Response:
    refused = Refused(error=bad.error, reason="form", description=f"{bad.description}.")
    return refused_page(front, refused)
