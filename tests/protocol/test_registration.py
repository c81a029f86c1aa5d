"""What cannot be registered: names, types, scopes and URIs that belong to somebody else."""

from typing import Any

import pytest

from server.domain.registry import (
    Agent,
    Ceiling,
    Client,
    ClientAuth,
    GrantType,
    Resource,
    Scope,
)
from server.services.registration import RegistrationError, add_agent, add_client
from server.services.resources import add_resource
from tests.requirements import requirement
from tests.support.stage import Stage
from tests.support.world import ISSUER


def resource(**changes: Any) -> Resource:
    """Describe a resource that can be registered."""
    scope = Scope(name="mail:read", description="Read mail")
    return Resource(
        **{"id": "https://mail.example", "name": "Mail", "scopes": {scope.name: scope}, **changes}
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"types": frozenset({"document"})}, "belongs to"),
        ({"types": frozenset({"user"})}, "belongs to Mandate"),
        ({"types": frozenset({"consent"})}, "belongs to Mandate"),
        ({"types": frozenset({"mandate/tool"})}, "belongs to Mandate"),
        ({"model": "type mandate/group\n"}, "does not fit"),
        ({"model": "type mandate/team\n"}, "kept for Mandate"),
        ({"model": "condition mandate_x(a: int) {\n  a < 1\n}\n"}, "kept for Mandate"),
        ({"types": frozenset({"letter"})}, "must be in the model"),
        ({"model": "type document\n"}, "does not fit"),
        ({"model": "type letter\n relations\n  define x: nobody\n"}, "does not fit"),
        ({"scopes": {"docs:read": Scope(name="docs:read", description="x")}}, "belongs to"),
        ({"scopes": {"openid": Scope(name="openid", description="x")}}, "belong to the server"),
        ({"id": ISSUER}, "belongs to the server"),
        ({"id": f"{ISSUER}/agents/agt_x"}, "belongs to the server"),
        ({"id": "https://mail.example/#x"}, "without a fragment"),
        ({"id": "mail"}, "absolute URI"),
    ],
)
@requirement("x6:scope-of-one-resource", "rfc8707:2:absolute-uri")
async def test_a_resource_takes_nothing_that_is_anothers(
    stage: Stage, changes: dict[str, Any], words: str
) -> None:
    core = stage.world.core
    before = await core.store.read(core.rows.resources.all)
    with pytest.raises(RegistrationError, match=words):
        await add_resource(core, resource(**changes), by="test")
    assert await core.store.read(core.rows.resources.all) == before


async def test_the_control_can_be_registered_once(stage: Stage) -> None:
    await add_resource(stage.world.core, resource(), by="test")
    with pytest.raises(RegistrationError, match="exists already"):
        await add_resource(stage.world.core, resource(), by="test")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": "usr_ada"}, "must not look like"),
        ({"id": "agt_alpha"}, "must not look like"),
        ({"name": "a\u202eb"}, "printable"),
        ({"redirect_uris": ("http://app.example/cb",)}, "redirect"),
        ({"redirect_uris": ("https://app.example/cb#x",)}, "redirect"),
        ({"redirect_uris": ("javascript:alert(1)",)}, "redirect"),
        ({"redirect_uris": ("JaVaScRiPt:alert(1)",)}, "redirect"),
        ({"redirect_uris": ("https://user@app.example/cb",)}, "redirect"),
        ({"redirect_uris": ("https://app.example/..;/cb",)}, "redirect"),
        ({"redirect_uris": ("https://app.example/*",)}, "redirect"),
        ({"redirect_uris": ("https:///cb",)}, "redirect"),
        ({"auth": ClientAuth.NONE, "grant_types": frozenset(GrantType)}, "public client"),
        ({"auth": ClientAuth.PRIVATE_KEY_JWT}, "exactly one"),
        ({"agent_id": "agt_nobody"}, "no agent"),
        ({"resource_id": "https://nobody.example"}, "no resource"),
    ],
)
@requirement("x1:namespaces-apart")
async def test_a_client_takes_nothing_that_is_anothers(
    stage: Stage, changes: dict[str, Any], words: str
) -> None:
    base: dict[str, Any] = {"id": "", "name": "App", "auth": ClientAuth.BASIC}
    with pytest.raises(RegistrationError, match=words):
        await add_client(stage.world.core, Client(**{**base, **changes}), by="test")


@requirement("x7:never-for-agents")
async def test_an_agents_client_can_never_impersonate(stage: Stage) -> None:
    assert stage.a.agent is not None
    client = Client(
        id="", name="x", auth=ClientAuth.BASIC, agent_id=stage.a.agent.id, may_impersonate=True
    )
    with pytest.raises(RegistrationError, match="cannot impersonate"):
        await add_client(stage.world.core, client, by="test")


async def test_an_agent_needs_a_name_and_an_owner_that_exists(stage: Stage) -> None:
    core = stage.world.core
    for agent in (
        Agent(id="", name=" ", owner_id=None, ceiling=Ceiling()),
        Agent(id="", name="x", owner_id="usr_nobody", ceiling=Ceiling()),
    ):
        with pytest.raises(RegistrationError):
            await add_agent(core, agent, by="test")
