"""Who calls Mandate's own MCP server: read from our own record of the token, not from the call."""

from authz.decision import Denied, Reason
from server.delegation.standing import Standing, standing
from server.domain.core import Core


async def holder(core: Core, jti: str) -> Standing | Denied:
    """Return what a token for our MCP server rests on, as of now. Raises `UnavailableError`."""
    await core.snapshot.refresh()
    record = await core.snapshot.token(jti)
    if record is None:
        return Denied(Reason.TOKEN_INVALID, "no record")
    if record.audience != core.policy.mcp_resource:
        return Denied(Reason.WRONG_AUDIENCE)
    return await standing(core, record, core.clock.now())
