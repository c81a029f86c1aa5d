"""Origins and paths of URLs that pages, cookies and the CSRF check compare (RFC 6454)."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_CSP_HOST: Final = re.compile(r"[a-z0-9.-]+")
_CSP_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*")
#: Never a redirect target, so never a form target: the browser would run or read it itself.
_NO_TARGET: Final = frozenset(
    {"javascript", "data", "blob", "filesystem", "file", "vbscript", "about", "view-source"}
)


@dataclass(frozen=True, slots=True)
class Site:
    """Where this server lives: its issuer taken apart.

    `origin` is `scheme://host[:port]` as browsers send it, `path` the issuer's path without a
    trailing slash ("" at the root), `secure` true for https.
    """

    origin: str
    path: str
    secure: bool


def site_of(issuer: str) -> Site:
    """Take the issuer apart.

    Raises `ValueError` unless it is https, or http on a loopback host (DESIGN 3.16).
    """
    parts = urlsplit(issuer)
    host, port = parts.hostname, parts.port
    if not host or parts.username is not None or parts.query or parts.fragment:
        msg = "the issuer must be a plain URL without user, query or fragment"
        raise ValueError(msg)
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK_HOSTS):
        msg = "the issuer must be https; http is for a loopback host only"
        raise ValueError(msg)
    return Site(
        origin=_origin(parts.scheme, host, port),
        path=parts.path.rstrip("/"),
        secure=parts.scheme == "https",
    )


def form_target(redirect_uri: str) -> str | None:
    """Return the CSP source that lets a form's answer redirect to this registered URI.

    An app's own scheme (RFC 8252 §7.1) gives a scheme source. CSP has no way to write an IPv6
    address, so such a host gives its scheme alone. None when nothing safe can be written.
    """
    try:
        parts = urlsplit(redirect_uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    scheme = parts.scheme
    if not _CSP_SCHEME.fullmatch(scheme) or scheme in _NO_TARGET:
        return None
    if scheme not in _DEFAULT_PORTS:
        return f"{scheme}:"
    if not host:
        return None
    if ":" in host:
        return f"{scheme}:"
    return _origin(scheme, host, port) if _CSP_HOST.fullmatch(host) else None


def _origin(scheme: str, host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    if port is None or port == _DEFAULT_PORTS[scheme]:
        return f"{scheme}://{shown}"
    return f"{scheme}://{shown}:{port}"
