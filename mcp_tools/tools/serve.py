"""The whole of it: tools over desks, behind the kit's own edge, asked in the same process."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2

from authz.clock import Clock
from authz.jose import KeySet
from mcp_tools.discovery import Answer
from mcp_tools.edge import Edge
from mcp_tools.protect import protect
from mcp_tools.tools.access_tools import add_access_tools
from mcp_tools.tools.agent_tools import add_agent_tools
from mcp_tools.tools.build import Tools, new_server
from mcp_tools.tools.desks import Desks
from mcp_tools.tools.person_tools import add_admin_tools, add_person_tools
from mcp_tools.tools.reading import METHODS, add_reading
from mcp_tools.tools.scopes import SELF
from mcp_tools.unavailable import IssuerUnavailable

MAX_BODY: Final = 64 * 1024
"""Bytes of a request: no tool here takes much."""

Evaluate = Callable[[str, dict[str, Any]], Awaitable[Mapping[str, object] | None]]
"""Answers a question of `POST /access/v1/<path>`; none for one that cannot be decided."""
UseProof = Callable[[str, int], Awaitable[bool]]
"""Records the use of a DPoP proof until a time (Unix ms), for every worker; false if it was used.
Raises `IssuerUnavailable`."""
PublishedKeys = Callable[[], Awaitable[KeySet]]
"""Returns the keys that the issuer's tokens are verified with now; raises `IssuerUnavailable`."""


class InProcess:
    """Mandate's access API, keys and used proofs, without a way through the network."""

    def __init__(
        self, issuer: str, evaluate: Evaluate, published: PublishedKeys, use_proof: UseProof
    ) -> None:
        self.issuer = issuer
        self._evaluate = evaluate
        self._published = published
        self._use_proof = use_proof

    async def post(self, path: str, body: dict[str, Any]) -> Answer:
        """Answer a question about one call or several."""
        found = await self._evaluate(path, body)
        if found is None:
            raise IssuerUnavailable("the question cannot be answered")
        return Answer(200, httpx2.Headers(), json.dumps(dict(found)).encode())

    async def holding(self, kid: str) -> KeySet:
        """Return the keys of this moment."""
        return await self._published()

    async def first(self, name: str, expires_at: int) -> bool:
        """Record the use of a proof; false if any worker has seen it (RFC 9449 §11.1)."""
        return await self._use_proof(name, expires_at)


class OwnServer:
    """Mandate's own MCP server. `app` answers while `running`."""

    def __init__(
        self,
        desks: Desks,
        mandate: InProcess,
        *,
        issuer: str,
        version: str,
        clock: Clock,
        state_key: bytes,
    ) -> None:
        self.mcp = new_server(version, state_key)
        tools = Tools(self.mcp)
        add_agent_tools(tools, desks.agents)
        add_access_tools(tools, desks.access)
        add_person_tools(tools, desks.people)
        add_admin_tools(tools, desks.admins)
        add_reading(self.mcp, desks.agents)
        self.app: Edge = protect(
            self.mcp,
            issuer=issuer,
            resource=f"{issuer}/mcp",
            # Any worker answers any request: nothing is kept between two of them.
            stateless=True,
            json_response=True,
            initial_scope=SELF,
            methods=METHODS,
            max_body=MAX_BODY,
            clock=clock,
            api=mandate,
            keys=mandate,
            used_proofs=mandate,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open what requests run in; close it in the same task."""
        async with self.mcp.session_manager.run():
            yield
