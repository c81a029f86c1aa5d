"""Make a remote store equal to ours, once, so that from then on only changes need to be sent."""

from collections.abc import Callable
from dataclasses import dataclass

from authz.openfga.compare import Differences, compare
from authz.openfga.models import model_there
from authz.openfga.shipper import BATCH, Shipper, replace
from authz.stores.applied import END
from authz.stores.changelog import Place

Told = Callable[[str, int], None]
"""What is being done, and to how many."""


class Busy(Exception):
    """A server, or another push, applies changes at this moment."""


class Extra(Exception):
    """The remote store has tuples that ours has not; they would count in decisions."""

    def __init__(self, differences: Differences) -> None:
        self.differences = differences
        super().__init__(f"{len(differences.extra)} tuples that Mandate does not have")


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did; `model` is the id of the model there."""

    model: str
    tuples: int
    shipped: int
    written: int
    changed: int
    deleted: int


async def push(shipper: Shipper, *, prune: bool, told: Told) -> Pushed:
    """Bring model and tuples there; `prune` deletes there what we do not have.

    Stopped in the middle it goes on when it is run again. Before it has run to its end once, no
    decision asks that server. Raises Busy, Extra, LostLease and RemoteFailure.
    """
    applied = shipper.applied
    await shipper.database.write(applied.begin)
    if not await shipper.take():
        raise Busy
    try:
        return await _push(shipper, prune=prune, told=told)
    finally:
        await shipper.drop()


async def _push(shipper: Shipper, *, prune: bool, told: Told) -> Pushed:
    applied = shipper.applied
    standing = await shipper.database.read(applied.standing)
    first = not standing.remote_model
    shipped = 0
    if not first:
        shipped = await shipper.apply_all(lambda done: told("changes sent", done))
    # What changes from here on is sent as changes, also where a page below has it already.
    standing, ours = await shipper.database.read(
        lambda tx: (applied.standing(tx), shipper.relations.model(tx))
    )
    await shipper.renew()
    model = standing.remote_model or await model_there(shipper.remote, ours)

    async def between(read: int) -> None:
        told("tuples compared", read)
        await shipper.renew()

    found = await compare(shipper.database, applied.store, shipper.remote, between)
    if found.extra and not prune:
        raise Extra(found)
    await _repair(shipper, model, found, told)
    if first:
        await shipper.begin_at(Place(standing.head, END), standing.model_id, model)
    else:
        await shipper.found_equal()
    written, changed, deleted = len(found.missing), len(found.other), len(found.extra)
    return Pushed(model, found.ours, shipped, written, changed, deleted)


async def _repair(shipper: Shipper, model: str, found: Differences, told: Told) -> None:
    """Delete first, so that a push that is stopped leaves rather too few rights than too many."""
    done = 0
    for start in range(0, len(found.extra), BATCH):
        await shipper.renew()
        gone = found.extra[start : start + BATCH]
        await shipper.remote.delete(model, [(t.user, t.relation, t.object) for t in gone])
        done += len(gone)
        told("tuples deleted", done)
    for number, new in enumerate(found.other):
        await shipper.renew()
        await replace(shipper.remote, model, new)
        told("conditions changed", number + 1)
    for start in range(0, len(found.missing), BATCH):
        await shipper.renew()
        part = found.missing[start : start + BATCH]
        await shipper.remote.write(model, part, ())
        told("tuples written", start + len(part))
