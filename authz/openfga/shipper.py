"""Applies changes at a remote OpenFGA server in their order: one worker at a time, by a lease.

The changelog is the outbox, and the place up to which it is applied is stored. A request whose
answer was lost is sent again: what is there, or gone, already is no error. What a new model needs
comes first, since every waiting tuple fits the model in force.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from authz.clock import Clock
from authz.errors import ModelNotFound
from authz.model.subject import TupleKey
from authz.openfga.client import OpenFga
from authz.openfga.failure import NEXT, Fault, RemoteFailure
from authz.openfga.models import model_there
from authz.relations import Relations
from authz.stores.applied import END, AppliedChanges, Standing
from authz.stores.changelog import BEGINNING, Place, changes_behind
from authz.stores.protocol import Change, NewTuple
from authz.tx import Database, Tx

BATCH: Final = 100
"""Tuples of one write: OpenFGA's bound."""
LEASE_MS: Final = 60_000
"""Renewed before each request, none of which may take a fifth of it (`client.WRITE_SECONDS`)."""
INTERVAL: Final = 0.2
"""Seconds between two looks; a question that finds changes waiting asks for one at once."""
LONGEST_PAUSE: Final = 15.0
_PASSES: Final = {"", "Aborted"}
"""Refusals that say nothing about the tuple: a proxy's, and that of two writes at one moment."""

log = logging.getLogger("mandate.openfga")


class LostLease(Exception):
    """Somebody else applies changes now."""


@dataclass(frozen=True, slots=True)
class Step:
    """One write there, and the place that is reached with it."""

    writes: tuple[NewTuple, ...]
    deletes: tuple[TupleKey, ...]
    to: Place


class Shipper:
    """One for each process; `wake` has it look at once."""

    def __init__(
        self,
        database: Database,
        relations: Relations,
        applied: AppliedChanges,
        remote: OpenFga,
        clock: Clock,
        name: str,
    ) -> None:
        """Hold the lease under `name`, which no other process has."""
        self.database = database
        self.relations = relations
        self.applied = applied
        self.remote = remote
        self.wake = asyncio.Event()
        self._clock = clock
        self._name = name

    async def ship(self) -> int:
        """Apply all that waits and return how many changes; 0 if another one is at it.

        Before the first push nothing is applied. Raises RemoteFailure; what waits stays.
        """
        # Looking first: an idle server writes nothing.
        standing = await self.database.read(self.applied.standing)
        if standing.sent or not standing.remote_model or not await self.take():
            return 0
        try:
            return await self.apply_all()
        except LostLease:
            return 0
        finally:
            await self.drop()

    async def apply_all(self, told: Callable[[int], None] = lambda _: None) -> int:
        """Apply all that waits, with the lease held; `told` hears how many are applied so far.

        Raises LostLease and RemoteFailure.
        """
        done = 0
        while True:
            standing, waiting = await self.database.read(self._waiting)
            if standing.sent:
                return done
            if standing.applied_model != standing.model_id:
                await self._apply_model()
                continue
            step = next_step(standing, waiting)
            refused = 0
            if step.writes or step.deletes:
                await self.renew()
                try:
                    refused = await self._send(standing.remote_model, step)
                except RemoteFailure as failure:
                    if failure.unclear:
                        # It may land after what comes next, and bring back what that takes away:
                        # until a push finds both equal, no yes from there counts alone.
                        await self._advance(standing.applied, standing.applied, 1)
                    raise
            await self._advance(standing.applied, step.to, refused)
            done += len(step.writes) + len(step.deletes)
            told(done)

    async def _apply_model(self) -> None:
        """Find or write our model there, and ask that one from now on."""
        model_id, ours = await self.database.read(
            lambda tx: (self.applied.standing(tx).model_id, self.relations.model(tx))
        )
        await self.renew()
        theirs = await model_there(self.remote, ours)
        stored = await self.database.write(
            lambda tx: self.applied.set_model(tx, self._name, model_id, theirs)
        )
        if not stored:
            raise LostLease

    async def begin_at(self, place: Place, model_id: str, theirs: str) -> None:
        """Say that all is applied up to `place`, under that model. Raises LostLease."""
        until = self._clock.now() + LEASE_MS

        def work(tx: Tx) -> bool:
            return self.applied.advance(tx, self._name, BEGINNING, place, until) and (
                self.applied.set_model(tx, self._name, model_id, theirs)
            )

        if not await self.database.write(work):
            raise LostLease

    async def found_equal(self) -> None:
        """Say that both stores were compared and are equal. Raises LostLease."""
        if not await self.database.write(lambda tx: self.applied.forget_refused(tx, self._name)):
            raise LostLease

    async def take(self) -> bool:
        """Take or renew the lease; false while another one has it."""
        now = self._clock.now()
        return await self.database.write(
            lambda tx: self.applied.take_lease(tx, self._name, now, now + LEASE_MS)
        )

    async def renew(self) -> None:
        """Renew the lease before something is sent. Raises LostLease."""
        if not await self.take():
            raise LostLease

    async def drop(self) -> None:
        """Let the next one begin at once."""
        await self.database.write(lambda tx: self.applied.drop_lease(tx, self._name))

    async def _advance(self, was: Place, to: Place, refused: int) -> None:
        until = self._clock.now() + LEASE_MS
        moved = await self.database.write(
            lambda tx: self.applied.advance(tx, self._name, was, to, until, refused=refused)
        )
        if not moved:
            raise LostLease

    def _waiting(self, tx: Tx) -> tuple[Standing, list[tuple[Place, Change]]]:
        standing = self.applied.standing(tx)
        return standing, changes_behind(tx, self.applied.store, standing.applied, BATCH)

    async def _send(self, model: str, step: Step) -> int:
        """Send a step, and return how many of its additions are refused there for good."""
        try:
            await self.remote.write(model, step.writes, step.deletes)
        except RemoteFailure as failure:
            if failure.fault is not Fault.REFUSED:
                raise
            return await self._send_each(model, step)
        return 0

    async def _send_each(self, model: str, step: Step) -> int:
        """Send a refused step one by one; a tuple that is there with another condition goes first.

        An addition that is refused by itself must not hold up all that come after it. It is left
        out and counted: from then on no yes from there counts alone (`Standing.current`).
        """
        for key in step.deletes:
            await self.renew()
            await self.remote.write(model, (), (key,))
        refused = 0
        for new in step.writes:
            await self.renew()
            try:
                await replace(self.remote, model, new)
            except RemoteFailure as failure:
                if failure.fault is not Fault.REFUSED or failure.code in _PASSES:
                    raise
                refused += 1
        if refused:
            log.warning("OpenFGA refused %d changes: see `mandate authz diff`", refused)
        return refused


async def replace(remote: OpenFga, model: str, new: NewTuple) -> None:
    """Write a tuple in the place of one with the same key; for a moment there is none."""
    await remote.write(model, (), (new.key,))
    await remote.write(model, (new,), ())


def next_step(standing: Standing, waiting: Sequence[tuple[Place, Change]]) -> Step:
    """Return the first changes that fit into one write: no key twice, as OpenFGA wants it.

    A change of a condition is a deletion and an addition, so it takes two steps, in this order.
    """
    taken: dict[TupleKey, Change] = {}
    place = standing.applied
    for at, change in waiting:
        if change.key in taken:
            break
        taken[change.key] = change
        place = at
    else:
        if len(waiting) < BATCH:
            # Revisions without a change (a model, say) are behind us as well.
            place = Place(standing.head, END)
    return Step(
        tuple(NewTuple(c.key, c.condition, c.context) for c in taken.values() if not c.deleted),
        tuple(c.key for c in taken.values() if c.deleted),
        place,
    )


async def run_shipper(
    shipper: Shipper, failed: Callable[[Fault], None], stop: asyncio.Event
) -> None:
    """Ship until `stop`; while the remote server is away, less and less often."""
    pause = INTERVAL
    while not stop.is_set():
        shipper.wake.clear()
        try:
            await shipper.ship()
        except RemoteFailure as failure:
            failed(failure.fault)
            if pause == INTERVAL:
                log.warning("changes wait for OpenFGA: %s; %s", failure, NEXT[failure.fault])
            pause = min(pause * 2, LONGEST_PAUSE)
        except ModelNotFound:
            pause = INTERVAL
        except Exception:
            # Ending would leave every change waiting for as long as the server runs.
            log.exception("changes wait for OpenFGA")
            pause = min(pause * 2, LONGEST_PAUSE)
        else:
            if pause > INTERVAL:
                log.warning("OpenFGA takes changes again")
            pause = INTERVAL
        await _pause(shipper, stop, pause)


async def _pause(shipper: Shipper, stop: asyncio.Event, seconds: float) -> None:
    # A question wakes it only in quiet times: questions to a server that is away must not hurry it.
    events = [stop] if seconds > INTERVAL else [stop, shipper.wake]
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
