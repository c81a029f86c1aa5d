"""RFC 3986 §6.2.2 and §6.2.3: one spelling of an http URI, so that two can be compared."""

import re
from typing import Final
from urllib.parse import urlsplit

MAX_URI: Final = 2048
"""Characters. A longer one is no address that we serve."""

_ALLOWED: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")  # RFC 3986 §2
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_BROKEN: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def normal_address(uri: str) -> str | None:
    """Return scheme, authority and path of an absolute http(s) URI in their normal form.

    Query and fragment are left out (RFC 9449 §4.3, 9). None for whatever is no such URI, or has
    a user part, which no address of a server has.
    """
    if len(uri) > MAX_URI or not _ALLOWED.fullmatch(uri) or _BROKEN.search(uri):
        return None
    try:
        parts = urlsplit(uri)
        port, host = parts.port, parts.hostname
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc or "%" in host:
        return None
    authority = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS[scheme]:
        authority += f":{port}"
    return f"{scheme}://{authority}{_without_dots(_ESCAPE.sub(_escape, parts.path)) or '/'}"


def _escape(found: re.Match[str]) -> str:
    # §6.2.2.1, §6.2.2.2: upper case; what needs no escape has none.
    character = chr(int(found[1], 16))
    return character if character in _UNRESERVED else found[0].upper()


def _without_dots(path: str) -> str:
    """RFC 3986 §5.2.4, for a path that is empty or begins with a slash."""
    kept: list[str] = []
    segments = path.split("/")
    for number, segment in enumerate(segments):
        if segment == ".." and len(kept) > 1:
            kept.pop()
        if segment not in (".", ".."):
            kept.append(segment)
        elif number == len(segments) - 1:
            kept.append("")
    return "/".join(kept)
