"""`DPoPOAuth`: the OAuth flow of an MCP client as it is, with every token bound to a key.

key = DPoPKey.generate()
auth = DPoPOAuth(OAuthClientProvider(...), key)  # of the `mcp` SDK
async with httpx2.AsyncClient(auth=auth) as http: ...
"""

import json
from collections.abc import AsyncGenerator, Generator
from typing import Any, Final
from urllib.parse import parse_qs

import httpx2

from authz.clock import Clock
from mcp_tools.client.dpop import DPoPKey, Prover
from mcp_tools.client.errors import TryAgain

_FORM: Final = "application/x-www-form-urlencoded"
_BEARER: Final = "Bearer "


class DPoPOAuth(httpx2.Auth):
    """Sends the requests of another flow, with proofs at the token endpoint and at the server.

    The other flow goes on to see bearer tokens: what it sends as `Bearer` leaves as `DPoP` with a
    proof, and a token answer of type `DPoP` comes to it as `Bearer`. A token that is not bound is
    refused (`TryAgain`, `not_bound`), and no bound one is ever sent without a proof. A nonce is
    followed once: a client that authenticates by an assertion, which is good once, cannot send its
    token request again, so such a server asks it in vain.
    """

    def __init__(self, flow: httpx2.Auth, key: DPoPKey, *, clock: Clock | None = None) -> None:
        self._flow = flow
        self._prover = Prover(key, clock=clock)

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Pass each request of the flow on, with its proof."""
        flow = self._flow.async_auth_flow(request)
        try:
            outgoing = await anext(flow)
            while True:
                asks_token, bearer = await _asks_token(outgoing), _bearer_of(outgoing)
                self._prove(outgoing, bearer, asks_token=asks_token)
                response = yield outgoing
                if await self._again(outgoing, response, asks_token=asks_token):
                    self._prove(outgoing, bearer, asks_token=asks_token)
                    response = yield outgoing
                if asks_token and response.status_code == 200:
                    response = await _as_bearer(outgoing, response)
                outgoing = await flow.asend(response)
        except StopAsyncIteration:
            return
        finally:
            await flow.aclose()

    def sync_auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Refuse: MCP clients are asynchronous, and so is this."""
        raise RuntimeError("DPoPOAuth needs an httpx2.AsyncClient")

    def _prove(self, request: httpx2.Request, bearer: str | None, *, asks_token: bool) -> None:
        if bearer is not None:
            self._prover.authorize(request, bearer)
        elif asks_token:
            request.headers["DPoP"] = self._prover.proof(request.method, str(request.url))

    async def _again(
        self, request: httpx2.Request, response: httpx2.Response, *, asks_token: bool
    ) -> bool:
        """Learn from an answer; true if the proof only lacked the nonce that it brings (§8, §9)."""
        if not asks_token:
            return "DPoP" in request.headers and self._prover.wants_nonce(request, response)
        lacked = self._prover.learn(str(request.url), response.headers, request.headers["DPoP"])
        if not lacked or response.status_code != 400:
            return False
        return _document(await response.aread()).get("error") == "use_dpop_nonce"


def _bearer_of(request: httpx2.Request) -> str | None:
    sent = request.headers.get("authorization", "")
    return sent.removeprefix(_BEARER) if sent.startswith(_BEARER) else None


async def _asks_token(request: httpx2.Request) -> bool:
    """Tell a token request by its form (RFC 6749 §4): nothing else has a `grant_type` in it."""
    if request.method != "POST" or not request.headers.get("content-type", "").startswith(_FORM):
        return False
    return "grant_type" in parse_qs((await request.aread()).decode("latin-1"))


async def _as_bearer(request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
    document = _document(await response.aread())
    if str(document.get("token_type", "")).lower() != "dpop":
        # RFC 9449 §5: a client that asked for a bound token discards a bearer token.
        raise TryAgain("server_error", "not_bound")
    return httpx2.Response(200, json={**document, "token_type": "Bearer"}, request=request)


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
