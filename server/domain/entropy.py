"""Randomness as an argument, and what is done with secrets: hash and compare (DESIGN 3.11)."""

import hashlib
import hmac
import os
import secrets
from typing import Protocol


class Entropy(Protocol):
    """A source of unpredictable values; tests pass a repeatable one."""

    def bytes(self, count: int) -> bytes:
        """Return `count` unpredictable bytes."""
        ...

    def token(self, nbytes: int = 32) -> str:
        """Return a base64url secret of `nbytes` of entropy, without padding."""
        ...

    def id(self, prefix: str) -> str:
        """Return a new identifier such as `dlg_…` with 128 bits of entropy."""
        ...


class SystemEntropy:
    """The operating system's generator."""

    def bytes(self, count: int) -> bytes:
        """Return `count` unpredictable bytes."""
        return os.urandom(count)

    def token(self, nbytes: int = 32) -> str:
        """Return a base64url secret of `nbytes` of entropy, without padding."""
        return secrets.token_urlsafe(nbytes)

    def id(self, prefix: str) -> str:
        """Return a new identifier: lower-case hexadecimal, so that it reads and sorts anywhere."""
        return f"{prefix}_{os.urandom(16).hex()}"


def hash_secret(secret: str) -> str:
    """Hash a generated, high-entropy secret for storage (SHA-256, hex)."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(
        left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass")
    )
