"""From an MCP server's address to the token endpoint, as MCP's authorization says (2026-07-28)."""

from typing import Any
from urllib.parse import urlsplit

import httpx2

from mcp_tools.client.challenged import metadata_hint, same_origin
from mcp_tools.client.errors import TryAgain, WrongServer
from mcp_tools.discovery import ask, metadata_url, open_http
from mcp_tools.resource_metadata import WELL_KNOWN, require_safe_url
from mcp_tools.unavailable import IssuerUnavailable


async def find_issuer(resource: str, http: httpx2.AsyncClient | None = None) -> str:
    """Ask an MCP server for its authorization server; the first, if it names several.

    The server chooses it, so look at the answer before you send a secret there: keep it in your
    settings rather than asking each time. Raises `WrongServer` if the metadata is of another
    resource, `TryAgain` if there is none.
    """
    used = http or open_http(resource)
    try:
        return (await protected_resource(used, resource, None))[1][0]
    finally:
        if http is None:
            await used.aclose()


async def protected_resource(
    http: httpx2.AsyncClient, resource: str, hint: str | None
) -> tuple[str, tuple[str, ...]]:
    """Fetch a server's metadata (RFC 9728); return its `resource` and `authorization_servers`.

    `hint` is the `resource_metadata` of a 401, without one the server is asked for it; it counts
    only on the server's own origin. Raises `WrongServer` (RFC 9728 §3.3) or `TryAgain`.
    """
    parts = urlsplit(resource)
    origin = f"{parts.scheme}://{parts.netloc}"
    root = origin + WELL_KNOWN
    places = list(dict.fromkeys([root + parts.path.rstrip("/"), root]))
    hint = hint or await _asked_for_hint(http, resource)
    if hint is not None and _is_own(resource, hint):
        places = [hint]
    place, document = await _first(http, places, "the server")
    named, servers = document.get("resource"), document.get("authorization_servers")
    # Only the document of the whole origin may speak of the origin: it is its owner's.
    allowed = (resource, origin) if place == root else (resource,)
    if not isinstance(named, str) or not any(_same(named, each) for each in allowed):
        # Else a token for another resource would be asked for and sent here.
        raise WrongServer(f"the metadata of {resource} names another resource")
    if not isinstance(servers, list) or not all(isinstance(each, str) for each in servers):
        raise TryAgain("server_error", "unexpected_answer")
    if not servers:
        raise TryAgain("server_error", "unexpected_answer")
    return named, tuple(servers)


async def token_endpoint_of(http: httpx2.AsyncClient, issuer: str) -> str:
    """Find an issuer's token endpoint (RFC 8414 §3.1, OpenID Connect Discovery §4).

    Raises `WrongServer` if the metadata is another issuer's, `TryAgain` if there is none.
    """
    parts = urlsplit(issuer)
    path, origin = parts.path.rstrip("/"), f"{parts.scheme}://{parts.netloc}"
    openid = "/.well-known/openid-configuration"
    places = [metadata_url(issuer), f"{origin}{openid}{path}", f"{origin}{path}{openid}"]
    _, document = await _first(http, list(dict.fromkeys(places)), "the issuer")
    if document.get("issuer") != issuer:
        # RFC 8414 §3.3: must be identical, compared as it is written.
        raise WrongServer(f"the metadata of {issuer} names another issuer")
    endpoint = document.get("token_endpoint")
    if not isinstance(endpoint, str):
        raise TryAgain("server_error", "unexpected_answer")
    try:
        require_safe_url(endpoint, "the token endpoint")
    except ValueError as error:
        raise WrongServer(str(error)) from None
    return endpoint


async def _asked_for_hint(http: httpx2.AsyncClient, resource: str) -> str | None:
    """Call the server without a token; None if it names no place for its metadata."""
    try:
        answer = await ask(http, http.build_request("GET", resource))
    except IssuerUnavailable:
        return None
    return metadata_hint(answer.headers) if answer.status == 401 else None


async def _first(
    http: httpx2.AsyncClient, places: list[str], whose: str
) -> tuple[str, dict[str, Any]]:
    """Return the first document that there is, and where it was."""
    try:
        for place in places:
            answer = await ask(http, http.build_request("GET", place))
            if answer.status == 200:
                return place, answer.json_object()
            if answer.status >= 500:
                break
    except IssuerUnavailable as error:
        raise TryAgain("temporarily_unavailable", "checker_unavailable", str(error)) from None
    raise TryAgain("temporarily_unavailable", "checker_unavailable", f"{whose} has no metadata")


def _is_own(resource: str, hint: str) -> bool:
    try:
        require_safe_url(hint, "resource_metadata")
        return same_origin(resource, httpx2.URL(hint))
    except (ValueError, httpx2.InvalidURL):
        return False


def _same(named: str, resource: str) -> bool:
    # Identical; only the slash of a bare origin is the same with and without (RFC 3986 §6.2.3).
    if named == resource:
        return True
    return urlsplit(resource).path in {"", "/"} and named.rstrip("/") == resource.rstrip("/")
