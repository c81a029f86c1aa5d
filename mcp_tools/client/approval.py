"""Waiting for a person's yes, politely, and calling again with the very same arguments.

    result = await call_approved(mcp, auth, "pay", {"amount": 120}, tell=show_the_user)

`tell` gets what waits, with the page on which the user answers; no agent can answer for them.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import anyio
from mcp import Client
from mcp_types import CallToolResult

from mcp_tools.approval import Pending
from mcp_tools.client.errors import NotGranted, TryAgain
from mcp_tools.client.exchange_auth import TokenExchangeAuth
from mcp_tools.unavailable import IssuerUnavailable

PATIENCE: Final = 600
"""Seconds for which is waited at most, as long as Mandate lets a question wait."""
SHORTEST: Final = 1
"""Seconds between two looks at least, whatever the issuer says."""

Sleep = Callable[[float], Awaitable[object]]


class NotApproved(Exception):
    """The user said no, or did not answer in time. `status` is `denied` or `expired`."""

    def __init__(self, approval_id: str, status: str) -> None:
        super().__init__(f"the approval {approval_id} is {status}")
        self.approval_id = approval_id
        self.status = status


@dataclass(frozen=True, slots=True)
class ApprovalState:
    """How an approval stands. `grant_id`: the delegation that a yes to more has made."""

    approval_id: str
    status: str
    interval: int
    grant_id: str | None = None


async def approval_state(auth: TokenExchangeAuth, approval_id: str) -> ApprovalState:
    """Ask Mandate how an approval of this agent stands; raises `NotGranted`, `TryAgain`."""
    answer = await auth.ask_as_agent(f"access/v1/approvals/{approval_id}")
    if answer.status == 404:
        raise NotGranted("not_found", "approval_unknown")
    if answer.status != 200:
        raise TryAgain(f"http_{answer.status}", "unexpected_answer")
    try:
        document = answer.json_object()
    except IssuerUnavailable as error:
        raise TryAgain("server_error", "unexpected_answer", str(error)) from None
    status, interval = document.get("status"), document.get("interval", SHORTEST)
    grant_id = document.get("grant_id")
    if not isinstance(status, str) or type(interval) is not int:
        raise TryAgain("server_error", "unexpected_answer")
    return ApprovalState(
        approval_id,
        status,
        max(SHORTEST, interval),
        grant_id if isinstance(grant_id, str) else None,
    )


async def wait_for_approval(
    auth: TokenExchangeAuth,
    approval_id: str,
    *,
    patience: float = PATIENCE,
    sleep: Sleep = anyio.sleep,
) -> ApprovalState:
    """Wait until the person has answered, looking no more often than Mandate asks for.

    Returns an approved (or meanwhile used) one. Raises `NotApproved` after a no, or when the time
    (or `patience`, in seconds) is over; `NotGranted` for an approval that is not this agent's. A
    Mandate that does not answer for a moment is asked again at the next turn.
    """
    waited, interval = 0.0, SHORTEST
    while True:
        try:
            state = await approval_state(auth, approval_id)
        except TryAgain:
            if waited >= patience:
                raise
        else:
            if state.status in {"approved", "used"}:
                return state
            if state.status != "pending":
                raise NotApproved(approval_id, state.status)
            interval = state.interval
            if waited >= patience:
                raise NotApproved(approval_id, "expired")
        pause = min(float(interval), max(float(SHORTEST), patience - waited))
        await sleep(pause)
        waited += pause


async def call_approved(
    mcp: Client,
    auth: TokenExchangeAuth,
    tool: str,
    arguments: Mapping[str, Any],
    *,
    tell: Callable[[Pending], Awaitable[None] | None],
    patience: float = PATIENCE,
    sleep: Sleep = anyio.sleep,
) -> CallToolResult:
    """Call a tool; if it needs the user's yes, tell them, wait, and call it once more.

    The second call sends the same arguments: a yes is for those alone. Raises as
    `wait_for_approval`; what the tool answers is returned as it is.
    """
    sent = dict(arguments)
    result = await mcp.call_tool(tool, sent)
    pending = pending_of(result)
    if pending is None:
        return result
    told = tell(pending)
    if told is not None:
        await told
    await wait_for_approval(auth, pending.approval_id, patience=patience, sleep=sleep)
    return await mcp.call_tool(tool, sent)


def pending_of(result: CallToolResult) -> Pending | None:
    """Return what a tool result waits for, None if it waits for nobody."""
    return Pending.of(result.structured_content) if result.is_error else None
