"""Cross-site request forgery: a token bound to the browser's session, and the sender's origin.

Both must hold. The token is an HMAC of a binding value (the session cookie's secret, or the
interaction's before sign-in), so nothing is stored and a token dies with its session.
"""

import base64
import hashlib
import hmac
from enum import StrEnum
from typing import Final

from starlette.datastructures import Headers

from server.web.origin import site_of

#: The hidden field that every form of ours carries.
CSRF_FIELD: Final = "csrf"
_LABEL: Final = b"mandate csrf v1\x00"
_MIN_KEY_BYTES: Final = 32


class CsrfFault(StrEnum):
    """Why a posted form was not believed to come from our own page."""

    CROSS_SITE = "csrf_cross_site"
    TOKEN_MISSING = "csrf_token_missing"
    TOKEN_WRONG = "csrf_token_wrong"


class Csrf:
    """Makes and checks tokens for one issuer."""

    __slots__ = ("_key", "_origin")

    def __init__(self, *, key: bytes, issuer: str) -> None:
        """Bind to a server key of at least 32 bytes, used for nothing else, and the issuer.

        Raises `ValueError` for a short key or an unsafe issuer.
        """
        if len(key) < _MIN_KEY_BYTES:
            msg = "the CSRF key must have at least 32 bytes"
            raise ValueError(msg)
        self._key = key
        self._origin = site_of(issuer).origin

    def token(self, binding: str) -> str:
        """Return the token for forms shown to the browser that holds `binding`."""
        digest = hmac.digest(self._key, _LABEL + binding.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def check(self, headers: Headers, *, binding: str, token: str | None) -> CsrfFault | None:
        """Return why the post is refused, or None if it came from our own page."""
        if not self._same_site(headers):
            return CsrfFault.CROSS_SITE
        if not token:
            return CsrfFault.TOKEN_MISSING
        if not hmac.compare_digest(self.token(binding).encode(), token.encode()):
            return CsrfFault.TOKEN_WRONG
        return None

    def _same_site(self, headers: Headers) -> bool:
        sites, origins = headers.getlist("sec-fetch-site"), headers.getlist("origin")
        if any(site != "same-origin" for site in sites):
            return False
        # Our pages say `Referrer-Policy: no-referrer`, and then a browser sends `Origin: null`
        # with its own forms (Fetch §3.2.5). It is believed only when Sec-Fetch-Site vouches
        # for it; a client that sends neither header is not a browser and has the token alone.
        allowed = {self._origin, "null"} if sites else {self._origin}
        return all(origin in allowed for origin in origins)
