"""Sealing: every row once, in order, without gaps, by one sealer at a time (DESIGN 3.12)."""

import asyncio
from dataclasses import dataclass

import pytest

from authz.jose import verify_jws
from server.domain.audit_trail import Head
from server.keys.signer import NoSigningKey, Signer
from server.signals.audit_seal import BATCH, LEASE_MS, run_sealer
from server.signals.audit_verify import trail_keys
from server.storage.store import open_store
from tests.signals.conftest import Trail
from tests.support.schema import read_sql, run_sql


async def test_rows_are_sealed_oldest_first_without_gaps(trail: Trail) -> None:
    ids = await trail.record(7)

    assert await trail.sealer().seal() == 7

    rows, heads = await trail.store.read(lambda tx: trail.rows.trail.page(tx, 0, 100))
    assert [row.id for row in rows] == ids
    assert [row.seal_seq for row in rows] == list(range(1, 8))
    assert len({row.seal for row in rows}) == 7
    assert [head.seal_seq for head in heads] == [7]


async def test_a_head_is_a_signed_statement_about_the_last_row(trail: Trail) -> None:
    await trail.sealed(3, 2)

    head = await trail.store.read(trail.rows.trail.newest_head)
    assert isinstance(head, Head)
    claims = verify_jws(
        head.signature,
        trail_keys(trail.keys)[0],
        typ="mandate-audit-head+jwt",
        algorithms=["ES256"],
    )
    last = read_sql(trail.url, "SELECT seal FROM audit WHERE seal_seq = 5")
    assert (claims["seal_seq"], claims["count"], claims["seal"]) == (5, 2, last[0][0])
    assert claims["at"] == trail.clock.now()


async def test_more_than_one_batch_is_sealed_in_one_go(trail: Trail) -> None:
    await trail.record(BATCH + 3)
    assert await trail.sealer().seal() == BATCH + 3
    report = await trail.check()
    assert (report.ok, report.sealed, report.unsealed) == (True, BATCH + 3, 0)


async def test_nothing_to_seal_writes_nothing(trail: Trail) -> None:
    assert await trail.sealer().seal() == 0
    assert read_sql(trail.url, "SELECT count(*) FROM audit_lease") == [(0,)]
    assert (await trail.check()).ok


async def test_an_edited_and_a_cut_trail_are_named_on_either_database(trail: Trail) -> None:
    await trail.sealed(4, 4)
    run_sql(trail.url, "DELETE FROM audit_personal")
    assert (await trail.check()).ok
    run_sql(trail.url, "DELETE FROM audit WHERE seal_seq > 6")
    assert (await trail.check()).first_bad_seq == 7
    run_sql(trail.url, "UPDATE audit SET user_id = 'usr_x' WHERE seal_seq = 3")
    assert (await trail.check()).first_bad_seq == 3


async def test_sealers_that_race_on_two_workers_make_one_chain(trail: Trail) -> None:
    other = open_store(trail.url)
    await trail.record(40)

    async def recording() -> None:
        for _ in range(20):
            await trail.record(2)

    async def sealing(store: object) -> int:
        sealer = trail.sealer(store)  # type: ignore[arg-type]
        return sum([await sealer.seal() for _ in range(40)])

    _, first, second = await asyncio.gather(recording(), sealing(trail.store), sealing(other))
    rest = await trail.sealer().seal()

    report = await trail.check()
    assert (report.ok, report.sealed, report.unsealed) == (True, 80, 0)
    assert first + second + rest == 80
    await other.close()


async def test_a_sealer_waits_for_the_lease_of_one_that_died(trail: Trail) -> None:
    await trail.record(2)
    dead = trail.entropy.id("sealer")
    now = trail.clock.now()
    await trail.store.write(lambda tx: trail.rows.trail.take_lease(tx, dead, now, now + LEASE_MS))

    assert await trail.sealer().seal() == 0
    trail.clock.advance(ms=LEASE_MS)
    assert await trail.sealer().seal() == 2


async def test_two_clocks_that_disagree_about_the_lease_still_make_one_chain(trail: Trail) -> None:
    from tests.support.clock import FrozenClock

    await trail.record(60)
    ahead = FrozenClock(trail.clock.now() + 10 * LEASE_MS)
    done = await asyncio.gather(
        *(trail.sealer(clock=clock).seal() for clock in (trail.clock, ahead) * 3)
    )
    assert sum(done) == 60
    report = await trail.check()
    assert (report.ok, report.sealed) == (True, 60)


async def test_without_a_signing_key_rows_stay_unsealed_and_are_counted(trail: Trail) -> None:
    await trail.record(3)
    trail.signer = Signer((), None)  # type: ignore[arg-type]
    with pytest.raises(NoSigningKey):
        await trail.sealer().seal()
    report = await trail.check()
    assert (report.ok, report.sealed, report.unsealed) == (True, 0, 3)


@dataclass(frozen=True)
class Policy:
    issuer: str = "https://mandate.example"


@dataclass(frozen=True)
class Parts:
    """What `run_sealer` takes of a `Core`."""

    store: object
    rows: object
    clock: object
    entropy: object
    policy: Policy = Policy()


async def test_the_running_sealer_seals_what_was_recorded_before_it_stops(trail: Trail) -> None:
    stop = asyncio.Event()
    core = Parts(trail.store, trail.rows, trail.clock, trail.entropy)
    running = asyncio.ensure_future(run_sealer(core, trail.signer, 3600, stop))  # type: ignore[arg-type]
    await trail.record(5)
    stop.set()
    await running
    assert (await trail.check()).sealed == 5


async def test_the_running_sealer_outlives_a_database_that_refuses(trail: Trail) -> None:
    stop = asyncio.Event()
    closed = open_store(trail.url)
    await closed.close()
    core = Parts(closed, trail.rows, trail.clock, trail.entropy)
    running = asyncio.ensure_future(run_sealer(core, trail.signer, 0, stop))  # type: ignore[arg-type]
    for _ in range(20):
        await asyncio.sleep(0)
    assert not running.done()
    stop.set()
    await running
