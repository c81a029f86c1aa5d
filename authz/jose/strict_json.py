"""JSON as RFC 8259 and I-JSON (RFC 7493) want it: one meaning only, bounded before it is parsed."""

import json
import re
from typing import Any, NoReturn

import orjson

from authz.jose.errors import Fault, InvalidToken

MAX_DEPTH = 16
"""Open brackets inside each other. A chain of eight actors needs nine."""

# To the end if it is never closed: each quote in it would otherwise begin another scan.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


def parse_object(raw: bytes, *, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Parse bytes that must be one JSON object.

    Refused: anything but UTF-8, a byte order mark, duplicate members (RFC 7515 §4, RFC 7519 §4),
    NaN and infinities, lone surrogates and NUL (they break stores and logs), deep nesting.
    Raises `InvalidToken`.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise InvalidToken(Fault.MALFORMED) from None
    # The count is an upper bound of the depth, so the exact scan is seldom needed.
    if text.count("{") + text.count("[") > max_depth and _depth(text) > max_depth:
        raise InvalidToken(Fault.TOO_DEEP)
    if "\\" in text:
        _refuse_hostile_escapes(raw, text)
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise InvalidToken(Fault.MALFORMED) from None
    if type(value) is not dict:
        raise InvalidToken(Fault.MALFORMED)
    return value


def _depth(text: str) -> int:
    """Return the deepest nesting, in linear time and without recursion."""
    deepest = level = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        if bracket in "[{":
            level += 1
            deepest = max(deepest, level)
        else:
            level -= 1
    return deepest


def _refuse_hostile_escapes(raw: bytes, text: str) -> None:
    if "\\u0000" in text:
        raise InvalidToken(Fault.MALFORMED)
    try:
        # A second, stricter reader: the standard library turns a lone surrogate escape into a str
        # that no database or socket can encode.
        orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise InvalidToken(Fault.MALFORMED) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidToken(Fault.DUPLICATE_MEMBER)
    return members


def _no_constant(_name: str) -> NoReturn:
    raise InvalidToken(Fault.MALFORMED)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
