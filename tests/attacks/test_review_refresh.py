"""Attacks of the review with what an agent kept from before it was suspended."""

from dataclasses import replace

import pytest

from server.domain.people import Role
from server.domain.registry import Status
from server.services.agents import set_agent_status
from tests.protocol.test_token_exchange import refused
from tests.support.stage import Stage
from tests.support.world import DOCS


@pytest.mark.parametrize("offline", [False, True])
async def test_a_refresh_token_from_before_dies_with_the_others(
    stage: Stage, *, offline: bool
) -> None:
    w = stage.world
    admin = await w.user("root")
    await w.core.store.write(
        lambda tx: w.core.rows.users.update(tx, replace(admin, role=Role.ADMIN))
    )
    session = await w.session(stage.ada)
    grant = await w.delegation(stage.ada, stage.a, stage.grant.details)
    code = await w.code(
        stage.a, stage.ada, grant=grant, scope="docs:read", resources=(DOCS,), session=session,
        offline=offline,
    )  # fmt: skip
    unused = await w.code(
        stage.a, stage.ada, grant=grant, scope="docs:read", resources=(DOCS,), session=session
    )
    first = (await w.redeem(stage.a, code)).json()
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    assert (await w.post("/token", again, by=stage.a)).status_code == 200
    w.clock.advance(seconds=1)
    assert stage.a.agent is not None
    await set_agent_status(w.core, stage.a.agent.id, Status.SUSPENDED, admin=admin)
    await set_agent_status(w.core, stage.a.agent.id, Status.ACTIVE, admin=admin, kill_tokens=True)
    # "Keep the tokens dead that it got before now": whoever stole this one has nothing.
    refused(await w.post("/token", again, by=stage.a), "invalid_grant", "agent_not_before")
    refused(await w.redeem(stage.a, unused), "invalid_grant", "agent_not_before")
    # What the person allowed stands, for tokens from now on.
    fresh = await w.code(
        stage.a, stage.ada, grant=grant, scope="docs:read", resources=(DOCS,), session=session
    )
    assert (await w.redeem(stage.a, fresh)).status_code == 200
