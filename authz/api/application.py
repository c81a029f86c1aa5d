"""The API as routes of a larger application, or as an application of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from authz.api import list_routes, query_routes, store_routes, tuple_routes, why_routes
from authz.api.answers import answer, refusal
from authz.api.calls import Api, handler

# Routes are tried in this order: what is asked most often stands first.
CALLS = (
    *query_routes.CALLS,
    *list_routes.CALLS,
    *tuple_routes.CALLS,
    *store_routes.CALLS,
    *why_routes.CALLS,
)


def routes(api: Api) -> list[Route]:
    """Return the routes of every call."""
    return [
        Route(call.path, handler(api, call), methods=[call.method], name=call.path)
        for call in CALLS
    ]


def make_application(api: Api, close: Callable[[], Awaitable[None]]) -> Starlette:
    """Return the API alone, with OpenFGA's `GET /healthz`; `close` is awaited at the end."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await close()

    app = Starlette(
        routes=[*routes(api), Route("/healthz", _health, methods=["GET"])],
        exception_handlers={HTTPException: _unknown},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


async def _health(_: Request) -> Response:
    return answer({"status": "SERVING"})


async def _unknown(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 405:
        return refusal(404, "unimplemented", "Method Not Allowed")
    return refusal(404, "undefined_endpoint", "Not Found")
