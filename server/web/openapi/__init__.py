"""The OpenAPI 3.1 document of every JSON and protocol route: written by hand, served as bytes."""

from functools import lru_cache
from importlib.metadata import version
from typing import Final

import orjson

from server.web.openapi import access_routes as access
from server.web.openapi import browser_routes as browser
from server.web.openapi import search_routes as search
from server.web.openapi import token_routes as tokens
from server.web.openapi.build import Json
from server.web.openapi.graph_routes import graph_paths
from server.web.openapi.mcp_routes import mcp_paths
from server.web.openapi.registration_routes import registration_paths
from server.web.openapi.schemas import HEADERS, RESPONSES, SCHEMAS, SECURITY
from server.web.origin import site_of

_DESCRIPTION: Final = (
    "An authorization server in which agents act for people, within their consent. "
    "Pages for people are not described here."
)


def document(
    issuer: str, *, graph: bool = False, mcp: bool = False, registration: bool = False
) -> Json:
    """Return the description of the server at `issuer`; its paths begin at the root of the origin.

    With `graph` the OpenFGA API is served as well, with `mcp` Mandate's own MCP server, with
    `registration` dynamic registration.

    Raises `ValueError` for an unsafe issuer.
    """
    site = site_of(issuer)
    base = site.path
    below = _below() | (graph_paths() if graph else {})
    below |= registration_paths() if registration else {}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mandate",
            "version": version("mandate-server"),
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": site.origin}],
        "paths": {
            **_at_root(base),
            **(mcp_paths(base) if mcp else {}),
            **{f"{base}{path}": item for path, item in below.items()},
        },
        "components": {
            "schemas": SCHEMAS,
            "responses": RESPONSES,
            "headers": HEADERS,
            "securitySchemes": SECURITY,
        },
    }


@lru_cache(maxsize=16)
def openapi(issuer: str, *, graph: bool, mcp: bool, registration: bool) -> bytes:
    """Return the document as the bytes that are served."""
    return orjson.dumps(document(issuer, graph=graph, mcp=mcp, registration=registration))


def _at_root(base: str) -> Json:
    """Describe what hangs at the root of the origin, whatever the issuer's path."""
    found = {
        "/healthz": {"get": access.HEALTHZ},
        "/readyz": {"get": access.READYZ},
        f"/.well-known/oauth-authorization-server{base}": {"get": access.metadata("oauthMetadata")},
        f"/.well-known/authzen-configuration{base}": {"get": access.DECISION_POINT},
    }
    if base:
        name = f"/.well-known/openid-configuration{base}"
        found[name] = {"get": access.metadata("openidMetadataAtRoot")}
    return found


def _below() -> Json:
    """Describe what hangs below the issuer's path."""
    return {
        "/token": {"post": tokens.TOKEN},
        "/introspect": {"post": tokens.INTROSPECT},
        "/revoke": {"post": tokens.REVOKE},
        "/par": {"post": tokens.PAR},
        "/userinfo": {method: tokens.userinfo(method) for method in ("get", "post")},
        "/grants/{grant_id}": {"get": tokens.GRANT},
        "/access/v1/evaluation": {"post": access.EVALUATION},
        "/access/v1/evaluations": {"post": access.EVALUATIONS},
        "/access/v1/search/resource": {"post": search.SEARCH_RESOURCE},
        "/access/v1/search/action": {"post": search.SEARCH_ACTION},
        "/access/v1/relations": {"post": access.RELATIONS},
        "/access/v1/approvals/{approval_id}": {"get": access.APPROVAL_STATE},
        "/authorize": {method: browser.authorize(method) for method in ("get", "post")},
        "/logout": {method: browser.logout(method) for method in ("get", "post")},
        "/.well-known/openid-configuration": {"get": access.metadata("openidMetadata")},
        "/jwks": {"get": access.JWKS},
        "/openapi.json": {"get": access.DESCRIPTION},
    }
