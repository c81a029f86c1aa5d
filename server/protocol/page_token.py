"""Page tokens of a search: sealed, so that they tell nobody where a page ended (AuthZEN 1.0 §8.2).

The place may be an object that the searching agent must not learn of, and the server that gets
the token may hand it on. It opens only for the very search that it was given out for.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from server.domain.entropy import Entropy

MAX_TOKEN: Final = 2048
"""Characters; a place is a number and the name of an object."""
_NONCE: Final = 12
_PURPOSE: Final = b"authzen page token"


class PageTokens:
    """Seals places with a key that is derived from the server's (AES-256-GCM)."""

    def __init__(self, secret_key: bytes, entropy: Entropy) -> None:
        """Derive the key of this one purpose from `secret_key`."""
        self._cipher = AESGCM(hmac.new(secret_key, _PURPOSE, sha256).digest())
        self._entropy = entropy

    def give(self, search: Sequence[str], limit: int, after: str) -> str:
        """Return the token of what comes behind `after` in `search`, with the size of its pages."""
        nonce = self._entropy.bytes(_NONCE)
        sealed = self._cipher.encrypt(nonce, json.dumps([limit, after]).encode(), _bound(search))
        return base64.urlsafe_b64encode(nonce + sealed).decode()

    def take(self, search: Sequence[str], token: str) -> tuple[int, str] | None:
        """Return limit and place; none if the token was not given out for this search."""
        if len(token) > MAX_TOKEN:
            return None
        try:
            raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
            opened = self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], _bound(search))
        except (UnicodeEncodeError, binascii.Error, InvalidTag, ValueError):
            return None
        limit, after = json.loads(opened)
        return limit, after


def _bound(search: Sequence[str]) -> bytes:
    return sha256(json.dumps(search).encode()).digest()
