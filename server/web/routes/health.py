"""`/healthz`: the process answers. `/readyz`: it can do its work, and one word what is wrong."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.signals.readiness import Readiness

_FRESH = {"Cache-Control": "no-store"}


def routes(readiness: Readiness) -> list[Route]:
    """Return both; they hang at the root of the origin, whatever the issuer's path."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"}, headers=_FRESH)

    async def readyz(_: Request) -> Response:
        state = await readiness.check()
        return JSONResponse({"status": state.value}, 200 if state.serves else 503, headers=_FRESH)

    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
    ]
