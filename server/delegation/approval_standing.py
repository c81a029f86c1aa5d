"""Who may see an approval, and whether what it rests on still stands."""

from authz.decision import Denied, Reason
from server.delegation.standing import path_standing
from server.domain.approvals import Approval
from server.domain.core import Core
from server.domain.registry import Status
from server.domain.unit import ChangeKey


async def approval_of_agent(
    core: Core, approval_id: str, agent_id: str, *, user_id: str | None = None
) -> Approval | None:
    """Return an approval for the agent that asked, as it stands.

    With `user_id` only that person's. Anybody else's is as an unknown one.
    """
    found = await core.store.read(lambda tx: core.rows.approvals.get(tx, approval_id))
    if found is None or found.asked.agent_id != agent_id:
        return None
    return found if user_id in (None, found.asked.user_id) else None


async def is_over(core: Core, approval: Approval) -> bool:
    """Tell whether what an open approval rests on has ended, so that it can let nothing through."""
    return isinstance(await approval_standing(core, approval, core.clock.now()), Denied)


async def approval_standing(
    core: Core, approval: Approval, now: int
) -> frozenset[ChangeKey] | Denied:
    """Return what the agent's authority to ask rests on, or why it has ended."""
    asked = approval.asked
    path = await path_standing(core, asked.grant_id, now, issued_at=approval.created_at)
    if isinstance(path, Denied):
        return path
    client = await core.snapshot.client(asked.client_id)
    if client is None or client.status is not Status.ACTIVE:
        return Denied(Reason.CLIENT_DISABLED)
    return path.depends | {("client", asked.client_id), ("user", asked.user_id)}
