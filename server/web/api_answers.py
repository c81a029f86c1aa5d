"""Answers of the protocol routes: JSON with the headers that the specifications demand."""

from collections.abc import Mapping

import orjson
from starlette.requests import Request
from starlette.responses import Response

from server.domain.refusal import Refused
from server.web.forms import BadForm
from server.web.security_headers import JSON_HEADERS

MAX_REQUEST_ID = 64


def json_answer(
    body: Mapping[str, object], status: int = 200, headers: Mapping[str, str] = JSON_HEADERS
) -> Response:
    """Render a JSON answer; RFC 6749 §5.1: `no-store` on whatever is about a token."""
    return Response(
        orjson.dumps(body), status, media_type="application/json", headers=dict(headers)
    )


def refusal(refused: Refused, issuer: str) -> Response:
    """Render an OAuth error (RFC 6749 §5.2) with the reason and what helps."""
    headers = dict(JSON_HEADERS)
    if refused.authenticate:
        headers["WWW-Authenticate"] = f'Basic realm="{issuer}"'
    return json_answer(
        {
            "error": refused.error,
            "error_description": refused.description,
            "reason": refused.reason,
            "action": refused.advice.value,
        },
        refused.status,
        headers,
    )


def bearer_refusal(refused: Refused) -> Response:
    """Render a refused bearer token (RFC 6750 §3)."""
    headers = dict(JSON_HEADERS)
    if refused.status in (401, 403):
        # RFC 6750 §3.1: no error code for a request without any authentication information.
        headers["WWW-Authenticate"] = (
            "Bearer" if refused.reason == "token_missing" else f'Bearer error="{refused.error}"'
        )
    body = {"error": refused.error, "error_description": refused.description}
    return json_answer({**body, "reason": refused.reason}, refused.status, headers)


def bad_form(fault: BadForm) -> Response:
    """Render a body that could not be read."""
    return json_answer(
        {
            "error": fault.error,
            "error_description": fault.description,
            "reason": "malformed_form",
            "action": "stop",
        },
        fault.status,
    )


def unavailable() -> Response:
    """Say that nothing can be decided now: 503, never a yes."""
    return json_answer(
        {
            "error": "temporarily_unavailable",
            "error_description": "The server cannot answer now.",
            "reason": "unavailable",
            "action": "retry",
        },
        503,
        {**JSON_HEADERS, "Retry-After": "1"},
    )


def authorization_header(request: Request) -> str | Refused | None:
    """Return the one Authorization header, none if absent; two of them are refused."""
    values = request.headers.getlist("authorization")
    if len(values) > 1:
        return Refused(
            error="invalid_request",
            reason="several_authorizations",
            description="Send one Authorization header.",
        )
    return values[0] if values else None


def request_id(request: Request) -> str | None:
    """Return the caller's request id if it is short and plain; it only ever ends in the audit."""
    value = request.headers.get("x-request-id", "")
    fits = 0 < len(value) <= MAX_REQUEST_ID and value.isascii() and value.isprintable()
    return value if fits else None
