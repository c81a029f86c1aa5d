"""GET /access/v1/approvals/{id}: how an approval stands, told to the agent that asked alone."""

from collections.abc import Mapping

from server.delegation.approval_standing import approval_of_agent, is_over
from server.domain.approvals import ApprovalStatus
from server.domain.core import Core
from server.domain.refusal import Refused
from server.domain.tokens import TokenKind
from server.protocol.approved_call import approval_json
from server.protocol.bearer import SentToken, own_token
from server.protocol.dpop import ProofReader
from server.protocol.presented import TokenReader

_OPEN = (ApprovalStatus.PENDING, ApprovalStatus.APPROVED)


async def approval_query(
    core: Core, reader: TokenReader, proofs: ProofReader, sent: SentToken, approval_id: str
) -> Mapping[str, object] | Refused:
    """Describe an approval to the agent that asked, who comes with an actor token.

    A foreign and an unknown one answer alike. Looking changes nothing: a yes is used by the call.
    """
    alive = await own_token(core, reader, proofs, sent, TokenKind.AGENT_SELF)
    if isinstance(alive, Refused):
        return alive
    found = await approval_of_agent(core, approval_id, alive.record.sub)
    if found is None:
        return Refused(
            error="not_found",
            reason="approval_unknown",
            description="There is no such approval.",
            status=404,
        )
    now = core.clock.now()
    told = {**approval_json(core, found, now), "kind": found.asked.kind.value}
    if found.shown(now) in _OPEN and await is_over(core, found):
        # Whatever the answer will be, nothing goes through: the agent need not wait.
        return {"id": found.id, "kind": told["kind"], "status": ApprovalStatus.EXPIRED.value}
    return told
