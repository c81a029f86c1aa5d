"""The sealer: one at a time gives unsealed audit rows their numbers and seals, and signs the end.

A lease says who seals; expiry is by the injected clock. Should two think that they hold it (a
clock that was set), `seal_seq` is unique and each row is sealed only while unsealed: one of the
two units is undone, and the chain stays one chain.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Final, Protocol

from authz.clock import Clock
from authz.jose import split
from server.domain.audit_trail import AuditTrail, Head
from server.domain.core import Core
from server.domain.entropy import Entropy
from server.domain.unit import ConflictError, Store, UnavailableError, Unit
from server.keys.signer import NoSigningKey
from server.signals.audit_chain import FIRST, HEAD_TYPE, body, head_claims, leaf, next_seal

BATCH: Final = 128
"""Rows under one head. More at once would keep the requests beside waiting for milliseconds."""
LEASE_MS: Final = 30_000
LONGEST_RUN: Final = 128
"""Batches of one run of the periodic sealer; the rest waits for the next run."""

log = logging.getLogger("mandate.audit")


class Signs(Protocol):
    """Whoever signs heads: a `Signer`, or what hands on to the current one."""

    def sign(self, claims: Mapping[str, object], *, typ: str) -> str:
        """Return the compact JWS; raises `NoSigningKey`."""
        ...


class _LostRace(Exception):
    """Another sealer was quicker; the unit is undone."""


class Sealer:
    """Seals what waits. One object a process; call `seal` as often as wanted."""

    def __init__(
        self,
        *,
        store: Store,
        trail: AuditTrail,
        clock: Clock,
        entropy: Entropy,
        issuer: str,
        signer: Signs,
    ) -> None:
        """Take a name for the lease from `entropy`."""
        self._store = store
        self._trail = trail
        self._clock = clock
        self._issuer = issuer
        self._signer = signer
        self._name = entropy.id("sealer")

    async def seal(self, *, batches: int | None = None) -> int:
        """Seal all that waits, or at most `batches` batches; return how many rows.

        Another sealer at work: returns 0 and leaves it the work. Raises `UnavailableError`,
        `NoSigningKey`.
        """
        # Looking first: an idle server writes nothing.
        if not await self._store.read_row(lambda tx: self._trail.unsealed(tx, 1)):
            return 0
        now = self._clock.now()
        if not await self._store.write(lambda tx: self._take_lease(tx, now)):
            return 0
        sealed = 0
        done = 0
        while batches is None or done < batches:
            count = await self._seal_batch()
            sealed, done = sealed + count, done + 1
            if count < BATCH:
                break
        await self._store.write(lambda tx: self._trail.drop_lease(tx, self._name))
        return sealed

    async def _seal_batch(self) -> int:
        last, rows = await self._store.read(
            lambda tx: (self._trail.last_seal(tx), self._trail.unsealed(tx, BATCH))
        )
        if not rows:
            return 0
        seq, seal = last or (0, FIRST)
        seals: list[tuple[str, int, str]] = []
        leaves: list[str] = []
        for row in rows:
            seq += 1
            sealed = body(row, seq)
            seal = next_seal(seal, sealed)
            seals.append((row.id, seq, seal))
            leaves.append(leaf(sealed))
        head = self._sign(seq, seal, leaves)
        try:
            await self._store.write(lambda tx: self._write(tx, last, seals, head))
        except (_LostRace, ConflictError):
            log.info("another sealer was quicker")
            return 0
        return len(rows)

    def _take_lease(self, tx: Unit, now: int) -> bool:
        return self._trail.take_lease(tx, self._name, now, now + LEASE_MS)

    def _sign(self, seq: int, seal: str, leaves: list[str]) -> Head:
        at = self._clock.now()
        claims = head_claims(issuer=self._issuer, seal_seq=seq, seal=seal, leaves=leaves, at=at)
        signature = self._signer.sign(claims, typ=HEAD_TYPE)
        kid = str(split(signature).header["kid"])
        return Head(
            seal_seq=seq, at=at, seal=seal, kid=kid, leaves="".join(leaves), signature=signature
        )

    def _write(
        self, tx: Unit, last: tuple[int, str] | None, seals: list[tuple[str, int, str]], head: Head
    ) -> None:
        # Still the sealer, after the same row: else the seals were made for another chain.
        if not self._take_lease(tx, head.at) or self._trail.last_seal(tx) != last:
            raise _LostRace
        if not self._trail.seal(tx, seals, head):
            raise _LostRace


def sealer(core: Core, signer: Signs) -> Sealer:
    """Return the sealer of this process."""
    return Sealer(
        store=core.store,
        trail=core.rows.trail,
        clock=core.clock,
        entropy=core.entropy,
        issuer=core.policy.issuer,
        signer=signer,
    )


async def run_sealer(core: Core, signer: Signs, interval: float, stop: asyncio.Event) -> None:
    """Seal every `interval` seconds until `stop`, and once more at the end."""
    ours = sealer(core, signer)
    while not stop.is_set():
        await seal_and_go_on(ours)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), interval)
    await seal_and_go_on(ours)


async def seal_and_go_on(ours: Sealer) -> None:
    """Seal, and leave what fails for the next time: the rows are safe, only not sealed yet."""
    try:
        await ours.seal(batches=LONGEST_RUN)
    except (UnavailableError, NoSigningKey) as error:
        log.warning("audit rows wait to be sealed: %s", type(error).__name__)
    except Exception:
        # Ending would leave the trail unsealed in silence for as long as the server runs.
        log.exception("the sealer failed")
