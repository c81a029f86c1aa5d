"""The ASGI application: routes, and what runs beside the requests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from server.services import Services
from server.signals.readiness import Readiness
from server.web.routes import health, machine_routes, own_mcp, page_routes, root_routes

Beside = Callable[[asyncio.Event], Sequence[Coroutine[None, None, None]]]


class _Application(Starlette):
    """Finds the routes that programs call by one look-up; the router tries one after the other."""

    def answer_directly(self, routes: Sequence[Route], base_path: str) -> None:
        """Answer these routes, which are also the router's, without it where they fit exactly."""
        self._base_path = base_path
        self._direct = {base_path + route.path: route for route in routes if "{" not in route.path}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever fits no direct route exactly is the router's affair."""
        route = self._direct.get(scope["path"]) if scope["type"] == "http" else None
        if scope["type"] == "http" and not scope["path"].isprintable():
            # No name of ours holds such characters, and a database refuses NUL with an error.
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
            return
        if route is None or scope["method"] not in (route.methods or ()):
            await super().__call__(scope, receive, send)
            return
        scope["route"], scope["endpoint"] = route, route.endpoint
        if self._base_path:
            scope["root_path"] = scope.get("root_path", "") + self._base_path  # as a mount does
        answer = await route.endpoint(Request(scope, receive, send))
        await answer(scope, receive, send)


def make_application(
    services: Services,
    readiness: Readiness,
    *,
    base_path: str,
    mcp: ASGIApp | None,
    beside: Beside,
    close: Callable[[], Awaitable[None]],
) -> Starlette:
    """Return the application; no state of a server is a module's, so two run in one process.

    `mcp` is Mandate's own MCP server, if it is served. `beside` starts the background work that
    ends when its event is set; then `close` is awaited.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        stop = asyncio.Event()
        tasks = [asyncio.create_task(work) for work in beside(stop)]
        yield
        stop.set()
        await asyncio.gather(*tasks)
        await close()

    machine = machine_routes(services)
    inner: list[BaseRoute] = [*machine, *page_routes(services)]
    routes: list[BaseRoute] = [*health.routes(readiness), *root_routes(services, base_path)]
    if mcp is not None:
        routes += own_mcp.routes(mcp, base_path)
    routes += [Mount(base_path, routes=inner)] if base_path else inner
    app = _Application(routes=routes, lifespan=lifespan)
    app.answer_directly(machine, base_path)
    # RFC 6749 §3.1: an endpoint is one URL; a redirect to another spelling could leak a form.
    app.router.redirect_slashes = False
    return app
