"""What a POST asks for, read from its bounded, strictly parsed body and never from headers."""

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
    NAME_BEARING_METHODS,
    decode_header_value,
    find_duplicated_routing_header,
)
from mcp_types import HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

MAX_BATCH: Final = 50
"""Messages of one batch (JSON-RPC 2.0 §6)."""
MAX_DEPTH: Final = 64
"""Brackets inside each other in one body."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Headers = Iterable[tuple[bytes, bytes]]


class BadRequest(Exception):
    """A request that is refused for its form: an HTTP status and a JSON-RPC code."""

    def __init__(self, code: int, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code = code
        self.status = status


class Disconnected(Exception):
    """The client went away before its request was whole."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One JSON-RPC message: its method, and what it names: a tool, a prompt, a resource's URI.

    `method` is None for a reply of the client to a request of the server.
    """

    method: str | None
    name: str | None


async def read_body(receive: Receive, limit: int) -> bytes:
    """Read a request body of at most `limit` bytes; raises `BadRequest` (413), `Disconnected`."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body += message.get("body", b"")
        if len(body) > limit:
            raise BadRequest(INVALID_REQUEST, "the request body is too large", 413)
        more = message.get("more_body", False)
    return bytes(body)


def parse(body: bytes) -> list[dict[str, Any]]:
    """Parse a body into its messages, one or a batch; raises `BadRequest`.

    Duplicate members are refused: two parsers could see two different tools.
    """
    try:
        text = body.decode()
        if text.count("{") + text.count("[") > MAX_DEPTH:
            _refuse_deep(text)
        document = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise BadRequest(PARSE_ERROR, "the body is not JSON that we accept") from None
    messages = document if isinstance(document, list) else [document]
    if not 0 < len(messages) <= MAX_BATCH or not all(isinstance(m, dict) for m in messages):
        raise BadRequest(INVALID_REQUEST, "the body is not a JSON-RPC message or batch")
    return messages


def asked(message: dict[str, Any]) -> Asked:
    """Read what one message asks for; raises `BadRequest`."""
    if "method" not in message:
        if "result" in message or "error" in message:
            return Asked(None, None)
        raise BadRequest(INVALID_REQUEST, "a message has no method")
    method = message["method"]
    if not isinstance(method, str):
        raise BadRequest(INVALID_REQUEST, "a method is a text")
    key = NAME_BEARING_METHODS.get(method)
    if key is None:
        return Asked(method, None)
    params = message.get("params")
    name = params.get(key) if isinstance(params, dict) else None
    if not isinstance(name, str):
        raise BadRequest(INVALID_PARAMS, f"{method} needs a {key}")
    return Asked(method, name)


def request_id(messages: list[dict[str, Any]]) -> str | int | None:
    """Return the id that an answer to a whole POST carries: that of its only request."""
    if len(messages) != 1 or "method" not in messages[0]:
        return None
    found = messages[0].get("id")
    return found if isinstance(found, str) or type(found) is int else None


def is_modern(headers: Headers) -> bool:
    """Whether a request speaks a revision without sessions (2026-07-28 and later)."""
    for name, value in headers:
        if name.lower() == MCP_PROTOCOL_VERSION_HEADER.encode():
            return value.decode("latin-1") not in HANDSHAKE_PROTOCOL_VERSIONS
    return False


def compare_headers(headers: Headers, messages: list[dict[str, Any]]) -> None:
    """Refuse headers that tell another story than the body; raises `BadRequest`.

    MCP 2026-07-28, "Standard request headers": required there, and wherever they are sent a proxy
    in front may have believed them.
    """
    lines = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    if (twice := find_duplicated_routing_header(lines)) is not None:
        raise BadRequest(HEADER_MISMATCH, f"{twice} appears more than once")
    found = {name.lower(): value for name, value in lines}
    version = found.get(MCP_PROTOCOL_VERSION_HEADER)
    modern = version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS
    if modern and len(messages) != 1:
        raise BadRequest(INVALID_REQUEST, "this protocol revision has no batches")
    for message in messages:
        method = message.get("method")
        # Of a notification or reply the revision asks nothing (SDK: "undefined").
        required = modern and "id" in message and method is not None
        _compare(found, MCP_METHOD_HEADER, method, required=required)
        key = NAME_BEARING_METHODS.get(method) if isinstance(method, str) else None
        params = message.get("params")
        name = params.get(key) if key is not None and isinstance(params, dict) else None
        _compare(found, MCP_NAME_HEADER, name, required=required and name is not None)


def _compare(found: dict[str, str], header: str, value: object, *, required: bool) -> None:
    if header not in found and not required:
        return
    if decode_header_value(found.get(header)) != value or value is None:
        raise BadRequest(HEADER_MISMATCH, f"{header} header does not match the request body")


def replay(body: bytes, receive: Receive) -> Receive:
    """Give the application the body that was decided on, then what follows (the disconnect)."""
    pending = [body]

    async def receive_again() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return receive_again


def _refuse_deep(text: str) -> None:
    depth = 0
    quoted = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = quoted
        elif character == '"':
            quoted = not quoted
        elif not quoted and character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError("too deep")
        elif not quoted and character in "]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
