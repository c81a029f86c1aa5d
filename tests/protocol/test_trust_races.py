"""A token that is on its way while its issuer is trusted no more, or a person is unlinked."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from server.domain.issuers import TrustedIssuer
from server.domain.unit import Unit
from server.services.trusted_issuers import remove_issuer, unlink_identity
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import PostgresDatabases
from tests.support.enterprise_house import House, set_house
from tests.support.idp import IDP, SUBJECT
from tests.support.world import World, world


def overtaken(w: World, change: Callable[[], Awaitable[Any]]) -> None:
    """Let `change` be made after the next request has decided and before it stores anything."""
    store, write = w.core.store, w.core.store.write
    waiting = [change]

    async def late(work: Callable[[Unit], Any]) -> Any:
        if waiting:
            await waiting.pop()()
        return await write(work)

    store.write = late  # type: ignore[method-assign]


@requirement("enterprise:issuer-removed")
@pytest.mark.parametrize("known", [False, True])
async def test_an_issuer_that_is_removed_meanwhile_gives_nothing(w: World, known: bool):
    house: House = await set_house(w)
    if known:
        await house.token()
    overtaken(w, lambda: remove_issuer(w.core, IDP, by="test"))
    answer = await house.ask(house.idp.jag(house.assistant))
    assert answer.json()["reason"] == "assertion_refused"


async def test_a_person_who_is_unlinked_meanwhile_gets_nothing(w: World):
    house: House = await set_house(w)
    overtaken(w, lambda: unlink_identity(w.core, IDP, SUBJECT, by="test"))
    answer = await house.ask(house.idp.jag(house.assistant))
    assert answer.json()["reason"] == "subject_unknown"
    core = w.core
    standing = await core.store.read(lambda tx: core.rows.delegations.of_origin(tx, IDP))
    assert standing == []


@pytest.mark.postgres
@requirement("enterprise:issuer-removed")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda w: remove_issuer(w.core, IDP, by="test"), "assertion_refused"),
        (lambda w: unlink_identity(w.core, IDP, SUBJECT, by="test"), "subject_unknown"),
    ],
)
async def test_nor_does_what_ends_while_the_unit_runs(
    postgres_databases: PostgresDatabases,
    clock: FrozenClock,
    change: Callable[[World], Coroutine[Any, Any, Any]],
    reason: str,
):
    # SQLite has one writer at a time, so this can happen on PostgreSQL only.
    async with world(postgres_databases, clock) as w:
        house, loop = await set_house(w), asyncio.get_running_loop()
        issuers, waiting = w.core.rows.issuers, [change]
        kept = issuers.kept

        def late(tx: Unit, issuer_id: str) -> TrustedIssuer | None:
            # The guard has found nothing changed; another transaction commits before we go on.
            if waiting:
                made = asyncio.run_coroutine_threadsafe(waiting.pop()(w), loop)
                made.result(timeout=30)
            return kept(tx, issuer_id)

        issuers.kept = late  # type: ignore[method-assign]
        answer = await house.ask(house.idp.jag(house.assistant))
        assert answer.json().get("reason") == reason
        rows = w.core.rows.delegations
        assert await w.core.store.read(lambda tx: rows.of_origin(tx, IDP)) == []
    postgres_databases.drop_all()
