"""Metadata in all three well-known forms, key set, OpenAPI: cached bytes (RFC 8414 §3.1)."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.keys.jwks import CACHED_FOR
from server.protocol.metadata import authzen_metadata, metadata
from server.services import Services
from server.web.openapi import openapi
from server.web.routes.protocol import failing_closed
from server.web.security_headers import raw_headers

_PUBLIC = {
    "Cache-Control": f"public, max-age={CACHED_FOR}",
    # Public documents that browser-based clients read.
    "Access-Control-Allow-Origin": "*",
    "X-Content-Type-Options": "nosniff",
}

_RAW_PUBLIC = raw_headers(_PUBLIC)


def root_routes(services: Services, base_path: str) -> list[Route]:
    """Return the well-known routes at the root of the origin, for an issuer with a path."""

    async def document(_: Request) -> Response:
        return _document(services)

    async def decision_point(_: Request) -> Response:
        return _public(authzen_metadata(services.core.policy), "application/json")

    served = {
        "oauth-authorization-server": document,
        "openid-configuration": document,
        # AuthZEN 1.0 §9.2 has this form alone: the name before the path of the identifier.
        "authzen-configuration": decision_point,
    }
    return [
        Route(f"/.well-known/{name}{base_path}", endpoint, methods=["GET"])
        for name, endpoint in served.items()
    ]


def routes(services: Services) -> list[Route]:
    """Return the routes below the issuer's own path."""

    async def document(_: Request) -> Response:
        return _document(services)

    async def jwks(request: Request) -> Response:
        await services.core.snapshot.refresh()
        published = services.keys.published
        if request.headers.get("if-none-match") == published.etag:
            return Response(status_code=304, headers={**_PUBLIC, "ETag": published.etag})
        answer = _public(published.body, "application/jwk-set+json")
        answer.raw_headers.append((b"etag", published.etag.encode()))
        return answer

    async def description(_: Request) -> Response:
        policy = services.core.policy
        registration = policy.client_registration != "off"
        body = openapi(
            policy.issuer, graph=policy.authz_api, mcp=policy.mcp, registration=registration
        )
        return _public(body, "application/json")

    return [
        Route("/.well-known/openid-configuration", document, methods=["GET"]),
        Route("/jwks", failing_closed(jwks), methods=["GET"]),
        Route("/openapi.json", description, methods=["GET"]),
    ]


def _document(services: Services) -> Response:
    body = metadata(services.core.policy, services.keys.algorithms)
    return _public(body, "application/json")


def _public(body: bytes, media_type: str) -> Response:
    answer = Response(body, media_type=media_type)
    answer.raw_headers += _RAW_PUBLIC
    return answer
