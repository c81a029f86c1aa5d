"""RFC 9700 §2.1: redirect URIs are compared as strings; RFC 8252 §7.3: but for a loopback port."""

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})
# No URL parser is asked, since two parsers may read one URL differently.
_LOOPBACK: Final = re.compile(
    r"http://(127\.0\.0\.1|\[::1\]|localhost)(?::([1-9][0-9]{0,4}))?(/[^#\\\s]*)?"
)
_MAX_PORT: Final = 65535
_ODD: Final = ("#", "*", "\\", "..", ";", " ")


def is_registered(
    redirect_uri: str, registered: Collection[str], *, by_itself: bool = False
) -> bool:
    """Tell whether an answer may go to `redirect_uri`.

    The port of a literal loopback address may differ. That of `localhost`, which may resolve to
    something else (RFC 8252 §8.3), only for clients that registered themselves: MCP clients
    publish `http://localhost/callback` and listen where they can.
    """
    if redirect_uri in registered:
        return True
    asked = _without_port(redirect_uri, named=by_itself)
    return asked is not None and any(
        asked == _without_port(known, named=by_itself) for known in registered
    )


def _without_port(uri: str, *, named: bool) -> tuple[str, str] | None:
    """Return host and rest of an http URI on this machine, or none for any other."""
    found = _LOOPBACK.fullmatch(uri)
    if found is None or (found[2] is not None and int(found[2]) > _MAX_PORT):
        return None
    if found[1] == "localhost" and not named:
        return None
    return found[1], found[3] or ""


def may_be_registered(uri: str) -> bool:
    """Tell whether a URI can be a redirect URI at all: https, http on this machine, or an app's.

    RFC 9700 §4.1, RFC 8252 §7: an app's own scheme is a domain name backwards, so has a dot.
    """
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    web = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK_HOSTS)
    fits = (web and bool(host)) or "." in parts.scheme
    # Matching is exact, so these could only be a misunderstanding or somebody's trick.
    odd = any(mark in uri for mark in _ODD) or not uri.isprintable()
    return fits and not odd and parts.username is None


def is_local(uri: str) -> bool:
    """Tell whether a registered redirect URI leads to a program on the person's own computer."""
    parts = urlsplit(uri)
    return parts.scheme not in {"http", "https"} or (parts.hostname or "") in LOOPBACK_HOSTS
