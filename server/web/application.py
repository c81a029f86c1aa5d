"""The ASGI application: routes, and what runs beside the requests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from server.services import Services
from server.signals.readiness import Readiness
from server.web.routes import every_route, health, root_routes

Beside = Callable[[asyncio.Event], Sequence[Coroutine[None, None, None]]]


def make_application(
    services: Services,
    readiness: Readiness,
    *,
    base_path: str,
    beside: Beside,
    close: Callable[[], Awaitable[None]],
) -> Starlette:
    """Return the application; no module-level state, so two servers run in one process.

    `beside` starts the background work that ends when its event is set; then `close` is awaited.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        stop = asyncio.Event()
        tasks = [asyncio.create_task(work) for work in beside(stop)]
        yield
        stop.set()
        await asyncio.gather(*tasks)
        await close()

    inner: list[BaseRoute] = list(every_route(services))
    routes: list[BaseRoute] = [*health.routes(readiness), *root_routes(services, base_path)]
    routes += [Mount(base_path, routes=inner)] if base_path else inner
    app = Starlette(routes=routes, lifespan=lifespan)
    # RFC 6749 §3.1: an endpoint is one URL; a redirect to another spelling could leak a form.
    app.router.redirect_slashes = False
    return app
