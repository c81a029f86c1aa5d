"""`/ask-admin`: a client that may not come in (yet), and the wish that it might."""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.domain.refusal import Refused
from server.protocol.registration.ask import ask_for
from server.web.front import Front
from server.web.front_channel import refused_page
from server.web.views.ask_admin import AskAdminPage
from server.web.views.frame import Frame


def routes(front: Front) -> list[Route]:
    """Return the route that notes a wish."""
    return [Route("/ask-admin", front.guarded(lambda r: _post(front, r)), methods=["POST"])]


async def not_let_in(front: Front, request: Request, client_id: str, refused: Refused) -> Response:
    """Tell the person why a client cannot come in; it is told nothing itself."""
    if refused.reason != "client_needs_admin":
        return refused_page(front, refused)
    visitor = await front.visitor(request)
    view = AskAdminPage(
        frame=front.frame(visitor) if visitor is not None else Frame(csrf=""),
        host=urlsplit(client_id).hostname or "",
        client_id=client_id,
        action=f"{front.base}/ask-admin" if visitor is not None else None,
        sign_in_url=f"{front.base}/sign-in",
    )
    return front.pages.page("ask_admin", view, status=403)


async def _post(front: Front, request: Request) -> Response:
    visitor = await front.visitor(request)
    if visitor is None:
        return front.redirect("/sign-in")
    form = await front.session_form(request)
    if isinstance(form, Response):
        return form
    client_id = form.get("client_id", "")
    host = await ask_for(front.core, client_id, visitor.user.id)
    if host is None:
        return front.not_found()
    view = AskAdminPage(frame=front.frame(visitor), host=host, client_id=client_id, asked=True)
    return front.pages.page("ask_admin", view)
