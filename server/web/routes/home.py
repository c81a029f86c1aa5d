"""`/`: to one's agents, or to sign-in; and the static files of the pages."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.web.front import Front


def routes(front: Front) -> list[Route]:
    """Return the routes of the front door and of the static files."""
    return [
        Route("/", front.guarded(lambda r: _home(front, r)), methods=["GET"]),
        Route("/static/{name}", front.guarded(lambda r: _static(front, r)), methods=["GET"]),
    ]


async def _home(front: Front, request: Request) -> Response:
    visitor = await front.visitor(request)
    return front.redirect("/sign-in" if visitor is None else "/agents")


async def _static(front: Front, request: Request) -> Response:
    return front.pages.static.answer(request.path_params["name"])
