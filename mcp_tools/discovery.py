"""What the issuer says of itself (RFC 8414), fetched with bounds."""

import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from mcp_tools.resource_metadata import require_safe_url
from mcp_tools.unavailable import IssuerUnavailable

MAX_ANSWER: Final = 256 * 1024
"""Bytes of any answer of the issuer that we read."""
TIMEOUT: Final = httpx2.Timeout(5.0, connect=3.0)
"""Seconds. A tool call waits for the decision, so a lost issuer must not hold it for long."""


@dataclass(frozen=True, slots=True)
class IssuerMetadata:
    """The part of the issuer's metadata that we use."""

    issuer: str
    jwks_uri: str
    token_endpoint: str
    introspection_endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read to its (bounded) end."""

    status: int
    headers: httpx2.Headers
    body: bytes

    def json_object(self) -> dict[str, Any]:
        """Parse the body; raises `IssuerUnavailable` if it is not one JSON object."""
        try:
            document = json.loads(self.body.decode())
        except (ValueError, RecursionError):
            raise IssuerUnavailable("the issuer's answer is not JSON") from None
        if not isinstance(document, dict):
            raise IssuerUnavailable("the issuer's answer is not a JSON object")
        return document


def open_http(issuer: str) -> httpx2.AsyncClient:
    """Open the client for one issuer. No redirects; on loopback no proxy of the environment."""
    require_safe_url(issuer, "issuer")
    return httpx2.AsyncClient(
        timeout=TIMEOUT, follow_redirects=False, trust_env=urlsplit(issuer).scheme == "https"
    )


async def ask(http: httpx2.AsyncClient, request: httpx2.Request) -> Answer:
    """Send a request and read at most `MAX_ANSWER` bytes; raises `IssuerUnavailable`."""
    try:
        # auth=None: this client may be shared; the request carries what it needs.
        response = await http.send(request, stream=True, auth=None, follow_redirects=False)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER:
                    raise IssuerUnavailable("the issuer's answer is too large")
        finally:
            await response.aclose()
    except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
        raise IssuerUnavailable(f"the issuer did not answer ({type(error).__name__})") from None
    return Answer(response.status_code, response.headers, bytes(body))


def metadata_url(issuer: str) -> str:
    """RFC 8414 §3.1: the well-known part goes between the host and the issuer's path."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{path}"


async def discover(http: httpx2.AsyncClient, issuer: str) -> IssuerMetadata:
    """Fetch the issuer's metadata; raises `IssuerUnavailable`."""
    answer = await ask(http, http.build_request("GET", metadata_url(issuer)))
    if answer.status != 200:
        raise IssuerUnavailable(f"the issuer's metadata answers {answer.status}")
    document = answer.json_object()
    # RFC 8414 §3.3: must be identical, else another server speaks for the issuer.
    if document.get("issuer") != issuer:
        raise IssuerUnavailable("the metadata names another issuer")
    jwks_uri, token_endpoint = document.get("jwks_uri"), document.get("token_endpoint")
    if not isinstance(jwks_uri, str) or not isinstance(token_endpoint, str):
        raise IssuerUnavailable("the metadata lacks jwks_uri or token_endpoint")
    introspection = document.get("introspection_endpoint")
    if introspection is not None and not isinstance(introspection, str):
        raise IssuerUnavailable("the introspection_endpoint is not a URL")
    for url in (jwks_uri, token_endpoint, introspection or token_endpoint):
        try:
            require_safe_url(url, "an endpoint of the issuer")
        except ValueError as error:
            raise IssuerUnavailable(str(error)) from None
    return IssuerMetadata(issuer, jwks_uri, token_endpoint, introspection)
