"""What every store promises, on SQLite and on PostgreSQL (DESIGN 3.5, 3.6)."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import bindparam, delete, func, insert, select, update

from authz.tx import Tx
from server.domain.unit import ConflictError, StaleSnapshotError, UnavailableError, Unit
from server.storage.store import OpenStore
from server.storage.tables.people import one_time_link as link
from server.storage.unit import changes_since
from tests.storage.conftest import OpenAnother
from tests.support.schema import run_sql

ADD = insert(link)
COUNT = select(func.count()).select_from(link)
USED = select(link.c.used_at).where(link.c.hash == bindparam("hash"))
CONSUME = (
    update(link)
    .where(link.c.hash == bindparam("key"), link.c.used_at.is_(None))
    .values(used_at=bindparam("now"))
)
DELETE = delete(link).where(link.c.hash == bindparam("key"))


def row(name: str, email: str = "e") -> dict[str, object]:
    return {"hash": name, "purpose": "test", "email": email, "expires_at": 1, "used_at": None}


def adding(name: str, email: str = "e") -> Callable[[Unit], int]:
    return lambda tx: tx.execute(ADD, row(name, email))


def nothing(tx: Unit) -> None:
    """Take the writer and change nothing."""


def count(tx: Tx) -> int:
    return int(tx.fetch(COUNT)[0][0])


async def test_an_acknowledged_unit_is_seen_by_every_store(
    store: OpenStore, another: OpenAnother
) -> None:
    assert await store.write(adding("a")) == 1
    assert await store.read(count) == 1
    assert await another().read(count) == 1


async def test_a_unit_that_raises_is_undone_while_its_batch_neighbours_commit(
    store: OpenStore,
) -> None:
    def broken(tx: Unit) -> None:
        tx.execute(ADD, row("broken"))
        tx.changed("client", "broken")
        raise LookupError("of the unit")

    done = await asyncio.gather(
        *(store.write(broken if n % 3 == 1 else adding(f"n{n}")) for n in range(30)),
        return_exceptions=True,
    )

    assert [isinstance(result, LookupError) for result in done] == [n % 3 == 1 for n in range(30)]
    assert await store.read(count) == 20
    assert await store.revision() == 0


async def test_a_taken_key_fails_its_own_unit_alone_and_in_the_same_words_everywhere(
    store: OpenStore,
) -> None:
    def twice(tx: Unit) -> None:
        tx.execute(ADD, row("before"))
        tx.execute(ADD, row("taken"))

    await store.write(adding("taken"))
    done = await asyncio.gather(
        store.write(adding("left")),
        store.write(twice),
        store.write(adding("right")),
        return_exceptions=True,
    )

    assert done[0] == done[2] == 1
    assert isinstance(done[1], ConflictError)
    assert await store.read(count) == 3


async def test_a_value_that_the_database_refuses_fails_its_own_unit_alone(
    store: OpenStore,
) -> None:
    def unusable(tx: Unit) -> None:
        tx.execute(ADD, {**row("x"), "expires_at": 2**80})

    done = await asyncio.gather(
        store.write(adding("left")),
        store.write(unusable),
        store.write(adding("right")),
        return_exceptions=True,
    )

    assert done[0] == done[2] == 1
    assert isinstance(done[1], Exception)
    assert not isinstance(done[1], UnavailableError)
    assert await store.read(count) == 2


async def test_a_statement_with_a_missing_value_is_a_bug_and_not_an_outage(
    store: OpenStore,
) -> None:
    def incomplete(tx: Unit) -> None:
        tx.execute(CONSUME, {"key": "x"})

    with pytest.raises(Exception) as caught:  # noqa: PT011 - each driver has its own words
        await store.write(incomplete)
    assert not isinstance(caught.value, UnavailableError)
    assert await store.write(adding("a")) == 1


async def test_a_unit_that_raises_stop_iteration_does_not_leave_its_neighbours_waiting(
    store: OpenStore,
) -> None:
    def stops(tx: Unit) -> None:
        next(iter(()))

    done = await asyncio.gather(
        store.write(adding("a")),
        store.write(stops),
        store.write(adding("b")),
        return_exceptions=True,
    )
    assert done[0] == done[2] == 1
    assert isinstance(done[1], Exception)


@pytest.mark.parametrize("workers", [1, 2])
async def test_of_200_concurrent_consumers_of_one_row_exactly_one_wins(
    store: OpenStore, another: OpenAnother, workers: int
) -> None:
    stores = [store, another()][:workers]
    await store.write(adding("once"))

    def consume(number: int) -> Callable[[Unit], bool]:
        return lambda tx: tx.execute(CONSUME, {"key": "once", "now": number}) == 1

    won = await asyncio.gather(*(stores[n % workers].write(consume(n)) for n in range(200)))

    assert won.count(True) == 1
    assert await store.read(lambda tx: tx.fetch(USED, {"hash": "once"})) == [(won.index(True),)]


async def test_a_read_sees_one_snapshot_though_another_worker_writes_meanwhile(
    store: OpenStore, another: OpenAnother
) -> None:
    writer = another()
    loop = asyncio.new_event_loop()  # the read may run on this thread and loop: write on another

    def read_twice(tx: Tx) -> tuple[int, int]:
        first = count(tx)
        written = asyncio.run_coroutine_threadsafe(writer.write(adding("between")), loop)
        written.result(timeout=10)
        return first, count(tx)

    running = asyncio.get_running_loop().run_in_executor(None, loop.run_forever)
    try:
        assert await store.read(read_twice) == (0, 0)
        assert await store.read(count) == 1
    finally:
        loop.call_soon_threadsafe(loop.stop)
        await running
        loop.close()


async def test_a_read_cannot_write(store: OpenStore) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - each driver has its own words
        await store.read(lambda tx: tx.execute(ADD, row("no")))
    assert await store.read(count) == 0


async def test_changes_are_numbered_without_gaps_across_two_stores(
    store: OpenStore, another: OpenAnother
) -> None:
    stores = [store, another()]

    def change(number: int) -> Callable[[Unit], None]:
        def work(tx: Unit) -> None:
            tx.changed("client", f"c{number}")
            tx.changed("agent", f"a{number}")
            tx.changed("client", f"c{number}")

        return work

    await asyncio.gather(*(stores[n % 2].write(change(n)) for n in range(40)))

    head, changes = await store.read(lambda tx: changes_since(tx, 0, 1000))
    assert head == await stores[1].revision() == 80
    assert sorted(changes) == sorted(
        [("client", f"c{n}") for n in range(40)] + [("agent", f"a{n}") for n in range(40)]
    )


async def test_a_change_is_seen_by_the_other_worker_once_it_is_acknowledged(
    store: OpenStore, another: OpenAnother
) -> None:
    other = another()
    for number in range(1, 21):
        await store.write(lambda tx: tx.changed("token", "t"))
        assert await other.revision() == number


async def test_a_revision_asked_for_after_an_acknowledgement_includes_it_under_load(
    store: OpenStore, another: OpenAnother
) -> None:
    other = another()
    asking = True

    async def ask() -> None:
        while asking:
            await other.revision()
            await asyncio.sleep(0)  # on SQLite a read never waits

    load = [asyncio.ensure_future(ask()) for _ in range(8)]
    for _ in range(50):
        before = await store.write(_bump)
        assert await other.revision() >= before
    asking = False
    await asyncio.gather(*load)


def _bump(tx: Unit) -> int:
    tx.changed("token", "t")
    return int(changes_since(tx, 0, 1)[0]) + 1


async def test_guard_passes_while_nothing_that_counts_has_changed(store: OpenStore) -> None:
    await store.write(lambda tx: tx.changed("client", "other"))
    await store.write(lambda tx: tx.guard(0, frozenset({("client", "mine")})))
    await store.write(lambda tx: tx.guard(1, frozenset({("client", "other")})))


async def test_guard_refuses_after_a_change_of_what_was_decided_on(store: OpenStore) -> None:
    def work(tx: Unit) -> None:
        tx.guard(0, frozenset({("client", "mine"), ("agent", "a")}))
        tx.execute(ADD, row("never"))

    await store.write(lambda tx: tx.changed("agent", "a"))
    with pytest.raises(StaleSnapshotError):
        await store.write(work)
    assert await store.read(count) == 0


async def test_guard_refuses_when_changes_were_purged_that_it_cannot_know(
    store: OpenStore, url: str
) -> None:
    for name in "abc":
        await store.write(lambda tx, name=name: tx.changed("agent", name))  # type: ignore[misc]
    run_sql(url, "DELETE FROM security_change WHERE seq = 1")

    with pytest.raises(StaleSnapshotError):
        await store.write(lambda tx: tx.guard(0, frozenset({("client", "mine")})))
    await store.write(lambda tx: tx.guard(1, frozenset({("client", "mine")})))


async def test_guard_refuses_a_revision_that_the_database_never_reached(store: OpenStore) -> None:
    with pytest.raises(StaleSnapshotError):
        await store.write(lambda tx: tx.guard(7, frozenset()))


async def test_a_caller_that_hangs_up_neither_undoes_its_unit_nor_shortens_the_queue(
    store: OpenStore,
) -> None:
    callers = [asyncio.ensure_future(store.write(adding(f"n{n}"))) for n in range(20)]
    await asyncio.sleep(0)
    assert store.waiting == 20
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)

    await store.write(adding("last"))
    await store.write(nothing)
    assert await store.read(count) >= 1
    for _ in range(1000):
        if store.waiting == 0:
            break
        await store.write(nothing)
    assert await store.read(count) == 21


async def test_a_closed_store_refuses_and_does_not_hang(another: OpenAnother) -> None:
    store = another()
    queued = asyncio.ensure_future(store.write(adding("before")))
    await asyncio.sleep(0)
    await store.close()
    assert await queued == 1
    with pytest.raises(UnavailableError):
        await store.write(adding("after"))
    with pytest.raises(UnavailableError):
        await store.read(count)
    with pytest.raises(UnavailableError):
        await store.revision()
