"""Strict application/x-www-form-urlencoded parsing for protocol routes and pages.

RFC 6749 §3.1 and §3.2: a parameter without a value counts as omitted, and none may be
sent twice. A bad form is a value (`BadForm`), never an exception, so that an endpoint reads
as the list of its checks.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar, overload
from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect, Request

T = TypeVar("T")

_PLAIN_TYPE: Final = b"application/x-www-form-urlencoded"
_CONTENT_TYPE: Final = re.compile(
    rb'application/x-www-form-urlencoded[ \t]*(?:;[ \t]*charset=(?:"utf-8"|utf-8)[ \t]*)?;?[ \t]*',
    re.IGNORECASE,
)
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DIGITS: Final = "0123456789abcdefABCDEF"
#: What an escape of one ASCII character stands for, in every spelling.
_ASCII: Final = {high + low: chr(int(high + low, 16)) for high in "01234567" for low in _DIGITS}
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class FormFault(StrEnum):
    """Why a form was refused: a closed list, safe to show and to count."""

    CONTENT_TYPE = "the body must be application/x-www-form-urlencoded in UTF-8"
    CONTENT_ENCODING = "an encoded (compressed) body is not accepted"
    TOO_LARGE = "the body is too large"
    TOO_MANY = "there are too many parameters"
    TOO_LONG = "a parameter is too long"
    NOT_ENCODED = "the parameters are not correctly percent-encoded"
    NOT_UTF8 = "a parameter is not valid UTF-8"
    CONTROL_CHARACTER = "a parameter holds a control character"
    NAMELESS = "a parameter has no name"
    DUPLICATE = "a parameter is included more than once"


@dataclass(frozen=True, slots=True)
class BadForm:
    """A refused form.

    `error` is the OAuth error code (RFC 6749 §5.2) and `description` a fixed ASCII sentence
    that repeats nothing of what was sent.
    """

    fault: FormFault

    @property
    def error(self) -> str:
        """The OAuth error code, always `invalid_request`."""
        return "invalid_request"

    @property
    def description(self) -> str:
        """A sentence for the sender."""
        return self.fault.value

    @property
    def status(self) -> int:
        """The HTTP status for a page; OAuth endpoints answer 400 whatever it was."""
        if self.fault is FormFault.TOO_LARGE:
            return 413
        if self.fault in {FormFault.CONTENT_TYPE, FormFault.CONTENT_ENCODING}:
            return 415
        return 400


@dataclass(frozen=True, slots=True)
class FormLimits:
    """Bounds of one form: bytes of the body, number of parameters, characters of each."""

    body_bytes: int = 64 * 1024
    parameters: int = 100
    name_chars: int = 128
    value_chars: int = 32 * 1024


#: For OAuth endpoints, which carry a few tokens and at most one `authorization_details`.
PROTOCOL_LIMITS: Final = FormLimits()
#: For posts of pages, which may carry one small parameter for each object that was ticked.
PAGE_LIMITS: Final = FormLimits(body_bytes=256 * 1024, parameters=2500, value_chars=4096)


class Form(Mapping[str, str]):
    """Frozen parameters: each single name maps to its one value, never an empty one.

    A name that the caller declared repeatable is read with `every`, and is not in the mapping.
    The representation shows names only, since values are passwords and tokens.
    """

    __slots__ = ("_many", "_single")

    def __init__(self, single: Mapping[str, str], many: Mapping[str, tuple[str, ...]]) -> None:
        """Wrap already checked parameters, which nobody else holds."""
        self._single = MappingProxyType(single)
        self._many = MappingProxyType(many)

    def __getitem__(self, name: str) -> str:
        """Return the value of a parameter; `KeyError` when omitted."""
        return self._single[name]

    @overload
    def get(self, name: str, default: None = None, /) -> str | None: ...
    @overload
    def get(self, name: str, default: str | T, /) -> str | T: ...
    def get(self, name: str, default: T | str | None = None, /) -> T | str | None:
        """Return the value of a parameter, or `default` when omitted."""
        return self._single.get(name, default)

    def __contains__(self, name: object) -> bool:
        """Tell whether a single parameter was sent with a value."""
        return name in self._single

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the single parameters."""
        return iter(self._single)

    def __len__(self) -> int:
        """Count the single parameters."""
        return len(self._single)

    def __repr__(self) -> str:
        """Show names, never values."""
        return f"Form({sorted([*self._single, *self._many])})"

    def every(self, name: str) -> tuple[str, ...]:
        """Return all values of a repeatable parameter in the order sent; empty if omitted."""
        return self._many.get(name, ())


async def read_form(
    request: Request,
    *,
    repeatable: Collection[str] = (),
    limits: FormLimits = PROTOCOL_LIMITS,
) -> Form | BadForm:
    """Read and parse a request's form, holding at most `limits.body_bytes` of it in memory.

    Raises `starlette.requests.ClientDisconnect` when the sender goes away.
    """
    fault = _head_fault(request.scope["headers"], limits)
    if fault is not None:
        return BadForm(fault)
    body = await read_body(request, limits.body_bytes)
    if body is None:
        return BadForm(FormFault.TOO_LARGE)
    return parse_parameters(body, repeatable=repeatable, limits=limits)


async def read_body(request: Request, most: int) -> bytes | None:
    """Return the body, none if it has more than `most` bytes; raises `ClientDisconnect`.

    Most bodies come in one piece, for which a stream is more work than it saves.
    """
    body: bytes | bytearray = b""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        if len(body) + len(chunk) > most:
            return None
        more = message.get("more_body", False)
        if not body and not more:
            return chunk
        body = bytearray(body) if isinstance(body, bytes) else body
        body += chunk
        if not more:
            return bytes(body)


def _head_fault(headers: Iterable[tuple[bytes, bytes]], limits: FormLimits) -> FormFault | None:
    kinds = 0
    for name, value in headers:
        if name == b"content-type":
            kinds += 1
            if value != _PLAIN_TYPE and not _CONTENT_TYPE.fullmatch(value.strip(b" \t")):
                return FormFault.CONTENT_TYPE
        elif name == b"content-encoding" and value.strip().lower() != b"identity":
            return FormFault.CONTENT_ENCODING
        elif name == b"content-length" and (
            len(value) > 18 or (value.isdigit() and int(value) > limits.body_bytes)
        ):
            return FormFault.TOO_LARGE
    return None if kinds == 1 else FormFault.CONTENT_TYPE


def parse_query(
    request: Request,
    *,
    repeatable: Collection[str] = (),
    limits: FormLimits = PROTOCOL_LIMITS,
) -> Form | BadForm:
    """Parse the query of a request by the same rules (RFC 6749 §3.1, authorization request)."""
    raw: bytes = request.scope["query_string"]
    if len(raw) > limits.body_bytes:
        return BadForm(FormFault.TOO_LARGE)
    return parse_parameters(raw, repeatable=repeatable, limits=limits)


def parse_parameters(
    encoded: bytes,
    *,
    repeatable: Collection[str] = (),
    limits: FormLimits = PROTOCOL_LIMITS,
) -> Form | BadForm:
    """Parse `a=1&b=2`, refusing what two readers could understand differently."""
    try:
        text = encoded.decode("ascii")
    except UnicodeDecodeError:
        return BadForm(FormFault.NOT_ENCODED)
    if "%" in text and _BROKEN_ESCAPE.search(text):
        return BadForm(FormFault.NOT_ENCODED)
    if _has_control(text):
        return BadForm(FormFault.CONTROL_CHARACTER)
    if text.count("&") >= limits.parameters:
        return BadForm(FormFault.TOO_MANY)
    seen: set[str] = set()
    single: dict[str, str] = {}
    many: dict[str, list[str]] = {}
    for piece in text.split("&"):
        if not piece:
            continue
        raw_name, _, raw_value = piece.partition("=")
        name, value = _decode(raw_name), _decode(raw_value)
        if name is None or value is None:
            return BadForm(FormFault.NOT_UTF8)
        if not name:
            return BadForm(FormFault.NAMELESS)
        if len(name) > limits.name_chars or len(value) > limits.value_chars:
            return BadForm(FormFault.TOO_LONG)
        # Without an escape there is nothing that was not seen in the whole text above.
        if "%" in piece and (_has_control(name) or _has_control(value)):
            return BadForm(FormFault.CONTROL_CHARACTER)
        if name in repeatable:
            if value:
                many.setdefault(name, []).append(value)
        elif name in seen:
            # RFC 6749 §3.1: an empty one still counts as included.
            return BadForm(FormFault.DUPLICATE)
        elif value:
            single[name] = value
        seen.add(name)
    return Form(single, {name: tuple(values) for name, values in many.items()})


def _has_control(text: str) -> bool:
    # Nearly all text is printable, which is quicker to see.
    return not text.isprintable() and _CONTROL.search(text) is not None


def _decode(piece: str) -> str | None:
    if "+" in piece:
        piece = piece.replace("+", " ")
    if "%" not in piece:
        return piece
    first, *rest = piece.split("%")
    try:
        return first + "".join([_ASCII[part[:2]] + part[2:] for part in rest])
    except KeyError:
        pass  # a character that takes several bytes
    try:
        return unquote_to_bytes(piece).decode("utf-8")
    except UnicodeDecodeError:
        return None
