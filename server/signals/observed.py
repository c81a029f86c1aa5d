"""The outermost ASGI layer: an id, a span, a measurement and one log line for each request."""

import logging
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from server.domain.entropy import Entropy
from server.signals.telemetry import Telemetry, finish, trace_id

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

REQUEST_ID: Final = "mandate.request_id"
TRACE_ID: Final = "mandate.trace_id"
"""Where the scope holds them (trace id: only of a valid `traceparent`, or while tracing)."""
ECHOED: Final = "mandate.echoed_id"
"""Where a route puts a caller's own id (bytes) that the answer has to repeat instead of ours."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER: Final = "_OTHER"
_UNMATCHED: Final = "unmatched"
# W3C Trace Context §3.2: version 00, lower case, ids that are not all zero.
_TRACEPARENT: Final = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

log = logging.getLogger("mandate.request")


class Observed:
    """Wraps an ASGI application."""

    def __init__(self, app: App, telemetry: Telemetry, entropy: Entropy) -> None:
        """Take request ids from `entropy`: a caller's own id is not believed."""
        self._app = app
        self._telemetry = telemetry
        self._entropy = entropy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = None
        for name, value in scope["headers"]:
            if name == b"traceparent":
                seen = _TRACEPARENT.fullmatch(value)
        if not self._telemetry.tracing:
            if seen is not None:
                scope[TRACE_ID] = seen[1].decode()
            await self._observe(scope, receive, send)
            return
        method = _method(scope)
        parent = None if seen is None else seen[0].decode()
        with self._telemetry.server_span(method, parent) as span:
            scope[TRACE_ID] = trace_id(span)
            status = 500
            try:
                status = await self._observe(scope, receive, send)
            finally:
                finish(span, method, route_of(scope), status)

    async def _observe(self, scope: Scope, receive: Receive, send: Send) -> int:
        started = time.perf_counter()
        request_id = scope[REQUEST_ID] = self._entropy.nonce()
        status = 0

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                named = (b"x-request-id", scope.get(ECHOED) or request_id.encode())
                message = {**message, "headers": [*message.get("headers", ()), named]}
            await send(message)

        failed: str | None = None
        try:
            await self._app(scope, receive, sending)
        except BaseException as error:
            failed = type(error).__name__
            raise
        finally:
            # 500 is what the server answers when nothing was sent.
            self._told(scope, status or 500, time.perf_counter() - started, failed)
        return status or 500

    def _told(self, scope: Scope, status: int, seconds: float, failed: str | None) -> None:
        logged = log.isEnabledFor(logging.INFO)
        if not (logged or self._telemetry.measuring):
            return
        method, route = _method(scope), route_of(scope)
        self._telemetry.request(method, route, status, seconds)
        if not logged:
            return
        fields: dict[str, object] = {
            "method": method, "route": route, "status": status,
            "ms": round(seconds * 1000, 2), "request_id": scope[REQUEST_ID],
        }  # fmt: skip
        if TRACE_ID in scope:
            fields["trace_id"] = scope[TRACE_ID]
        if failed is not None:
            fields["failed"] = failed
        # Without `log.info`, which walks the stack to find out who calls: it is here.
        record = logging.LogRecord(log.name, logging.INFO, __file__, 0, "request", None, None)
        record.fields = fields
        log.handle(record)


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in _METHODS else _OTHER


def route_of(scope: Scope) -> str:
    """Return the template of the route that answered; never the path, which a caller wrote."""
    path = getattr(scope.get("route"), "path", None)
    if not isinstance(path, str):
        return _UNMATCHED
    # A mount adds its prefix here; it is the issuer's path.
    return f"{scope.get('root_path', '')}{path}" if "endpoint" in scope else _UNMATCHED
