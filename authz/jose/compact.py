"""RFC 7515 §7.1: the compact serialization, read strictly. Nothing here is verified."""

import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NewType

from authz.jose.errors import Fault, InvalidToken
from authz.jose.strict_json import parse_object

MAX_TOKEN = 8 * 1024
"""Bytes of a whole compact token. An access token of ours has about 600."""

UnverifiedPayload = NewType("UnverifiedPayload", Mapping[str, Any])
"""Claims that anybody may have written. Good for choosing whose keys to try, for nothing else."""

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_PADDING = (b"", b"", b"==", b"=")


@dataclass(frozen=True, slots=True)
class UnverifiedJws:
    """The parts of a token whose signature nobody has checked."""

    header: Mapping[str, Any]
    payload: bytes
    signing_input: bytes
    signature: bytes

    def unverified_payload(self) -> UnverifiedPayload:
        """Parse the claims; raises `InvalidToken`."""
        return UnverifiedPayload(parse_object(self.payload))


def split(token: str, *, max_bytes: int = MAX_TOKEN) -> UnverifiedJws:
    """Take a compact JWS apart, refusing all that is not exactly one. Raises `InvalidToken`."""
    if len(token) > max_bytes:
        raise InvalidToken(Fault.TOO_LARGE)
    try:
        raw = token.encode("ascii")
    except UnicodeEncodeError:
        raise InvalidToken(Fault.MALFORMED) from None
    # Without the letters of base64url only the two dots may be left: no padding, no white space,
    # no `+` or `/`, no fourth or fifth part (a JWE).
    if raw.translate(None, _ALPHABET) != b"..":
        raise InvalidToken(Fault.MALFORMED)
    signing_input, _, signature = raw.rpartition(b".")
    header, _, payload = signing_input.partition(b".")
    return UnverifiedJws(
        header=_header(header),
        payload=_decode(payload),
        signing_input=signing_input,
        signature=_decode(signature),
    )


@lru_cache(maxsize=64)
def _header(segment: bytes) -> Mapping[str, Any]:
    """Parse a header once: the tokens of one key have one header."""
    return MappingProxyType(parse_object(_decode(segment)))


def decode_segment(segment: bytes) -> bytes:
    """Decode non-empty canonical base64url without padding (RFC 7515 §2); raises `InvalidToken`."""
    if segment.translate(None, _ALPHABET):
        raise InvalidToken(Fault.MALFORMED)
    return _decode(segment)


def _decode(segment: bytes) -> bytes:
    size = len(segment) % 4
    if not segment or size == 1:
        raise InvalidToken(Fault.MALFORMED)
    standard = segment.translate(_TO_STANDARD) + _PADDING[size]
    try:
        decoded = binascii.a2b_base64(standard, strict_mode=True)
    except binascii.Error:
        raise InvalidToken(Fault.MALFORMED) from None
    # Unused low bits must be zero, or one signature would have several spellings.
    if binascii.b2a_base64(decoded, newline=False) != standard:
        raise InvalidToken(Fault.MALFORMED)
    return decoded


def encode_segment(raw: bytes) -> bytes:
    """Encode as base64url without padding (RFC 7515 §2)."""
    return binascii.b2a_base64(raw, newline=False).translate(_TO_URL).rstrip(b"=")


_TO_URL = bytes.maketrans(b"+/", b"-_")
