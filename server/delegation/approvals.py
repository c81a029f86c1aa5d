"""Asking a person, hearing the answer, using it once: the rules, inside a unit.

An agent cannot flood a person: few questions wait at a time, after some denials it has to be
quiet for a while, and so it has if many of its questions were left alone. What was allowed never
counts against it, but for what a person has left off.
"""

from dataclasses import dataclass, replace
from typing import Final

from server.domain.approvals import Approval, ApprovalStatus, Asked
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.unit import Unit

MAX_SUMMARY: Final = 300
"""Characters of what an asker says."""
LONGEST: Final = 600
"""Seconds that a question may wait, and a yes be good."""
SHORTEST: Final = 30
"""Seconds that a person has at least."""
INTERVAL: Final = 5
"""Seconds between two looks at the state of an approval."""
FRESH: Final = 900
"""Seconds since sign-in that a yes to something destructive may lie at most."""
PENDING: Final = 5
"""Questions of one agent that wait for one person."""
PENDING_IN_ALL: Final = 50
"""Questions of every agent that wait for one person."""
DENIALS: Final = 3
"""So many denials silence an agent before one person."""
QUIET_MS: Final = 30 * 60 * 1000
"""For how long a denial counts."""
UNWANTED: Final = 20
"""Questions of one agent that one person left alone or denied."""
UNWANTED_MS: Final = 60 * 60 * 1000
"""For how long such a question counts; longer than any waits."""


@dataclass(frozen=True, slots=True)
class TooMany:
    """The person is not asked. `wait` is in seconds, and no promise."""

    wait: int


@dataclass(frozen=True, slots=True)
class Used:
    """The yes was there, and is used up now."""

    approval_id: str


def lasting(wanted: int | None) -> int:
    """Return the seconds of a question that would like to wait so long."""
    return LONGEST if wanted is None else max(SHORTEST, min(wanted, LONGEST))


def ask(
    core: Core, tx: Unit, asked: Asked, *, new_id: str, now: int, asked_since: int
) -> Approval | TooMany:
    """Return the approval of exactly this: the one that stands, or a new question.

    The same question is put once, however often it is asked: an open one and a denial are
    returned as they are. What was asked before `asked_since` is over.
    """
    crowd = core.rows.approvals.crowd(
        tx, asked.user_id, asked.agent_id,
        now=now, denied_since=now - QUIET_MS, since=now - UNWANTED_MS,
    )  # fmt: skip
    core.rows.approvals.lapse(tx, asked.binding, now=now, asked_since=asked_since)
    standing = core.rows.approvals.latest(tx, asked.binding)
    if standing is not None and _stands(standing, now):
        return standing
    if crowd.denied >= DENIALS:
        return TooMany(QUIET_MS // 1000)
    if crowd.unwanted >= UNWANTED:
        return TooMany(UNWANTED_MS // 1000)
    if crowd.pending >= PENDING or crowd.pending_in_all >= PENDING_IN_ALL:
        return TooMany(LONGEST)
    approval = Approval(
        id=new_id,
        asked=asked,
        stored=ApprovalStatus.PENDING,
        created_at=now,
        expires_at=now + asked.lasts * 1000,
    )
    core.rows.approvals.add(tx, approval)
    record = record_of(approval, AuditTag.APPROVAL_ASKED, now)
    # What the person was shown may hold anything, so it stands where it can be erased.
    core.rows.audit.record(tx, replace(record, personal={"summary": asked.summary}))
    return approval


def use_or_ask(
    core: Core, tx: Unit, asked: Asked, *, new_id: str, now: int, asked_since: int
) -> Used | Approval | TooMany:
    """Use the yes to exactly this call up, or say what stands in its place.

    Two callers with one yes: one of them gets it. `asked_since`: an older yes counts for nothing.
    """
    used = core.rows.approvals.use(tx, asked.binding, now=now, asked_since=asked_since)
    if used is not None:
        approval = core.rows.approvals.get(tx, used)
        if approval is None:
            raise AssertionError("a row that was changed is there")
        core.rows.audit.record(tx, record_of(approval, AuditTag.APPROVAL_USED, now))
        return Used(used)
    return ask(core, tx, asked, new_id=new_id, now=now, asked_since=asked_since)


def record_of(approval: Approval, tag: AuditTag, now: int) -> AuditRecord:
    """Return the record of an event of an approval: human, every agent, and what it is about."""
    asked = approval.asked
    only = asked.details[0] if len(asked.details) == 1 else None
    scopes = sorted({scope for detail in asked.details for scope in detail.scopes})
    return AuditRecord(
        tag=tag,
        outcome=Outcome.DONE,
        at=now,
        user_id=asked.user_id,
        agents=asked.agents,
        client_id=asked.client_id,
        grant_id=asked.grant_id,
        resource=only.resource if only else None,
        object=" ".join(o for d in asked.details for o in d.objects) or None,
        detail={
            "approval": approval.id,
            "kind": asked.kind.value,
            "tool": asked.tool,
            **({"given": approval.new_grant_id} if approval.new_grant_id else {}),
            "scope": " ".join(scopes),
            "arguments": asked.arguments_hash,
        },
    )


def _stands(approval: Approval, now: int) -> bool:
    """Tell whether nothing new is asked: it is open, or denied and that still counts."""
    if approval.stored is ApprovalStatus.DENIED:
        return now < approval.expires_at
    return approval.status(now) in (ApprovalStatus.PENDING, ApprovalStatus.APPROVED)
