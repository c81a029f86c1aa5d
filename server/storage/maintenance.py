"""Forgetting what has served its time, in small units, so that nobody waits for a purge.

Kept on purpose: delegations and the audit trail (history), sessions (delegations refer to them),
and used codes and refresh generations as long as a replay of them must be recognised.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, Table, and_, bindparam, delete, exists, select, tuple_
from sqlalchemy.sql.elements import BindParameter, ColumnElement
from sqlalchemy.sql.expression import Delete

from authz.clock import Clock
from server.domain.unit import Store, UnavailableError, Unit
from server.storage.tables.approval import approval
from server.storage.tables.changes import security_change
from server.storage.tables.flow import authorization_code, interaction, pushed_request
from server.storage.tables.people import one_time_link, sign_in_failure
from server.storage.tables.token import assertion, refresh_family, refresh_token, token, used_proof
from server.storage.unit import HEAD

BATCH: Final = 500
BATCHES: Final = 1000
"""Units of one table in one run: at most 500000 rows, the rest waits for the next run."""
KEPT_CHANGES: Final = 100_000
"""Newest security changes that stay. A worker that is further behind forgets all it cached."""
RETENTION_MS: Final = 24 * 3600 * 1000
"""How long rows stay after their end: to tell expired from unknown, and to recognise replays."""
MARGIN_MS: Final = 10 * 60 * 1000
"""For what no clock may still take as good; clocks of workers differ a little."""

log = logging.getLogger("mandate.maintenance")


def _oldest(table: Table, key: tuple[Column[Any], ...], where: ColumnElement[bool]) -> Delete:
    """Delete some rows of `table` that fulfil `where`; both databases know no DELETE … LIMIT."""
    chosen = select(*key).where(where).limit(BATCH)
    of_row = key[0].in_(chosen) if len(key) == 1 else tuple_(*key).in_(chosen)
    return delete(table).where(of_row)


_BEFORE: BindParameter[int] = bindparam("before")
_family_ended = exists().where(
    and_(refresh_family.c.id == refresh_token.c.family_id, refresh_family.c.expires_at < _BEFORE)
)
_family_empty = ~exists().where(refresh_token.c.family_id == refresh_family.c.id)


@dataclass(frozen=True, slots=True)
class _Purge:
    name: str
    statement: Delete
    keep_ms: int


_PURGES: Final = (
    _Purge(
        "codes",
        _oldest(
            authorization_code,
            (authorization_code.c.hash,),
            authorization_code.c.expires_at < _BEFORE,
        ),
        RETENTION_MS,
    ),
    _Purge(
        "pushed_requests",
        _oldest(pushed_request, (pushed_request.c.hash,), pushed_request.c.expires_at < _BEFORE),
        MARGIN_MS,
    ),
    _Purge(
        "interactions",
        _oldest(interaction, (interaction.c.id,), interaction.c.expires_at < _BEFORE),
        RETENTION_MS,
    ),
    _Purge(
        "assertions",
        _oldest(
            assertion, (assertion.c.client_id, assertion.c.jti), assertion.c.expires_at < _BEFORE
        ),
        MARGIN_MS,
    ),
    _Purge(
        "proofs",
        _oldest(used_proof, (used_proof.c.name,), used_proof.c.expires_at < _BEFORE),
        MARGIN_MS,
    ),
    _Purge(
        "links",
        _oldest(one_time_link, (one_time_link.c.hash,), one_time_link.c.expires_at < _BEFORE),
        RETENTION_MS,
    ),
    _Purge(
        "failures",
        _oldest(sign_in_failure, (sign_in_failure.c.id,), sign_in_failure.c.at < _BEFORE),
        RETENTION_MS,
    ),
    _Purge(
        "approvals",
        _oldest(approval, (approval.c.id,), approval.c.expires_at < _BEFORE),
        RETENTION_MS,
    ),
    _Purge("tokens", _oldest(token, (token.c.jti,), token.c.expires_at < _BEFORE), RETENTION_MS),
    _Purge(
        "refresh_tokens",
        _oldest(refresh_token, (refresh_token.c.hash,), _family_ended),
        RETENTION_MS,
    ),
    _Purge(
        "refresh_families",
        _oldest(
            refresh_family,
            (refresh_family.c.id,),
            and_(refresh_family.c.expires_at < _BEFORE, _family_empty),
        ),
        RETENTION_MS,
    ),
)
_PURGE_CHANGES = delete(security_change).where(security_change.c.seq <= bindparam("upto"))
_OLDEST_CHANGE = select(security_change.c.seq).order_by(security_change.c.seq).limit(1)


async def purge(
    store: Store,
    now: int,
    *,
    kept_changes: int = KEPT_CHANGES,
    stop: asyncio.Event | None = None,
) -> dict[str, int]:
    """Remove what has ended, some batches of each kind; return how many rows of which.

    Raises `UnavailableError`; what was removed before stays removed.
    """
    gone: dict[str, int] = {}
    for what in _PURGES:
        gone[what.name] = await _batches(store, _deleting(what, now), stop)
    gone["changes"] = await _batches(store, _deleting_changes(kept_changes), stop)
    return {name: count for name, count in gone.items() if count}


async def _batches(store: Store, work: Callable[[Unit], int], stop: asyncio.Event | None) -> int:
    total = 0
    for _ in range(BATCHES):
        if stop is not None and stop.is_set():
            # The rest waits for the next run: whoever stops the server does not.
            break
        count = await store.write(work)
        total += count
        if count < BATCH:
            break
    return total


def _deleting(what: _Purge, now: int) -> Callable[[Unit], int]:
    return lambda tx: tx.execute(what.statement, {"before": now - what.keep_ms})


def _deleting_changes(kept: int) -> Callable[[Unit], int]:
    def work(tx: Unit) -> int:
        oldest = tx.fetch(_OLDEST_CHANGE)
        if not oldest:
            return 0
        upto = min(tx.fetch(HEAD)[0][0] - kept, oldest[0][0] + BATCH - 1)
        return tx.execute(_PURGE_CHANGES, {"upto": upto})

    return work


async def run_maintenance(store: Store, clock: Clock, interval: float, stop: asyncio.Event) -> None:
    """Purge every `interval` seconds until `stop`."""
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), interval)
        if stop.is_set():
            return
        try:
            gone = await purge(store, clock.now(), stop=stop)
        except UnavailableError as error:
            log.warning("purge waits: %s", error)
        except Exception:
            # Ending would let the tables grow in silence for as long as the server runs.
            log.exception("the purge failed")
        else:
            if gone:
                log.info("purged %s", gone)
