"""A token that is on its way while its issuer is trusted no more, or a person is unlinked."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from server.domain.unit import Unit
from server.services.trusted_issuers import remove_issuer, unlink_identity
from tests.requirements import requirement
from tests.support.enterprise_house import House, set_house
from tests.support.idp import IDP, SUBJECT
from tests.support.world import World


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
