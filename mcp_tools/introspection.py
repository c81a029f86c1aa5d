"""RFC 7662 as the way to believe a token: the issuer is asked at each request.

For servers that may see no keys, or tokens that are not JWTs. A revoked token is then refused
with 401 on every method, `initialize` included, for one more question a request. Decisions on
calls are asked online all the same: an introspection says nothing about objects.
"""

from typing import Any, Final
from urllib.parse import quote_plus

import httpx2

from authz.clock import Clock
from mcp_tools.discovery import ask, discover
from mcp_tools.errors import TokenRefused
from mcp_tools.unavailable import IssuerUnavailable
from mcp_tools.verifier import VerifiedToken, read_claims

LONGEST: Final = 16_384
"""Characters of a token that we ask about."""
_TEXTS: Final = ("sub", "client_id", "jti")
_OPTIONAL_TEXTS: Final = ("scope", "grant_id", "sid")


class Introspecter:
    """Believes what the issuer says of a token now, as the client of this resource."""

    def __init__(
        self,
        *,
        issuer: str,
        resource: str,
        client_id: str,
        client_secret: str,
        http: httpx2.AsyncClient,
        clock: Clock,
    ) -> None:
        self._issuer = issuer
        self._resource = resource
        # RFC 6749 §2.3.1: both parts are form-encoded before Basic.
        self._auth = httpx2.BasicAuth(quote_plus(client_id), quote_plus(client_secret))
        self._http = http
        self._clock = clock
        self._endpoint: str | None = None

    async def verify(self, token: str) -> VerifiedToken:
        """Believe a token or raise `TokenRefused`; raises `IssuerUnavailable` without an answer."""
        if len(token) > LONGEST:
            raise TokenRefused("token_invalid")
        document = await self._asked(token)
        # RFC 7662 §2.2: nothing else is said of a token that is not active.
        if document.get("active") is not True:
            raise TokenRefused("token_invalid")
        if document.get("iss") != self._issuer:
            raise TokenRefused("token_invalid")
        # RFC 8707: for us alone, as with signed tokens.
        if document.get("aud") not in (self._resource, [self._resource]):
            raise TokenRefused("wrong_audience")
        if not _well_formed(document):
            raise TokenRefused("token_invalid")
        if self._clock.now() >= document["exp"] * 1000:
            raise TokenRefused("token_expired")
        return read_claims(document, token)

    async def _asked(self, token: str) -> dict[str, Any]:
        if self._endpoint is None:
            found = (await discover(self._http, self._issuer)).introspection_endpoint
            if found is None:
                raise IssuerUnavailable("the issuer offers no introspection")
            self._endpoint = found
        form = {"token": token, "token_type_hint": "access_token"}
        request = self._http.build_request("POST", self._endpoint, data=form)
        answer = await ask(self._http, next(self._auth.auth_flow(request)))
        if answer.status != 200:
            raise IssuerUnavailable(f"the issuer's introspection answers {answer.status}")
        return answer.json_object()


def _well_formed(document: dict[str, Any]) -> bool:
    return (
        type(document.get("exp")) is int
        and all(isinstance(document.get(name), str) for name in _TEXTS)
        and all(isinstance(document.get(name, ""), str) for name in _OPTIONAL_TEXTS)
        and isinstance(document.get("act", {}), dict)
    )
