"""`/client-logo/{digest}`: the picture of a client, for the page that a signed-in person sees."""

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.web.front import Front
from server.web.security_headers import PICTURE_HEADERS

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def routes(front: Front) -> list[Route]:
    """Return the route of pictures."""

    async def picture(request: Request) -> Response:
        digest = request.path_params["digest"]
        # For people who are shown the page alone: this is no place to publish pictures.
        if not _DIGEST.fullmatch(digest) or await front.visitor(request) is None:
            return front.not_found()
        core = front.core
        found = await core.store.read(lambda tx: core.rows.logos.by_digest(tx, digest))
        if found is None:
            return front.not_found()
        return Response(
            found.content, headers={**PICTURE_HEADERS, "Content-Type": found.media_type}
        )

    return [Route("/client-logo/{digest}", front.guarded(picture), methods=["GET"])]
