"""RFC 9449 at our own endpoints: reads the proof of a request, and asks for a nonce if we want one.

A proof is used up where what it was sent for succeeds, in the same transaction: so a stranger
cannot fill the table, and of two workers that get one proof one wins.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from authz.dpop import InvalidProof, NonceWanted, Proof, ProofFault, verify_proof
from server.domain.core import Core
from server.domain.refusal import Refused
from server.domain.unit import Unit

NONCE_SLOT: Final = 120
"""Seconds. A nonce is good in the slot that it was made in and in the next one."""
_PURPOSE: Final = b"dpop-nonce"


@dataclass(frozen=True, slots=True)
class SentProof:
    """The DPoP headers of a request, and what it was sent to, as we publish the address."""

    headers: tuple[str, ...]
    method: str
    address: str


class Nonces:
    """Nonces that every worker knows again without storing them (RFC 9449 §8).

    A nonce says when its proof was made at the earliest: it is a MAC over the time slot.
    """

    __slots__ = ("_key",)

    def __init__(self, secret_key: bytes) -> None:
        """Derive a key of its own."""
        self._key = hmac.digest(secret_key, _PURPOSE, hashlib.sha256)

    def at(self, now: int) -> str:
        """Return the nonce of a time (Unix ms)."""
        return self._of(now // (NONCE_SLOT * 1000))

    def fits(self, nonce: str, now: int) -> bool:
        """Tell whether a nonce is of this slot or of the one before."""
        slot, sent = now // (NONCE_SLOT * 1000), nonce.encode("utf-8", "surrogatepass")
        # Both, so that time does not tell which.
        fits = [hmac.compare_digest(sent, self._of(each).encode()) for each in (slot, slot - 1)]
        return any(fits)

    def _of(self, slot: int) -> str:
        digest = hmac.digest(self._key, b"%d" % slot, hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:18]).decode()


class Proofs:
    """Reads proofs that come to this server."""

    def __init__(self, core: Core, secret_key: bytes) -> None:
        """Demand a nonce if the policy says so."""
        self._core = core
        self._nonces = Nonces(secret_key) if core.policy.dpop_nonce else None

    def read(self, sent: SentProof, *, access_token: str | None = None) -> Proof | Refused | None:
        """Return the proof of a request, none if it has none. `access_token`: sent beside it.

        It has yet to be used up (`use`), once nothing else can be refused.
        """
        if not sent.headers:
            return None
        now, nonces = self._core.clock.now(), self._nonces
        try:
            return verify_proof(
                sent.headers,
                method=sent.method,
                address=sent.address,
                now=now,
                access_token=access_token,
                nonce_fits=None if nonces is None else lambda nonce: nonces.fits(nonce, now),
            )
        except InvalidProof as error:
            return refused_proof(error.fault)
        except NonceWanted:
            return Refused(
                error="use_dpop_nonce",
                reason="proof_nonce",
                description="The DPoP proof needs the nonce of the DPoP-Nonce header.",
            )

    def nonce(self) -> str | None:
        """Return the nonce for the next request (RFC 9449 §8.2), none if none is demanded."""
        return None if self._nonces is None else self._nonces.at(self._core.clock.now())


def use(core: Core, tx: Unit, proof: Proof) -> Refused | None:
    """Use a proof up (RFC 9449 §11.1); a refusal if it was used before, wherever that was."""
    if core.rows.proofs.use(tx, proof.use, proof.expires_at):
        return None
    return refused_proof(ProofFault.REPLAYED)


def refused_proof(fault: ProofFault) -> Refused:
    """Refuse a proof (RFC 9449 §5); the reason says which check it failed."""
    return Refused(
        error="invalid_dpop_proof",
        reason=fault.value,
        description="The DPoP proof is missing or not valid for this request.",
    )
