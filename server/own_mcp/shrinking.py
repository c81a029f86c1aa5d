"""Taking away, at every desk: what goes, and what remains of a delegation after it."""

from authz.tx import Tx
from mcp_tools.tools.answers import Delegation
from mcp_tools.tools.desks import Cut
from server.domain.core import Core
from server.own_mcp.describing import described
from server.services.release import GivenUp
from server.services.review import listed


def given_up(core: Core, cut: Cut) -> GivenUp:
    """Read what a caller wants to go; the time runs from now."""
    until = None if cut.expires_in is None else core.clock.now() + cut.expires_in * 1000
    return GivenUp(scopes=cut.scopes, objects=cut.objects, expires_at=until)


async def remaining(core: Core, grant_id: str) -> Delegation | None:
    """Describe what is left of a delegation; none if it ended."""
    now = core.clock.now()

    def load(tx: Tx) -> Delegation | None:
        row = core.rows.delegations.get(tx, grant_id)
        if row is None or not row.live(now):
            return None
        found = listed(core, tx, [row])
        return described(row, found.names, found.conditions[row.id])

    return await core.store.read(load)
