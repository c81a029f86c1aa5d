"""One leniency in naming a resource (RFC 8707): the slash of a bare origin says nothing."""

from collections.abc import Container
from urllib.parse import urlsplit


def other_form(uri: str) -> str | None:
    """Return a bare origin with its slash, or without it; none for any other URI.

    RFC 3986 §6.2.3 has `https://a.example` and `https://a.example/` name the same; clients send
    either. Nothing else is put right: no case, no port, no path.
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme not in ("https", "http") or not parts.netloc:
        return None
    bare = f"{parts.scheme}://{parts.netloc}"
    return {bare: f"{bare}/", f"{bare}/": bare}.get(uri)


def registered_form(uri: str, known: Container[str]) -> str:
    """Return `uri` as it is in `known`, if it is there in either form; else as it came."""
    other = other_form(uri) if uri not in known else None
    return other if other is not None and other in known else uri
