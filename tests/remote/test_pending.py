"""Nothing that was taken away still counts, whatever OpenFGA has been told of it so far.

The rule is in docs/decisions/0014-remote-openfga.md. Each test shows first that OpenFGA itself
would still say yes.
"""

from collections.abc import Awaitable, Callable, Sequence

import pytest

from authz.engine.query import Query
from authz.errors import CheckError
from authz.model.compiled import Model
from authz.relations import RelationTuple
from tests.requirements import requirement
from tests.support.remote import shipper_of
from tests.support.world import World

pytestmark = pytest.mark.openfga

MODEL = """
model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type document
  relations
    define owner: [user]
    define reader: [user with until] or owner
    define viewer: ([user, group#member] or owner) but not blocked
    define blocked: [user]

condition until(now: timestamp, end: timestamp) {
  now < end
}
"""
ANNE, PLAN = "user:anne", "document:plan"
VIEWER = Query(ANNE, "viewer", PLAN)
OWNS, BLOCKED = (ANNE, "owner", PLAN), (ANNE, "blocked", PLAN)
OTHER = ("user:bob", "owner", "document:other")


@pytest.fixture
async def there(behind: World) -> World:
    """Have Anne own the plan, also at OpenFGA."""
    model = Model.from_dsl(MODEL)
    await behind.core.store.write(lambda tx: behind.core.relations.put_model(tx, model))
    await behind.relate(OWNS)
    await shipper_of(behind).ship()
    assert await holds(behind)
    return behind


async def holds(w: World, query: Query = VIEWER) -> bool:
    [answer] = await w.core.graph.check_many([query])
    return answer is True


async def holds_there(w: World, query: Query = VIEWER) -> bool:
    """Ask OpenFGA itself."""
    shipper = shipper_of(w)
    standing = await shipper.database.read(shipper.applied.standing)
    [answer] = await shipper.remote.check_many(standing.remote_model, [query])
    return answer is True


def while_asking(
    w: World, monkeypatch: pytest.MonkeyPatch, then: Callable[[], Awaitable[object]]
) -> None:
    """Let something happen after OpenFGA has answered, before its answer is used."""
    asked = shipper_of(w).remote.check_many

    async def check_many(model: str, queries: Sequence[Query]) -> list[bool | CheckError]:
        answers = await asked(model, queries)
        monkeypatch.undo()
        await then()
        return answers

    monkeypatch.setattr(shipper_of(w).remote, "check_many", check_many)


async def test_an_addition_denies_until_it_is_applied(there: World) -> None:
    await there.relate(OTHER)
    other = Query(OTHER[0], "viewer", OTHER[2])
    assert not await holds(there, other)
    assert await shipper_of(there).ship() == 1
    assert await holds(there, other)


@requirement("mandate:remote:deletion-at-once")
async def test_a_deletion_denies_at_once_and_stays_so(there: World) -> None:
    await there.unrelate(OWNS)
    assert await holds_there(there)
    assert not await holds(there)
    listing = await there.core.graph.list_objects(ANNE, "viewer", "document")
    assert listing.objects == ()
    await shipper_of(there).ship()
    assert not await holds_there(there)
    assert not await holds(there)


@requirement("mandate:remote:deletion-at-once")
async def test_an_addition_that_takes_away_denies_at_once(there: World) -> None:
    await there.relate(BLOCKED)
    assert await holds_there(there)
    assert not await holds(there)


@requirement("mandate:remote:deletion-at-once")
async def test_a_changed_condition_counts_at_once(there: World) -> None:
    def until(end: str) -> RelationTuple:
        return RelationTuple("user:eve", "reader", PLAN, "until", {"end": end})

    write = there.core.relations.write
    long, short = until("2026-02-01T00:00:00Z"), until("2026-01-01T00:00:00Z")
    query = Query("user:eve", "reader", PLAN, {"now": "2026-01-15T00:00:00Z"})
    await there.core.store.write(lambda tx: write(tx, [long]))
    await shipper_of(there).ship()
    assert await holds(there, query)
    # In two writes, since one write names a tuple once.
    await there.core.store.write(lambda tx: write(tx, [], [long]))
    await there.core.store.write(lambda tx: write(tx, [short]))
    assert await holds_there(there, query)
    assert not await holds(there, query)
    await shipper_of(there).ship()
    assert not await holds_there(there, query)


async def test_what_waits_elsewhere_takes_nothing_from_others(there: World) -> None:
    await there.relate(OTHER)
    assert await holds(there)
    await there.unrelate(OTHER)
    assert await holds(there)


@requirement("mandate:remote:deletion-at-once")
async def test_a_deletion_between_the_answer_and_its_use_denies(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_asking(there, monkeypatch, lambda: there.unrelate(OWNS))
    assert not await holds(there)


@requirement("mandate:remote:deletion-at-once")
async def test_a_deletion_that_was_applied_behind_the_answer_denies(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Acknowledged before the question, applied after the answer: nothing waits when it is used."""
    await there.unrelate(OWNS)
    while_asking(there, monkeypatch, shipper_of(there).ship)
    assert not await holds(there)
    standing = await there.core.store.read(shipper_of(there).applied.standing)
    assert standing.current


@requirement("mandate:remote:deletion-at-once")
async def test_a_model_that_waits_counts_at_once(there: World) -> None:
    tighter = Model.from_dsl(MODEL.replace("([user, group#member] or owner)", "[user]"))
    await there.core.store.write(lambda tx: there.core.relations.put_model(tx, tighter))
    assert await holds_there(there)
    assert not await holds(there)
    await shipper_of(there).ship()
    assert not await holds_there(there)
    # Asked by its id: a newer model, written there by somebody else, changes nothing.
    shipper = shipper_of(there)
    await shipper.remote.add_model(Model.from_dsl(MODEL).to_json())
    assert not await holds(there)


async def test_a_question_that_is_none_spoils_no_other(there: World) -> None:
    odd = [
        Query("anne", "viewer", PLAN),
        Query(ANNE, "vi ewer", PLAN),
        Query(ANNE, "viewer", "plan"),
    ]
    unknown = [Query(ANNE, "no_such", PLAN), Query("ghost:1", "viewer", PLAN)]
    answers = await there.core.graph.check_many([*odd, VIEWER, *unknown])
    assert answers[3] is True
    assert all(isinstance(a, CheckError) for a in (*answers[:3], *answers[4:])), answers


async def test_many_questions_keep_their_order(there: World) -> None:
    many = [Query(f"user:u{number}", "viewer", PLAN) for number in range(130)]
    many[77] = VIEWER
    assert await there.core.graph.check_many(many) == [number == 77 for number in range(130)]
    with pytest.raises(CheckError):
        await there.core.graph.check_many(many * 4)
