"""Changes reach OpenFGA in their order and once: two workers, lost answers, killed processes."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from authz.engine.query import Query
from authz.model.compiled import Model
from authz.model.subject import TupleKey
from authz.openfga.compare import compare
from authz.openfga.failure import Fault, RemoteFailure
from authz.openfga.shipper import LEASE_MS
from authz.relations import RelationTuple
from authz.stores.protocol import NewTuple
from tests.remote.test_pending import MODEL
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import SqliteDatabases
from tests.support.processes import ServerProcess, environment
from tests.support.remote import new_store, pushed, remote_world, shipper_of
from tests.support.world import World, prepared

pytestmark = pytest.mark.openfga

HERE = Path(__file__).parents[2]


@pytest.fixture
async def there(behind: World) -> World:
    model = Model.from_dsl(MODEL)
    await behind.core.store.write(lambda tx: behind.core.relations.put_model(tx, model))
    return behind


async def write(w: World, writes: Sequence[RelationTuple], deletes: Sequence[RelationTuple] = ()):
    await w.core.store.write(lambda tx: w.core.relations.write(tx, writes, deletes))


async def equal(w: World) -> bool:
    """Whether OpenFGA has exactly our tuples, read from both sides whole."""

    async def nothing(_: int) -> None:
        return

    shipper = shipper_of(w)
    found = await compare(shipper.database, shipper.applied.store, shipper.remote, nothing)
    return found.equal


def owner(number: int) -> RelationTuple:
    return RelationTuple(f"user:u{number}", "owner", "document:plan")


@requirement("mandate:remote:in-order")
async def test_changes_of_one_tuple_end_as_they_ended_here(there: World) -> None:
    for turn in range(5):
        await write(there, [owner(1)], [owner(2)] if turn else [])
        await write(there, [owner(2)], [owner(1)])
    with_end = [
        RelationTuple("user:eve", "reader", "document:plan", "until", {"end": end})
        for end in ("2026-02-01T00:00:00Z", "2027-02-01T00:00:00Z")
    ]
    await write(there, [with_end[0]])
    await write(there, [], [with_end[0]])
    await write(there, [with_end[1]])
    # More than one request holds, in one revision.
    for start in range(0, 250, 100):
        many = [RelationTuple(f"user:m{start + n}", "member", "group:g") for n in range(100)]
        await write(there, many)
    await there.core.store.write(lambda tx: there.core.relations.delete_object(tx, "group:g"))
    await write(there, [owner(3)])
    await shipper_of(there).ship()
    assert await equal(there)
    assert (await there.core.store.read(shipper_of(there).applied.standing)).current
    assert await shipper_of(there).ship() == 0


@requirement("mandate:remote:one-ships")
async def test_of_two_workers_one_ships(
    sqlite_databases: SqliteDatabases, clock: FrozenClock, openfga: ServerProcess
) -> None:
    url, store = sqlite_databases.copy_of("prepared", prepared), new_store(openfga.url)
    async with (
        remote_world(url, clock, openfga.url, store) as one,
        remote_world(url, clock, openfga.url, store) as two,
    ):
        await pushed(one)
        model = Model.from_dsl(MODEL)
        await one.core.store.write(lambda tx: one.core.relations.put_model(tx, model))
        for number in range(30):
            await write(one, [owner(number)], [owner(number - 1)] if number else [])
        done = await asyncio.gather(shipper_of(one).ship(), shipper_of(two).ship())
        assert sorted(done) == [0, 59]
        assert await equal(two)
        # One that died with the lease holds the other up only until it ends.
        assert await shipper_of(one).take()
        await write(one, [owner(99)])
        assert await shipper_of(two).ship() == 0
        clock.advance(ms=LEASE_MS)
        assert await shipper_of(two).ship() == 1
        # The one that was away finds that it is no longer its turn.
        await shipper_of(one).drop()
        assert await equal(one)


@requirement("mandate:remote:in-order")
async def test_a_lost_answer_is_asked_for_again(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipper = shipper_of(there)
    applied = shipper.remote.write

    async def answer_lost(
        model: str, writes: Sequence[NewTuple], deletes: Sequence[TupleKey]
    ) -> None:
        await applied(model, writes, deletes)
        raise RemoteFailure(Fault.TIMEOUT)

    await write(there, [owner(1), owner(2)])
    await write(there, [], [owner(1)])
    for _ in range(3):
        monkeypatch.setattr(shipper.remote, "write", answer_lost)
        with pytest.raises(RemoteFailure):
            await shipper.ship()
        monkeypatch.undo()
    assert not (await shipper.database.read(shipper.applied.standing)).current
    assert await shipper.ship() == 3
    assert await equal(there)


@requirement("mandate:remote:deletion-at-once")
async def test_a_write_that_lands_after_all_does_not_bring_back_a_right(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipper = shipper_of(there)
    await shipper.ship()
    sent: list[tuple[Any, ...]] = []

    async def on_its_way(*arguments: Any) -> None:
        sent.append(arguments)
        raise RemoteFailure(Fault.TIMEOUT)

    asked = [Query(owner(1).user, "owner", "document:plan")]
    await write(there, [owner(1)])
    monkeypatch.setattr(shipper.remote, "write", on_its_way)
    with pytest.raises(RemoteFailure):
        await shipper.ship()
    monkeypatch.undo()
    await shipper.ship()
    assert await there.core.graph.check_many(asked) == [True]
    await write(there, [], [owner(1)])
    await shipper.ship()
    await shipper.remote.write(*sent[0])
    assert await there.core.graph.check_many(asked) == [False]
    # A push that finds both equal ends the doubt.
    model, writes, _ = sent[0]
    await shipper.remote.write(model, (), [new.key for new in writes])
    await pushed(there)
    assert (await shipper.database.read(shipper.applied.standing)).current


async def test_a_tuple_that_is_there_with_another_condition_is_replaced(there: World) -> None:
    shipper = shipper_of(there)
    await shipper.ship()
    model = (await shipper.database.read(shipper.applied.standing)).remote_model
    key = TupleKey("document", "plan", "reader", "user", "eve", "")
    foreign = NewTuple(key, "until", '{"end":"2099-01-01T00:00:00Z"}')
    await shipper.remote.write(model, (foreign,), ())
    ours = RelationTuple(
        "user:eve", "reader", "document:plan", "until", {"end": "2026-02-01T00:00:00Z"}
    )
    await write(there, [ours, owner(1)])
    await shipper.ship()
    assert await equal(there)


@requirement("mandate:remote:in-order", "mandate:remote:deletion-at-once")
async def test_an_addition_that_openfga_refuses_holds_up_nobody_and_still_counts(
    there: World,
) -> None:
    """OpenFGA takes a condition with a name of one letter in a model, and refuses it in a tuple."""
    text = MODEL.replace("until", "u").replace("blocked: [user]", "blocked: [user with u, user]")
    model, shipper = Model.from_dsl(text), shipper_of(there)
    await there.core.store.write(lambda tx: there.core.relations.put_model(tx, model))
    when = {"end": "2027-01-01T00:00:00Z"}
    refused = RelationTuple("user:u1", "blocked", "document:plan", "u", when)
    await write(there, [owner(1), owner(2)])
    await shipper.ship()
    viewer = Query("user:u1", "viewer", "document:plan", {"now": "2026-01-15T00:00:00Z"})
    assert await there.core.graph.check_many([viewer]) == [True]
    await write(there, [refused, owner(3)])
    await write(there, [owner(4)], [owner(2)])
    assert await shipper.ship() == 4
    assert await shipper.ship() == 0
    # All others went through; what OpenFGA does not know takes the right away nevertheless.
    asked = [viewer, *(Query(owner(n).user, "owner", "document:plan") for n in (2, 3, 4))]
    assert await there.core.graph.check_many(asked) == [False, False, True, True]
    assert not await equal(there)
    with pytest.raises(RemoteFailure):
        await pushed(there)
    await write(there, [], [refused])
    await pushed(there)
    assert (await shipper.database.read(shipper.applied.standing)).current


@requirement("mandate:remote:in-order")
@pytest.mark.parametrize("code", ["", "Aborted"])
async def test_a_refusal_that_is_not_about_the_tuple_leaves_nothing_out(
    there: World, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    shipper = shipper_of(there)

    async def refuses(_: str, writes: Sequence[NewTuple], __: Sequence[TupleKey]) -> None:
        if writes:
            raise RemoteFailure(Fault.REFUSED, code)

    await write(there, [owner(1)])
    await shipper.ship()
    await write(there, [owner(2)])
    monkeypatch.setattr(shipper.remote, "write", refuses)
    with pytest.raises(RemoteFailure):
        await shipper.ship()
    monkeypatch.undo()
    assert await shipper.ship() == 1
    assert await equal(there)
    assert (await shipper.database.read(shipper.applied.standing)).current


async def test_a_push_that_was_stopped_is_believed_by_nobody_and_goes_on(
    sqlite_databases: SqliteDatabases, clock: FrozenClock, openfga: ServerProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    url, store = sqlite_databases.copy_of("prepared", prepared), new_store(openfga.url)
    async with remote_world(url, clock, openfga.url, store) as w:
        await w.resource()
        for start in range(0, 250, 50):
            many = [("user:anne", "owner", f"folder:f{start + n}") for n in range(50)]
            await w.relate(*many)
        remote, turns = shipper_of(w).remote, iter([None, None])
        applied = remote.write

        async def stops(*arguments: Any) -> None:
            try:
                next(turns)
            except StopIteration:
                raise RemoteFailure(Fault.UNREACHABLE) from None
            await applied(*arguments)

        monkeypatch.setattr(remote, "write", stops)
        with pytest.raises(RemoteFailure):
            await pushed(w)
        monkeypatch.undo()
        with pytest.raises(RemoteFailure) as refused:
            await w.core.graph.check_many([Query("user:anne", "viewer", "folder:f1")])
        assert refused.value.fault is Fault.NOT_PUSHED
        done = await pushed(w)
        assert (done.tuples, done.written) == (250, 50)
        assert await equal(w)


_KILLED = """
import asyncio, os, signal, sys
from tests.support.clock import FrozenClock
from tests.support.remote import remote_world, shipper_of

async def main(url, openfga, store, now):
    async with remote_world(url, FrozenClock(int(now)), openfga, store) as w:
        remote = shipper_of(w).remote
        apply = remote.write
        async def write(*arguments):
            await apply(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)
        remote.write = write
        await shipper_of(w).ship()

asyncio.run(main(*sys.argv[1:]))
"""


def _ship_and_die(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", _KILLED, *arguments]
    return subprocess.run(
        command, cwd=HERE, env=environment({}), capture_output=True, timeout=60, check=False
    )


@requirement("mandate:remote:in-order")
async def test_a_shipper_killed_between_applying_and_noting_it_loses_and_doubles_nothing(
    sqlite_databases: SqliteDatabases, clock: FrozenClock, openfga: ServerProcess
) -> None:
    url, store = sqlite_databases.copy_of("prepared", prepared), new_store(openfga.url)
    async with remote_world(url, clock, openfga.url, store) as w:
        await pushed(w)
        await w.resource()  # a server puts the model of its resources in force when it starts
        one, two = (RelationTuple(f"user:u{n}", "owner", "folder:plan") for n in (1, 2))
        await write(w, [one])
        await write(w, [two], [one])
        for _ in range(3):
            died = await asyncio.to_thread(_ship_and_die, url, openfga.url, store, str(clock.now()))
            assert died.returncode == -9, died.stderr.decode()
            clock.advance(ms=LEASE_MS)
        assert not await equal(w)
        await shipper_of(w).ship()
        assert await equal(w)
