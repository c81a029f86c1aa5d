"""The desk at which an agent asks a person for more (docs/approvals.md)."""

from mcp_tools.tools.answers import AccessRequest, Authority
from mcp_tools.tools.desks import Part
from mcp_tools.tools.refusal import Refusal
from server.delegation.approval_standing import approval_of_agent, is_over
from server.delegation.approvals import INTERVAL, TooMany
from server.domain.approvals import Approval, ApprovalKind, ApprovalStatus
from server.domain.core import Core
from server.domain.delegation import Detail
from server.domain.refusal import Refused
from server.domain.tokens import TokenKind
from server.own_mcp.asking import asking, failing_closed
from server.protocol.approved_call import approve_url
from server.services.escalation import ask_for_more

_OPEN = (ApprovalStatus.PENDING, ApprovalStatus.APPROVED)


class Access:
    """Implements `mcp_tools.tools.desks.AccessDesk`."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @failing_closed
    async def ask(self, jti: str, parts: tuple[Part, ...], why: str) -> AccessRequest:
        alive = await asking(self._core, jti, TokenKind.DELEGATED)
        details = tuple(
            Detail(resource=p.resource, scopes=frozenset(p.scopes), objects=p.objects)
            for p in parts
        )
        found = await ask_for_more(self._core, alive, details, why=why)
        if isinstance(found, TooMany):
            raise Refusal(
                "too_many_approvals",
                f"the user was asked too often; they are not asked again for {found.wait} seconds",
                "stop",
            )
        if isinstance(found, Refused):
            raise Refusal(found.reason, found.description, found.advice.value)
        return await self._told(found)

    @failing_closed
    async def status(self, jti: str, approval_id: str) -> AccessRequest:
        alive = await asking(self._core, jti, TokenKind.DELEGATED)
        found = await approval_of_agent(
            self._core, approval_id, alive.agents[-1].id, user_id=alive.record.sub
        )
        if found is None or found.asked.kind is not ApprovalKind.ESCALATION:
            raise Refusal("approval_unknown", "there is no such request of yours")
        return await self._told(found)

    async def _told(self, approval: Approval) -> AccessRequest:
        now = self._core.clock.now()
        status = approval.status(now)
        if status in _OPEN and await is_over(self._core, approval):
            status = ApprovalStatus.EXPIRED  # whatever the answer will be, it gives nothing
        pending = status is ApprovalStatus.PENDING
        grant_id = approval.new_grant_id
        given = await self._given(grant_id) if grant_id is not None else None
        if grant_id is not None:
            # The yes has made a delegation, which lasts longer than the yes, or shorter.
            status = ApprovalStatus.EXPIRED if given is None else ApprovalStatus.APPROVED
        return AccessRequest(
            status="expired" if status is ApprovalStatus.USED else status.value,
            approval_id=approval.id,
            interval=INTERVAL if pending else None,
            expires_in=approval.seconds_left(now) if pending else None,
            approve_url=approve_url(self._core, approval) if pending else None,
            grant_id=grant_id if given is not None else None,
            authority=given,
            next_step=_NEXT[status],
        )

    async def _given(self, grant_id: str) -> list[Authority] | None:
        """Say what the person allowed, perhaps less than was asked for; none once it has ended."""
        row = await self._core.snapshot.delegation(grant_id)
        if row is None or row.revoked_at is not None or row.expires_at <= self._core.clock.now():
            return None
        found = []
        for detail in row.details:
            resource = await self._core.snapshot.resource(detail.resource)
            if resource is not None:
                found.append(
                    Authority(
                        resource=resource.id,
                        name=resource.name,
                        scopes=sorted(detail.scopes),
                        objects=list(detail.objects),
                    )
                )
        return found


_NEXT = {
    ApprovalStatus.PENDING: "Give the user the page `approve_url`, then look with"
    " `access_request_status` every `interval` seconds. Do nothing else with it meanwhile.",
    ApprovalStatus.APPROVED: "The user agreed: a new delegation beside yours holds"
    " `authority`, which may be less than you asked for. Exchange with its `grant_id`.",
    ApprovalStatus.DENIED: "The user said no. Accept it: do not ask again and do not look for"
    " another way.",
    ApprovalStatus.EXPIRED: "Nobody answered in time, or what it rests on has ended. Ask again only"
    " if the user wants you to.",
    ApprovalStatus.USED: "It is over.",
}
