"""The ASGI edge: no request passes without a token that is good here and enough for what it asks.

It stands in front of the MCP SDK, for every method, path and protocol revision. What a request
asks for is read from its body; decisions on objects are the guard's.
"""

import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote

import anyio
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp_types import INVALID_REQUEST

from authz.clock import Clock
from mcp_tools.call import Admitted, admitting
from mcp_tools.challenge import Answer, Challenges, Send, send_json
from mcp_tools.errors import TokenRefused
from mcp_tools.messages import (
    BadRequest,
    Disconnected,
    Receive,
    asked,
    compare_headers,
    is_modern,
    parse,
    read_body,
    replay,
    request_id,
)
from mcp_tools.policy import Policy
from mcp_tools.resource_metadata import WELL_KNOWN, Resource
from mcp_tools.sender import ProofRefused, SenderCheck
from mcp_tools.unavailable import IssuerUnavailable
from mcp_tools.verifier import TokenVerifier, VerifiedToken

_LOG: Final = logging.getLogger(__name__)
Scope = MutableMapping[str, Any]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY: Final = 1024 * 1024
"""Bytes of a request body, unless the author says otherwise."""
_TOKEN: Final = re.compile(  # RFC 6750 §2.1, RFC 9449 §7.1
    rb"(?i:(bearer|dpop)) +([A-Za-z0-9\-._~+/]+=*)"
)


class Edge:
    """An ASGI application that protects another one."""

    def __init__(
        self,
        app: App,
        *,
        resource: Resource,
        policy: Policy,
        verifier: TokenVerifier,
        sender: SenderCheck,
        admit: Callable[[VerifiedToken], Admitted],
        clock: Clock,
        initial_scope: str | None = None,
        max_body: int = MAX_BODY,
        close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._app = app
        self._resource = resource
        self._policy = policy
        self._verifier = verifier
        self._sender = sender
        self._admitted = admit
        self._clock = clock
        self._initial_scope = initial_scope
        self._max_body = max_body
        self._close = close
        self._challenges = Challenges(resource, dpop=sender.required)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            try:
                await self._app(scope, receive, send)
            finally:
                if self._close is not None:
                    await self._close()
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            # MCP has no WebSocket transport; nothing unknown passes unchecked.
            await send({"type": "websocket.close", "code": 1008})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        # RFC 9110 §5.5: white space around a value is no part of it. Not every ASGI server takes it
        # off, and what is compared here must be what the application reads.
        scope = {**scope, "headers": [(k, v.strip(b" \t")) for k, v in scope["headers"]]}
        if scope["path"] in {self._resource.metadata_path, WELL_KNOWN}:
            await self._send_metadata(scope, send)
            return
        answered: str | int | None = None
        try:
            token = await self._authenticate(scope)
            cut = scope["method"] == "GET"
            if scope["method"] == "POST":
                body = await read_body(receive, self._max_body)
                messages = parse(body)
                answered = request_id(messages)
                cut = self._admit(scope, messages, token)
                receive = replay(body, receive)
        except Disconnected:
            return
        except BadRequest as error:
            await Answer(error.status, error.code, str(error)).send(send, answered)
            return
        except Answer as answer:
            _LOG.info("%s %s is refused: %s", scope["method"], scope["path"], answer.text)
            await answer.send(send, answered)
            return
        # The SDK ties a session to the client and user that opened it.
        scope = {**scope, "user": AuthenticatedUser(_for_sdk(token, self._resource.issuer))}
        with admitting(self._admitted(token)):
            if cut:
                await self._stream_until_expiry(token, scope, receive, send)
            else:
                await self._app(scope, receive, send)

    async def _authenticate(self, scope: Scope) -> VerifiedToken:
        """Take the token from the Authorization header, never from the query (MCP: MUST NOT)."""
        query = scope.get("query_string", b"").decode("latin-1")
        if any(name == "access_token" for name, _ in parse_qsl(query, keep_blank_values=True)):
            raise self._challenges.bad_credentials("no token in the query")
        lines = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
        if len(lines) > 1:
            raise self._challenges.bad_credentials("more than one Authorization header")
        wanted = self._wanted_scope()
        if not lines:
            raise self._challenges.no_token(wanted)
        match = _TOKEN.fullmatch(lines[0].strip())
        if match is None:
            raise self._challenges.invalid_token("token_invalid", wanted)
        bound = match[1].lower() == b"dpop"
        try:
            token = await self._verifier.verify(match[2].decode("ascii"))
            await self._sender.check(
                token, as_bound=bound, method=scope["method"], path=_raw_path(scope),
                headers=scope["headers"],
            )  # fmt: skip
            return token
        except TokenRefused as refused:
            dpop = bound or refused.reason == "proof_required"
            raise self._challenges.invalid_token(refused.reason, wanted, dpop=dpop) from None
        except ProofRefused as refused:
            raise self._challenges.invalid_proof(refused.reason, wanted) from None
        except IssuerUnavailable as error:
            _LOG.warning("no token can be checked: %s", error)
            raise self._challenges.unavailable() from None

    def _admit(self, scope: Scope, messages: list[dict[str, Any]], token: VerifiedToken) -> bool:
        """Check scopes for all that a POST asks for. True if its answer may be cut at `exp`."""
        compare_headers(scope["headers"], messages)
        needed: set[str] = set()
        calls = False
        for message in messages:
            request = asked(message)
            rule = self._policy.needed(request, modern=is_modern(scope["headers"]))
            if rule is not None:
                needed.update(rule.scopes)
            calls = calls or request.method == "tools/call"
        if not token.covers(needed):
            raise self._challenges.insufficient_scope(frozenset(needed), token.scopes)
        return not calls

    def _wanted_scope(self) -> str:
        if self._initial_scope is not None:
            return self._initial_scope
        return " ".join(self._policy.scopes())

    async def _send_metadata(self, scope: Scope, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            await Answer(405, INVALID_REQUEST, "GET or HEAD").send(send)
            return
        await send_json(
            send,
            200,
            self._resource.metadata(self._policy.scopes(), require_dpop=self._sender.required),
            [(b"cache-control", b"max-age=300")],
            head=scope["method"] == "HEAD",
        )

    async def _stream_until_expiry(
        self, token: VerifiedToken, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """A stream of notifications does not outlive the token that opened it."""
        started = ended = False

        async def watch(message: MutableMapping[str, Any]) -> None:
            nonlocal started, ended
            started = started or message["type"] == "http.response.start"
            ended = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        with anyio.move_on_after((token.expires_at - self._clock.now()) / 1000) as deadline:
            await self._app(scope, receive, watch)
        if deadline.cancelled_caught and not ended:
            if started:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                expired = self._challenges.invalid_token("token_expired", self._wanted_scope())
                await expired.send(send)


def _raw_path(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    return raw.partition(b"?")[0].decode("ascii", "replace")


def _for_sdk(token: VerifiedToken, issuer: str) -> AccessToken:
    # Without the bytes: what the SDK holds cannot be passed on by a tool.
    return AccessToken(
        token="",
        client_id=token.client_id,
        scopes=sorted(token.scopes),
        expires_at=token.expires_at // 1000,
        subject=token.sub,
        claims={"iss": issuer},
    )
