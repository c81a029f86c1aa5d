"""RFC 9449 §7 at the edge: a bound token comes with a proof of its key, or it does not come in."""

import heapq
from collections.abc import Iterable
from typing import Final, Protocol

from authz.clock import Clock
from authz.dpop import InvalidProof, Proof, ProofFault, verify_proof
from mcp_tools.errors import TokenRefused
from mcp_tools.unavailable import IssuerUnavailable
from mcp_tools.verifier import VerifiedToken

MOST: Final = 100_000
"""Proofs that one process remembers, each for at most six minutes: about 20 MB."""


class ProofRefused(Exception):
    """A proof that is missing, or not good for this request (RFC 9449 §7.1)."""

    def __init__(self, fault: ProofFault) -> None:
        super().__init__(fault.value)
        self.reason = fault.value


class UsedProofs(Protocol):
    """Where used proofs are remembered (RFC 9449 §11.1).

    Servers of one resource that share it refuse a proof that any of them has seen.
    """

    async def first(self, name: str, expires_at: int) -> bool:
        """Record a use until `expires_at` (Unix ms); false if the name is there already.

        One of two that ask at once is told true. Raises `IssuerUnavailable` if it cannot tell:
        the request is then refused with 503.
        """
        ...


class ProofMemory:
    """Used proofs in this process: bounded, and closed when it is full.

    It knows nothing of other processes: a proof is good once in each.
    """

    def __init__(self, clock: Clock, *, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._names: set[str] = set()
        self._by_end: list[tuple[int, str]] = []

    async def first(self, name: str, expires_at: int) -> bool:
        """Record a use; false if the name is there already."""
        now = self._clock.now()
        while self._by_end and self._by_end[0][0] <= now:
            self._names.discard(heapq.heappop(self._by_end)[1])
        if name in self._names:
            return False
        if len(self._names) >= self._most:
            # To forget one that still holds would let it be replayed.
            raise IssuerUnavailable("too many proofs to remember")
        self._names.add(name)
        heapq.heappush(self._by_end, (expires_at, name))
        return True


class SenderCheck:
    """Asks for the proof of a bound token; `required`: no other token comes in."""

    def __init__(
        self, origin: str, clock: Clock, used: UsedProofs, *, required: bool = False
    ) -> None:
        self._origin = origin
        self._clock = clock
        self._used = used
        self.required = required

    async def check(
        self,
        token: VerifiedToken,
        *,
        as_bound: bool,
        method: str,
        path: str,
        headers: Iterable[tuple[bytes, bytes]],
    ) -> None:
        """Check who sent a token that is good otherwise; `as_bound`: under the scheme DPoP.

        The address is the configured origin with the path of the request, whatever Host says.
        Raises `TokenRefused`, `ProofRefused` and `IssuerUnavailable`.
        """
        if token.jkt is None:
            # RFC 9449 §7.1: an unbound token under this scheme would look protected.
            if as_bound or self.required:
                raise TokenRefused("not_bound")
            return
        if not as_bound:
            raise TokenRefused("proof_required")
        sent = [value.decode("latin-1") for name, value in headers if name.lower() == b"dpop"]
        proof = self._proof(sent, token, method, self._origin + path)
        # Last, so that only who holds the key of a good token fills the memory.
        if not await self._used.first(proof.use, proof.expires_at):
            raise ProofRefused(ProofFault.REPLAYED)

    def _proof(self, sent: list[str], token: VerifiedToken, method: str, address: str) -> Proof:
        try:
            proof = verify_proof(
                sent,
                method=method,
                address=address,
                now=self._clock.now(),
                access_token=token.raw,
            )
        except InvalidProof as error:
            raise ProofRefused(error.fault) from None
        if proof.jkt != token.jkt:
            raise ProofRefused(ProofFault.OTHER_KEY)
        return proof
