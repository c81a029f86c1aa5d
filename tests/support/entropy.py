"""Repeatable entropy: the same seed gives the same identifiers and secrets in every run."""

import base64
import hashlib
import threading


class SequenceEntropy:
    """A `server.domain.entropy.Entropy`: SHA-256 of a seed and a counter.

    Two of one seed give the same sequence, so a test of two servers gives them different seeds.
    Safe to share between threads; the order of the values is then the order of the calls.
    """

    def __init__(self, seed: str = "mandate") -> None:
        self._seed = seed.encode()
        self._count = 0
        self._lock = threading.Lock()

    def bytes(self, count: int) -> bytes:
        with self._lock:
            first, self._count = self._count, self._count + -(-count // 32)
        blocks = (
            hashlib.sha256(self._seed + b"\0" + str(first + n).encode()).digest()
            for n in range(-(-count // 32))
        )
        return b"".join(blocks)[:count]

    def token(self, nbytes: int = 32) -> str:
        return base64.urlsafe_b64encode(self.bytes(nbytes)).rstrip(b"=").decode()

    def nonce(self) -> str:
        return base64.b32encode(self.bytes(16)).decode().rstrip("=").lower()

    def id(self, prefix: str) -> str:
        return f"{prefix}_{self.nonce()}"

    def dated_id(self, prefix: str, at: int) -> str:
        return f"{prefix}_{at:012x}{self.nonce()}"
