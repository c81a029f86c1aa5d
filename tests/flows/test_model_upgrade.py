"""How an installation gets this version's types: at the start, beside an old version as well."""

import asyncio
import re
from typing import Final

import pytest

from authz.errors import CheckError, ModelError
from authz.model.compose import compose
from authz.relations import Query, RelationTuple
from authz.stores.models import StoredModels
from authz.tx import Tx
from server.domain.registry import Resource
from server.domain.unit import Unit
from server.engine import STORE_ID
from server.services.registration import RegistrationError
from server.services.resources import add_resource
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.world import DOCS, World, prepared, world_at

OLD_CORE: Final = "model\n  schema 1.1\ntype user\ntype agent\ntype consent\n"
# What a customer of the version before may have: types called as ours might be.
OWN: Final = """module intranet
type group
  relations
    define member: [user, group#member]
type organization
  relations
    define member: [user]
type role
  relations
    define assignee: [user, agent, group#member]
type tool
  relations
    define caller: [role#assignee]
    define consented: [consent]
    define ceiling: [agent]
type page
  relations
    define viewer: [user, group#member, organization#member]
    define consented: [consent]
    define ceiling: [agent]
"""
INTRANET: Final = Resource(
    id="https://intranet.example/mcp",
    name="Intranet",
    types=frozenset({"page", "tool"}),
    model=OWN,
)
TUPLES: Final = [
    RelationTuple("user:anne", "member", "group:eng"),
    RelationTuple("agent:bot", "assignee", "role:ops"),
    RelationTuple("group:eng#member", "viewer", "page:1"),
    RelationTuple("role:ops#assignee", "caller", "tool:1"),
]
QUESTIONS: Final = [
    Query("user:anne", "viewer", "page:1"),
    Query("user:eve", "viewer", "page:1"),
    Query("agent:bot", "caller", "tool:1"),
    Query("consent:dlg_1.0", "consented", "page:1"),
]
ANSWERS: Final = [True, False, True, False]
GROUP: Final = "mandate/group:acme.eng"


async def old_version_starts(w: World) -> None:
    """Do to the database what a start of the version before does."""
    core = w.core

    def unit(tx: Unit) -> None:
        modules = [r.model for r in core.rows.resources.all(tx) if r.model]
        core.relations.put_model(tx, compose(OLD_CORE, *modules))

    await core.store.write(unit)


async def answers(w: World) -> list[bool | CheckError]:
    return await w.core.store.read(lambda tx: w.core.relations.check_many(tx, QUESTIONS))


async def types(w: World) -> set[str]:
    return set((await w.core.store.read(w.core.relations.model)).types)


def models(tx: Tx) -> int:
    """Count the models that were ever in force."""
    return len(StoredModels(STORE_ID).page(tx, 100))


async def installed(url: str, clock: FrozenClock) -> int:
    """Leave a database as the version before did, with a `group` of a module; count its models."""
    async with world_at(url, clock) as w:
        await add_resource(w.core, INTRANET, by="test")
        await old_version_starts(w)
        await w.core.store.write(lambda tx: w.core.relations.write(tx, TUPLES))
        assert "mandate/group" not in await types(w)
        assert await answers(w) == ANSWERS
        return await w.core.store.read(models)


@requirement("mandate:model:upgrade-keeps-modules")
async def test_modules_that_define_groups_of_their_own_keep_them(
    databases: Databases, clock: FrozenClock
) -> None:
    url = databases.copy_of("prepared", prepared)
    await installed(url, clock)
    async with world_at(url, clock) as w:
        assert {"group", "mandate/group", "tool", "mandate/tool"} <= await types(w)
        assert await answers(w) == ANSWERS
        # The two kinds of groups never meet, whatever their ids.
        await w.relate(("user:eve", "member", "mandate/group:eng"))
        assert await answers(w) == ANSWERS


async def test_two_workers_start_at_once_and_one_model_is_in_force(
    databases: Databases, clock: FrozenClock
) -> None:
    url = databases.copy_of("prepared", prepared)
    stored = await installed(url, clock)
    workers = [world_at(url, clock) for _ in range(2)]
    first, second = await asyncio.gather(*(worker.__aenter__() for worker in workers))
    try:
        assert await types(first) == await types(second) >= {"mandate/role", "role"}
        assert await answers(first) == await answers(second) == ANSWERS
        # Whoever came second found it in force.
        assert await second.core.store.read(models) == stored + 1
    finally:
        for worker in workers:
            await worker.__aexit__(None, None, None)


async def test_an_old_version_beside_a_new_one_only_takes_away(
    databases: Databases, clock: FrozenClock
) -> None:
    url = databases.copy_of("prepared", prepared)
    await installed(url, clock)
    member = Query("user:anne", "member", GROUP)
    async with world_at(url, clock) as w:
        await w.relate(("user:anne", "member", GROUP))

        async def asked() -> bool | CheckError:
            try:
                [verdict] = await w.core.store.read(
                    lambda tx: w.core.relations.check_many(tx, [member])
                )
            except CheckError as error:
                return error
            return verdict

        assert await asked() is True
        await old_version_starts(w)
        # Without its type the question is an error, which denies; the tuple stays.
        assert isinstance(await asked(), CheckError)
        assert await answers(w) == ANSWERS
        async with world_at(url, clock):
            assert await asked() is True


async def test_an_old_version_does_not_start_beside_a_module_that_names_our_groups(
    databases: Databases, clock: FrozenClock
) -> None:
    """It cannot compose the model, so the new one stays in force."""
    url = databases.copy_of("prepared", prepared)
    async with world_at(url, clock) as w:
        await w.resource(DOCS, "docs")
        with pytest.raises(ModelError, match="'mandate/group' is not a valid type"):
            await old_version_starts(w)
        assert "mandate/group" in await types(w)


async def test_a_module_that_takes_a_name_of_ours_is_told_which(
    databases: Databases, clock: FrozenClock
) -> None:
    async with world_at(databases.copy_of("prepared", prepared), clock) as w:
        for module, words in (
            ("type mandate/group\n", "the type 'mandate/group' is already defined in the core"),
            ("type mandate/team\n", "mandate/team: names that begin with mandate/"),
            ("extend type user\n  relations\n    define boss: [user]\n", "extended only in"),
        ):
            taken = Resource(id="https://x.example/mcp", name="X", model=f"module x\n{module}")
            with pytest.raises(RegistrationError, match=re.escape(words)):
                await add_resource(w.core, taken, by="test")
