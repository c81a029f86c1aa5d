"""Cookies of the browser pages: opaque, host-only, and `__Host-` wherever https allows it.

RFC 6265bis §4.1.3.2: a `__Host-` cookie is Secure, has Path=/ and no Domain, so that no
sibling host can plant one. Browsers accept that prefix over https only; a loopback http issuer
uses the same name without it (DESIGN 3.16).
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from server.web.origin import site_of

#: RFC 6265 §4.1.1, cookie-octet without what needs quoting.
_VALUE: Final = re.compile(r"[A-Za-z0-9_.~=-]{1,512}")


@dataclass(frozen=True, slots=True)
class Cookies:
    """The names and attributes of this server's cookies; made by `cookies_for`."""

    prefix: str
    suffix: str
    secure: bool

    def name(self, purpose: str) -> str:
        """Return the full cookie name of a purpose such as "session" or "interaction"."""
        return f"{self.prefix}mandate_{purpose}{self.suffix}"

    def read(self, request: Request, purpose: str) -> str | None:
        """Return the cookie's value, or None if absent, malformed or sent more than once.

        Two cookies of one name mean that somebody planted one: neither is believed.
        """
        wanted = self.name(purpose)
        found = [
            value.strip(" \t")
            for header in request.headers.getlist("cookie")
            for name, equals, value in (pair.partition("=") for pair in header.split(";"))
            if equals and name.strip(" \t") == wanted
        ]
        return found[0] if len(found) == 1 and _VALUE.fullmatch(found[0]) else None

    def write(
        self, response: Response, purpose: str, value: str, *, max_age: int | None = None
    ) -> None:
        """Set a cookie; `max_age` in seconds, or None to keep it while the browser runs.

        The server never relies on the browser to expire it. Raises `ValueError` for a value
        outside URL-safe text.
        """
        if not _VALUE.fullmatch(value):
            msg = "a cookie value must be short URL-safe text"
            raise ValueError(msg)
        self._append(response, purpose, value, max_age)

    def clear(self, response: Response, purpose: str) -> None:
        """Make the browser forget a cookie."""
        self._append(response, purpose, "", 0)

    def _append(self, response: Response, purpose: str, value: str, max_age: int | None) -> None:
        parts = [f"{self.name(purpose)}={value}", "Path=/"]
        if max_age is not None:
            parts.append(f"Max-Age={max_age}")
        parts += ["HttpOnly", "SameSite=Lax"]
        if self.secure:
            parts.append("Secure")
        response.headers.append("set-cookie", "; ".join(parts))


def cookies_for(issuer: str) -> Cookies:
    """Return the cookie rules for an issuer.

    Servers under different paths of one host get different names, since `__Host-` forces
    Path=/. Raises `ValueError` for an http issuer that is not loopback.
    """
    site = site_of(issuer)
    digest = hashlib.sha256(site.path.encode()).hexdigest()[:8]
    return Cookies(
        prefix="__Host-" if site.secure else "",
        suffix=f"_{digest}" if site.path else "",
        secure=site.secure,
    )
