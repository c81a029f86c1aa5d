"""An agent whose tokens are bound to a key waits for a person as any other (RFC 9449 §7, §9)."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from mcp_tools.client.approval import approval_state
from mcp_tools.client.credentials import ClientSecret
from mcp_tools.client.dpop import DPoPKey
from mcp_tools.client.errors import NotGranted
from mcp_tools.client.exchange_auth import TokenExchangeAuth
from server.app import create_app
from tests.protocol.test_more_authority import HOME, waiting
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import SqliteDatabases
from tests.support.stage import Stage, set_stage
from tests.support.world import DOCS, ISSUER, world


@pytest.fixture(params=[False, True], ids=["plain", "nonce"])
async def stage(
    request: pytest.FixtureRequest, sqlite_databases: SqliteDatabases, clock: FrozenClock
) -> AsyncIterator[Stage]:
    async with world(sqlite_databases, clock, dpop_nonce=request.param) as w:
        yield await set_stage(w)


@requirement("approval:state:bound")
async def test_a_bound_agent_sees_its_question(stage: Stage) -> None:
    approval = await waiting(stage, HOME)
    transport = httpx2.ASGITransport(app=create_app(stage.world.server))
    async with httpx2.AsyncClient(transport=transport) as http:
        auth = TokenExchangeAuth(
            issuer=ISSUER,
            credentials=ClientSecret(stage.a.client.id, stage.a.secret or ""),
            subject_token="none is exchanged here",
            resource=DOCS,
            scope="docs:read",
            token_endpoint=f"{ISSUER}/token",
            http=http,
            clock=stage.world.clock,
            dpop=DPoPKey.generate(),
        )
        state = await approval_state(auth, approval.id)
        assert (state.status, state.interval) == ("pending", 5)
        with pytest.raises(NotGranted, match="approval_unknown"):
            await approval_state(auth, "apv_0")
