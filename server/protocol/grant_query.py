"""GET /grants/{grant_id}: what an agent holds, told to that agent alone."""

from collections.abc import Mapping

from authz.decision import Denied
from server.delegation.standing import path_standing
from server.domain.core import Core
from server.domain.refusal import Refused
from server.domain.tokens import TokenKind
from server.protocol.bearer import SentToken, own_token
from server.protocol.dpop import Proofs
from server.protocol.issue import detail_json
from server.protocol.presented import TokenReader
from server.protocol.scopes import in_force


async def grant_query(
    core: Core, reader: TokenReader, proofs: Proofs, sent: SentToken, grant_id: str
) -> Mapping[str, object] | Refused:
    """Describe a delegation to its delegate, who comes with an actor token.

    A foreign, an unknown and a dead delegation answer alike (X5).
    """
    alive = await own_token(core, reader, proofs, sent, TokenKind.AGENT_SELF)
    if isinstance(alive, Refused):
        return alive
    path = await path_standing(core, grant_id, core.clock.now(), issued_at=alive.record.issued_at)
    if isinstance(path, Denied) or path.path[-1].agent_id != alive.record.sub:
        return Refused(
            error="not_found",
            reason="delegation_unknown",
            description="There is no such grant.",
            status=404,
        )
    row = path.path[-1]
    details = [
        {
            **detail_json(detail),
            "scopes": sorted(detail.scopes & in_force(path, detail.resource)),
        }
        for detail in row.details
    ]
    return {
        "grant_id": row.id,
        "status": "active",
        "authorization_details": details,
        "purpose": row.purpose,
        "expires_at": min(step.expires_at for step in path.path) // 1000,
        "agents": list(row.allow_agents),
        "max_depth": row.max_depth,
        "act": [agent.id for agent in reversed(path.agents)],
    }
