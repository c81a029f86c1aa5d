"""Passwords as argon2id, off the loop, in a bounded pool with a bounded waiting line.

The work is the same for an account that exists and for one that does not.
"""

import asyncio
import base64
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from server.domain.entropy import Entropy
from server.domain.unit import UnavailableError

T = TypeVar("T")

MINIMUM: Final = 15
"""Fewest code points of a password that stands alone (NIST SP 800-63B-4 §3.1.1.2)."""
MAXIMUM: Final = 256
"""Most code points; nothing is ever cut off."""

MEMORY_KIB: Final = 19 * 1024
TIME_COST: Final = 2
LANES: Final = 1
_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found; `outdated`: right, but hashed with other parameters."""

    right: bool
    outdated: bool = False


def normalise(password: str) -> str:
    """Return the form that is hashed: Unicode NFC, every character kept (§3.1.1.2)."""
    return unicodedata.normalize("NFC", password)


def _encoded(part: bytes) -> str:
    return base64.b64encode(part).decode().rstrip("=")


_NOBODY: Final = (
    f"$argon2id$v=19$m={MEMORY_KIB},t={TIME_COST},p={LANES}"
    f"${_encoded(bytes(_SALT_BYTES))}${_encoded(bytes(_HASH_BYTES))}"
)
"""A well-formed hash that no password has: verifying against it costs what a real one costs."""


class Passwords:
    """Hashes and verifies; raises `UnavailableError` rather than let a line grow."""

    def __init__(self, entropy: Entropy, *, workers: int = 2, waiting: int = 64) -> None:
        """Run at most `workers` hashes at a time, with at most `waiting` more in line.

        Memory is bounded by `workers` times 19 MiB.
        """
        self._entropy = entropy
        self._limit = workers + waiting
        self._admitted = 0
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        # argon2id, OWASP's choice of 19 MiB, two passes and one lane.
        self._hasher = PasswordHasher(
            time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=LANES,
            hash_len=_HASH_BYTES, salt_len=_SALT_BYTES, type=Type.ID,
        )  # fmt: skip

    async def hash(self, password: str) -> str:
        """Hash a password for storage, scheme, cost and salt included.

        Raises `UnavailableError` when the line is full.
        """
        salt = self._entropy.bytes(_SALT_BYTES)
        return await self._run(lambda: self._hasher.hash(normalise(password), salt=salt))

    async def verify(self, password: str, stored: str | None) -> Verdict:
        """Verify a password; `stored` is none for an unknown account or one without a password.

        Raises `UnavailableError` when the line is full.
        """
        return await self._run(lambda: self._verify(normalise(password), stored))

    def _verify(self, password: str, stored: str | None) -> Verdict:
        try:
            self._hasher.verify(stored or _NOBODY, password)
        except (VerificationError, InvalidHashError):
            return Verdict(right=False)
        if stored is None:
            return Verdict(right=False)
        return Verdict(right=True, outdated=self._hasher.check_needs_rehash(stored))

    async def _run(self, work: Callable[[], T]) -> T:
        if self._admitted >= self._limit:
            raise UnavailableError("passwords")
        self._admitted += 1
        future = self._pool.submit(work)
        # Counted by the work itself: a caller that goes away does not make room before it ends.
        loop = asyncio.get_running_loop()
        wrapped = asyncio.wrap_future(future, loop=loop)
        wrapped.add_done_callback(self._leave)
        return await asyncio.shield(wrapped)

    def _leave(self, future: "asyncio.Future[T]") -> None:
        self._admitted -= 1
        if not future.cancelled():
            future.exception()  # taken note of, also when the caller has gone

    def close(self) -> None:
        """End the threads after the work that was begun."""
        self._pool.shutdown(wait=True, cancel_futures=True)
