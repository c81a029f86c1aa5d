"""Forget self-registered clients that nobody uses; never one that still holds something.

Records that are never reaped pile up by the thousand, and reaping one that is in use ends a
person's work: so the question whether a client holds anything and its end are one statement.
"""

import asyncio
import contextlib
import logging
from typing import Final

from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.registry import Origin
from server.domain.unit import UnavailableError, Unit

BATCH: Final = 200
_DAY_MS: Final = 86_400_000

log = logging.getLogger("mandate.clients")


async def forget_idle_clients(core: Core) -> dict[str, int]:
    """Forget what nobody ever said yes to, and retire what was not used for long; say how many.

    A retired client that comes again registers again. Raises `UnavailableError`.
    """
    now = core.clock.now()
    idle = now - core.policy.registered_idle_days * _DAY_MS
    rows = core.rows.registrations
    unused = 0
    for origin, before in ((Origin.DOCUMENT, now - _DAY_MS), (Origin.DYNAMIC, idle)):
        gone = await core.store.write(lambda tx, o=origin, b=before: _forget(core, tx, o, b))  # type: ignore[misc]
        unused += len(gone)
    found = await core.store.read(lambda tx: rows.idle(tx, Origin.DYNAMIC, idle, now, BATCH))
    retired = 0
    for client_id in found:
        retired += await core.store.write(lambda tx, c=client_id: _retire(core, tx, c, idle, now))  # type: ignore[misc]
    return {"unused": unused, "idle": retired}


def _forget(core: Core, tx: Unit, origin: Origin, before: int) -> list[str]:
    # In turn with decisions about hosts, which hold many clients as well.
    core.rows.registrations.take_turn(tx)
    return core.rows.registrations.forget_unused(tx, origin, before, BATCH)


def _retire(core: Core, tx: Unit, client_id: str, idle: int, now: int) -> bool:
    if not core.rows.registrations.retire(tx, client_id, idle, now):
        return False
    core.rows.audit.record(
        tx,
        AuditRecord(
            tag=AuditTag.CLIENT_CHANGED, outcome=Outcome.DONE, reason="idle", at=now,
            client_id=client_id,
        ),
    )  # fmt: skip
    return True


async def run_client_upkeep(core: Core, interval: float, stop: asyncio.Event) -> None:
    """Forget idle clients every `interval` seconds until `stop`."""
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), interval)
        if stop.is_set():
            return
        try:
            gone = await forget_idle_clients(core)
        except UnavailableError as error:
            log.warning("idle clients wait: %s", error)
        except Exception:
            # Ending would let them pile up in silence for as long as the server runs.
            log.exception("forgetting idle clients failed")
        else:
            if any(gone.values()):
                log.info("forgot clients %s", gone)
