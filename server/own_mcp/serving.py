"""Puts the MCP server together: desks over the use cases, decisions and keys of this process."""

import hmac
from collections.abc import Mapping
from typing import Any

from authz.graph import GraphUnavailable
from authz.jose import KeySet
from mcp_tools.tools.desks import Desks
from mcp_tools.tools.serve import InProcess, OwnServer
from mcp_tools.unavailable import IssuerUnavailable
from server.domain.refusal import Refused
from server.domain.registry import Client, ClientAuth
from server.domain.unit import StaleSnapshotError, UnavailableError
from server.own_mcp.access_desk import Access
from server.own_mcp.agent_desk import Agents
from server.own_mcp.people_desks import Admins, People
from server.services import Services

_UNABLE = (UnavailableError, StaleSnapshotError, GraphUnavailable)


def serve(services: Services, version: str) -> OwnServer:
    """Return the server; it answers while `running`."""
    core = services.core
    # It asks as the server of a resource does, and needs no credential: it is in here.
    asking = Client(
        id="mandate", name="Mandate", auth=ClientAuth.NONE, resource_id=core.policy.mcp_resource
    )

    async def evaluate(path: str, body: dict[str, Any]) -> Mapping[str, object] | None:
        ask = {
            "evaluation": services.evaluation.answer,
            "evaluations": services.evaluation.answers,
        }.get(path)
        if ask is None:
            return None
        try:
            answer = await ask(asking, body)
        except _UNABLE:
            return None
        return None if isinstance(answer, Refused) else answer

    async def published() -> KeySet:
        try:
            await core.snapshot.refresh()
            return services.keys.verification()
        except _UNABLE:
            raise IssuerUnavailable("the keys cannot be read just now") from None

    async def use_proof(name: str, expires_at: int) -> bool:
        try:
            return await core.store.write(lambda tx: core.rows.proofs.use(tx, name, expires_at))
        except _UNABLE:
            raise IssuerUnavailable("the proof cannot be looked up just now") from None

    return OwnServer(
        Desks(Agents(services), Access(core), People(core), Admins(core)),
        InProcess(core.policy.issuer, evaluate, published, use_proof),
        issuer=core.policy.issuer,
        version=version,
        clock=core.clock,
        state_key=hmac.digest(services.secret_key, b"mcp-request-state", "sha256"),
    )
