"""The last leg of a decision, if the server of the resource asks for it: a person's fresh yes.

It comes after every other leg and inside the unit of the decision, so a yes never adds authority,
is used once, and by the first caller only.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from authz.decision import Denied, Reason
from server.delegation.approvals import FRESH, INTERVAL, TooMany, Used, lasting, use_or_ask
from server.delegation.standing import Standing
from server.domain.approvals import Approval, ApprovalKind, ApprovalStatus, Asked
from server.domain.core import Core
from server.domain.delegation import Detail
from server.domain.registry import Resource
from server.domain.tokens import TokenKind
from server.domain.unit import Unit
from server.protocol.question import Question


@dataclass(frozen=True, slots=True)
class Settled:
    """Whether the yes was there; `told` goes to the caller as `context.approval`."""

    denied: Denied | None
    told: Mapping[str, object] | None = None
    approval_id: str = ""


def asked_of(question: Question, resource: Resource, alive: Standing) -> Asked | Denied:
    """Return what the person would be asked about this call.

    Only a delegated call has somebody who gave it and somebody else who does it: nobody can
    approve for an agent as itself, and a plain token is no agent's.
    """
    wanted = question.approval
    if wanted is None or alive.record.kind is not TokenKind.DELEGATED or not alive.path:
        return Denied(Reason.PRINCIPAL_NOT_ACCEPTED, "approval")
    call = question.call
    return Asked(
        kind=ApprovalKind.CALL,
        user_id=alive.record.sub,
        agents=alive.chain,
        client_id=alive.record.client_id,
        grant_id=alive.path[-1].id,
        details=(Detail(resource=resource.id, scopes=call.scopes, objects=call.objects),),
        relation=call.relation,
        tool=question.tool,
        arguments_hash=wanted.arguments_hash,
        summary=wanted.summary,
        lasts=lasting(wanted.lasts),
        max_age=needed_age(wanted.max_age, resource, call.scopes),
    )


def needed_age(wanted: int | None, resource: Resource, scopes: frozenset[str]) -> int | None:
    """Return how fresh the sign-in must be: as was asked, and fresh for what destroys."""
    ages = [] if wanted is None else [wanted]
    if any((scope := resource.scopes.get(name)) and scope.destructive for name in scopes):
        ages.append(FRESH)
    return min(ages, default=None)


def settle(
    core: Core, tx: Unit, asked: Asked, *, alive: Standing, new_id: str, now: int
) -> Settled:
    """Use the yes up, or ask for it; in the unit that writes the decision down."""
    # A withdrawn agent (`not_before`) does not get back what it was allowed before.
    since = max(agent.not_before for agent in alive.agents)
    found = use_or_ask(core, tx, asked, new_id=new_id, now=now, asked_since=since)
    if isinstance(found, Used):
        return Settled(None, {"id": found.approval_id, "status": "used"}, found.approval_id)
    if isinstance(found, TooMany):
        return Settled(Denied(Reason.TOO_MANY_APPROVALS), {"retry_after": found.wait})
    told = approval_json(core, found, now)
    if found.stored is ApprovalStatus.DENIED:
        return Settled(Denied(Reason.APPROVAL_DENIED, found.id), told, found.id)
    return Settled(Denied(Reason.APPROVAL_REQUIRED, found.id), told, found.id)


def approval_json(core: Core, approval: Approval, now: int) -> dict[str, object]:
    """Describe an approval to the program that waits for it."""
    status = approval.status(now)
    told: dict[str, object] = {"id": approval.id, "status": approval.shown(now).value}
    if status in (ApprovalStatus.PENDING, ApprovalStatus.APPROVED, ApprovalStatus.DENIED):
        told["expires_in"] = approval.seconds_left(now)
    if status is ApprovalStatus.PENDING:
        told["interval"] = INTERVAL
        told["approve_url"] = approve_url(core, approval)
    if approval.new_grant_id is not None:
        told["grant_id"] = approval.new_grant_id
    return told


def approve_url(core: Core, approval: Approval) -> str:
    """Return the page on which the person answers; the id in it opens nothing by itself."""
    return f"{core.policy.issuer}/approvals/{approval.id}"
