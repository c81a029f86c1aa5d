"""Answers of the edge: RFC 6750 §3 challenges, with a JSON-RPC error that MCP clients can show."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from mcp_types import INTERNAL_ERROR, INVALID_REQUEST

from authz.dpop import ALGORITHMS
from mcp_tools.resource_metadata import Resource

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

UNAUTHORIZED: Final = -32010
"""JSON-RPC code of a 401, in the band that MCP leaves to implementations (-32000 to -32019)."""
FORBIDDEN: Final = -32011
"""JSON-RPC code of a 403 `insufficient_scope`."""
_ALGS: Final = f'algs="{" ".join(ALGORITHMS)}"'


@dataclass(eq=False)
class Answer(Exception):
    """An HTTP answer instead of the application's."""

    status: int
    code: int
    text: str
    challenge: str | None = None
    data: dict[str, str] | None = None
    retry_after: int | None = None

    async def send(self, send: Send, request_id: str | int | None = None) -> None:
        """Write it as the answer to one request (JSON-RPC 2.0 §5)."""
        error: dict[str, Any] = {"code": self.code, "message": self.text}
        if self.data is not None:
            error["data"] = self.data
        headers = []
        if self.challenge is not None:
            headers.append((b"www-authenticate", self.challenge.encode("ascii")))
        if self.retry_after is not None:
            headers.append((b"retry-after", str(self.retry_after).encode()))
        body = json.dumps({"jsonrpc": "2.0", "id": request_id, "error": error}).encode()
        await send_json(send, self.status, body, [*headers, (b"cache-control", b"no-store")])


async def send_json(
    send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]], *, head: bool = False
) -> None:
    """Send a whole JSON answer (without its body for HEAD)."""
    start = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": b"" if head else body})


class Challenges:
    """The refusals of one resource. Every challenge says where to look (RFC 9728 §5.1)."""

    def __init__(self, resource: Resource, *, dpop: bool = False) -> None:
        """`dpop`: this resource takes bound tokens only, so each challenge is of that scheme."""
        self._dpop = dpop
        self._metadata = f'resource_metadata="{resource.metadata_url}"'

    def no_token(self, scope: str) -> Answer:
        """RFC 6750 §3.1: a request without a token gets no error code."""
        return Answer(
            401, UNAUTHORIZED, "an access token is needed", self._challenge(_quoted("scope", scope))
        )

    def invalid_token(self, reason: str, scope: str, *, dpop: bool = False) -> Answer:
        """RFC 6750 §3.1: expired, malformed, for another audience.

        `dpop`: it is, or was sent as, one that is bound to a key.
        """
        return Answer(
            401,
            UNAUTHORIZED,
            f"invalid_token: {reason}",
            self._challenge(
                'error="invalid_token"',
                _quoted("error_description", reason),
                _quoted("scope", scope),
                dpop=dpop,
            ),
            {"error": "invalid_token", "reason": reason},
        )

    def invalid_proof(self, reason: str, scope: str) -> Answer:
        """RFC 9449 §7.1: the proof is missing, or not good for this token and request."""
        return Answer(
            401,
            UNAUTHORIZED,
            f"invalid_dpop_proof: {reason}",
            self._challenge(
                'error="invalid_dpop_proof"',
                _quoted("error_description", reason),
                _quoted("scope", scope),
                dpop=True,
            ),
            {"error": "invalid_dpop_proof", "reason": reason},
        )

    def bad_credentials(self, text: str) -> Answer:
        """RFC 6750 §3.1 `invalid_request`: more than one way or place to send a token."""
        return Answer(
            400,
            INVALID_REQUEST,
            f"invalid_request: {text}",
            self._challenge('error="invalid_request"', _quoted("error_description", text)),
        )

    def insufficient_scope(self, needed: frozenset[str], held: frozenset[str]) -> Answer:
        """RFC 6750 §3.1; all scopes of the operation in one challenge (MCP, Authorization)."""
        scope = " ".join(sorted(needed))
        missing = " ".join(sorted(needed - held))
        return Answer(
            403,
            FORBIDDEN,
            f"insufficient_scope: the token lacks {missing}",
            self._challenge(
                'error="insufficient_scope"',
                'error_description="the token lacks a scope that this call needs"',
                _quoted("scope", scope),
            ),
            {"error": "insufficient_scope", "scope": scope, "missing": missing},
        )

    def unavailable(self) -> Answer:
        """No keys, no decision."""
        return Answer(
            503,
            INTERNAL_ERROR,
            "checker_unavailable: the authorization server cannot be asked just now",
            retry_after=5,
        )

    def _challenge(self, *parts: str, dpop: bool = False) -> str:
        kept = [part for part in parts if part]
        if dpop or self._dpop:
            return "DPoP " + ", ".join([*kept, _ALGS, self._metadata])
        return "Bearer " + ", ".join([*kept, self._metadata])


def _quoted(name: str, value: str) -> str:
    # Only our own words and registered scopes come here; neither has quotes or backslashes.
    return f'{name}="{value}"' if value else ""
