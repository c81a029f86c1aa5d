"""How we know a token again that we minted: a MAC over its bytes, kept with its record.

A signature is for everybody else. Asking the record costs far less than verifying ES256, and says
more: these very bytes, not only some text that our key signed (docs/decisions/0012).
"""

import hashlib
import hmac
from typing import Final

_PURPOSE: Final = b"token-mark"


class TokenMarks:
    """Makes and compares marks with a key that only the server has."""

    __slots__ = ("_keyed",)

    def __init__(self, secret_key: bytes) -> None:
        """Derive a key of its own: who can write to the database still cannot make a mark."""
        key = hmac.digest(secret_key, _PURPOSE, hashlib.sha256)
        # Copied for each token: to take in the key costs as much as to take in a token.
        self._keyed = hmac.new(key, digestmod=hashlib.sha256)

    def of(self, token: str) -> str:
        """Return the mark of a token: HMAC-SHA-256 in hexadecimal."""
        mac = self._keyed.copy()
        mac.update(token.encode("utf-8", "surrogatepass"))
        return mac.hexdigest()

    def fits(self, token: str, mark: str) -> bool:
        """Tell whether `mark` was made of exactly these bytes, in constant time."""
        return hmac.compare_digest(self.of(token), mark)
