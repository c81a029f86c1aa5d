"""Randomness as an argument, and what is done with secrets: hash and compare (DESIGN 3.11)."""

import hashlib
import hmac
import os
import secrets
import threading
from typing import Protocol


class Entropy(Protocol):
    """A source of unpredictable values; tests pass a repeatable one."""

    def bytes(self, count: int) -> bytes:
        """Return `count` unpredictable bytes."""
        ...

    def token(self, nbytes: int = 32) -> str:
        """Return a base64url secret of `nbytes` of entropy, without padding."""
        ...

    def nonce(self) -> str:
        """Return 128 unpredictable bits for what is no secret: a salt, a request's id."""
        ...

    def id(self, prefix: str) -> str:
        """Return a new identifier such as `dlg_…` with 128 bits of entropy."""
        ...

    def dated_id(self, prefix: str, at: int) -> str:
        """Return an identifier with 96 bits of entropy that sorts by its time `at` (Unix ms).

        For rows that come by the thousand and tell their time anyway: those of one moment then
        lie together in every index, so a commit writes a few pages instead of one for each row.
        """
        ...


_AHEAD = 4096
"""Bytes that are asked of the operating system at once: a call for each id costs more than it."""


class SystemEntropy:
    """The operating system's generator. What is read ahead is for ids and salts, never a secret."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._forget()
        # A child must not go on with the bytes of its parent.
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._ahead, self._used = "", 0

    def _hex(self, digits: int) -> str:
        with self._lock:
            start = self._used
            if start + digits > len(self._ahead):
                self._ahead, start = os.urandom(_AHEAD).hex(), 0
            self._used = start + digits
            return self._ahead[start : self._used]

    def bytes(self, count: int) -> bytes:
        """Return `count` unpredictable bytes."""
        return os.urandom(count)

    def token(self, nbytes: int = 32) -> str:
        """Return a base64url secret of `nbytes` of entropy, without padding."""
        return secrets.token_urlsafe(nbytes)

    def nonce(self) -> str:
        """Return 128 unpredictable bits (lower-case hexadecimal)."""
        return self._hex(32)

    def id(self, prefix: str) -> str:
        """Return a new identifier: lower-case hexadecimal, so that it reads and sorts anywhere."""
        return f"{prefix}_{self._hex(32)}"

    def dated_id(self, prefix: str, at: int) -> str:
        """Return a new identifier: 12 digits of time, then 24 of chance."""
        return f"{prefix}_{at:012x}{self._hex(24)}"


def hash_secret(secret: str) -> str:
    """Hash a generated, high-entropy secret for storage (SHA-256, hex)."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(
        left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass")
    )
