"""Ada, her agent with a token for Mandate's own MCP server, and her own tool, on both engines."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from server.domain.delegation import Delegation, Detail
from server.domain.people import User
from tests.flows.conftest import workers
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.live import CALLBACK
from tests.support.stage import ALL, EDGE
from tests.support.world import DOCS, NOTES, Party, World, world

__all__ = ["desk", "w", "workers"]

AGENT_SCOPES = frozenset({"mandate:self", "mandate:exchange", "mandate:delegate", "mandate:ask"})
PERSON_SCOPES = frozenset({"mandate:delegations", "mandate:withdraw"})
ADMIN_SCOPES = frozenset({"mandate:audit", "mandate:admin"})


@dataclass
class Desk:
    """Who is there. `agent_token` is A's for Ada, `own_token` Ada's own."""

    w: World
    mcp: str
    ada: User
    ben: User
    a: Party
    b: Party
    own: Party
    docs: Party
    grant: Delegation
    bens: Delegation
    agent_token: str
    own_token: str

    async def token_of(self, user: User, grant: Delegation, party: Party, scope: str) -> str:
        """Let an agent's client redeem a code for our MCP server."""
        session = await self.w.session(user)
        code = await self.w.code(
            party, user, grant=grant, scope=scope, resources=(self.mcp,), session=session
        )
        answer = await self.w.redeem(party, code)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def person_token(self, user: User, scopes: frozenset[str]) -> str:
        """Let a person's own client redeem a code for our MCP server."""
        code = await self.w.code(
            self.own, user, scope=" ".join(sorted(scopes)), resources=(self.mcp,)
        )
        answer = await self.w.redeem(self.own, code)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


@pytest.fixture
async def w(databases: Databases, clock: FrozenClock) -> AsyncIterator[World]:
    """Run a server on a fresh database."""
    async with world(databases, clock) as made:
        yield made


@pytest.fixture
async def desk(w: World) -> Desk:
    """Register them."""
    return await furnish(w)


async def furnish(w: World) -> Desk:
    """Let Ada and Ben allow agent A something; Ada names B as well."""
    mcp = w.core.policy.mcp_resource
    docs = await w.resource(DOCS, "docs", edges=(EDGE,))
    await w.resource(NOTES, "notes")
    every = ALL | AGENT_SCOPES | PERSON_SCOPES | ADMIN_SCOPES
    callbacks = ("https://app.example/cb", CALLBACK)
    a = await w.agent("alpha", set(every), {DOCS, NOTES, mcp}, redirect_uris=callbacks)
    b = await w.agent("beta", {"docs:read", *AGENT_SCOPES}, {DOCS, mcp})
    own = await w.client("own-tool", first_party=True, scopes=every)
    ada, ben = await w.user("ada"), await w.user("ben")
    await w.relate(
        (f"user:{ada.id}", "owner", "folder:tax"),
        (f"user:{ada.id}", "owner", "folder:home"),
        ("folder:tax", "parent", "document:t1"),
        ("folder:home", "parent", "document:h1"),
    )
    at_mcp = Detail(resource=mcp, scopes=AGENT_SCOPES)
    picked = frozenset({"docs:read", "docs:write"})
    grants: list[Delegation] = []
    for user in (ada, ben):
        at_docs = Detail(resource=DOCS, scopes=picked, objects=("folder:tax",))
        more: dict[str, Any] = {"allow_agents": (b.agent.id,), "max_depth": 1, "purpose": "Taxes"}
        grants.append(await w.delegation(user, a, (at_docs, at_mcp), **more))
    found = Desk(w, mcp, ada, ben, a, b, own, docs, grants[0], grants[1], "", "")
    found.agent_token = await found.token_of(ada, grants[0], a, " ".join(sorted(AGENT_SCOPES)))
    found.own_token = await found.person_token(ada, PERSON_SCOPES)
    return found
