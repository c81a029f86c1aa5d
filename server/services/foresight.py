"""What a call would be told if an agent made it now, and why an earlier one was refused."""

import re
from dataclasses import dataclass, replace
from typing import Final

from authz.decision import Denied, Reason
from server.delegation.decision import Call, decide_call
from server.delegation.standing import Standing
from server.domain.audit import AuditEntry, AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.registry import Resource
from server.domain.tokens import TokenKind
from server.protocol.scopes import words

OBJECT_REASONS: Final = frozenset(
    {Reason.USER_RELATION, Reason.CONSENT_OBJECT, Reason.CEILING_OBJECT}
)
"""Reasons that would tell an agent whether an object exists, or who may see it (X11)."""
_OBJECT: Final = re.compile(r"[^\s:#@*]{1,254}:[^\s#@*]{1,256}")
_EXPLAINED: Final = frozenset(
    {AuditTag.DECISION, AuditTag.SEARCH, AuditTag.EXCHANGE, AuditTag.HANDOVER}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """The answer, and the row of the audit that tells of the question."""

    denied: Denied | None
    audit_id: str


async def foresee(
    core: Core,
    alive: Standing,
    *,
    resource_id: str,
    scopes: frozenset[str],
    relation: str | None,
    object: str | None,
) -> Foreseen:
    """Decide a call that the agent of a live token might make with a token for `resource_id`.

    As the call itself would be decided, and written down as a search. A resource that does not
    exist answers as one that the delegation does not name. Raises `UnavailableError`.
    """
    denied = await _decide(core, alive, resource_id, scopes, relation, object)
    record = AuditRecord(
        tag=AuditTag.SEARCH,
        outcome=Outcome.DONE if denied is None else Outcome.REFUSED,
        reason=None if denied is None else denied.reason.value,
        at=core.clock.now(),
        user_id=alive.user.id if alive.user is not None else None,
        agents=alive.chain,
        client_id=alive.client.id,
        grant_id=alive.record.grant_id,
        resource=resource_id,
        object=object,
        detail={
            "tool": "check_permission",
            "scope": " ".join(sorted(scopes)),
            "relation": relation or "",
            "jti": alive.record.jti,
        },
    )
    audit_id = await core.store.write(lambda tx: core.rows.audit.record(tx, record))
    return Foreseen(denied=denied, audit_id=audit_id)


async def _decide(
    core: Core,
    alive: Standing,
    resource_id: str,
    scopes: frozenset[str],
    relation: str | None,
    object: str | None,
) -> Denied | None:
    resource = await core.snapshot.resource(resource_id)
    itself = alive.record.kind is TokenKind.AGENT_SELF
    named = alive.agents[-1].ceiling.resources if itself else alive.path[-1].resources
    if resource is None or resource.id not in named:
        return Denied(Reason.CEILING_RESOURCE if itself else Reason.CONSENT_SCOPE, "resource")
    if not scopes <= _obtainable(core, alive, resource):
        return Denied(Reason.CEILING_SCOPE if itself else Reason.CONSENT_SCOPE)
    if object is not None and _OBJECT.fullmatch(object) is None:
        return Denied(Reason.USER_RELATION, "no object")  # as one that does not exist
    # The token that an exchange would give, as far as a decision looks at it.
    record = replace(alive.record, audience=resource.id, scope=" ".join(sorted(scopes)))
    call = Call(
        scopes=scopes,
        relation=relation,
        objects=() if object is None else (object,),
        principals=frozenset({"agent"}),
    )
    return (await decide_call(core, replace(alive, record=record), resource, call)).denied


def _obtainable(core: Core, alive: Standing, resource: Resource) -> frozenset[str]:
    """Return the scopes that the caller's client may ask for at all."""
    held = resource.closed(alive.client.scopes) & frozenset(resource.scopes)
    if resource.id == core.policy.mcp_resource:
        held &= words(alive.record.scope)
    if alive.record.kind is TokenKind.AGENT_SELF:
        held &= resource.agent_own
    return held


async def recorded(core: Core, alive: Standing, audit_id: str) -> AuditEntry | None:
    """Return an event about a call of this very agent, for this very person; else none (X11).

    Raises `UnavailableError`.
    """
    entry = await core.store.read_row(lambda tx: core.rows.audit.get(tx, audit_id))
    if entry is None or entry.record.tag not in _EXPLAINED:
        return None
    if entry.record.agents[:1] != alive.chain[:1]:
        return None
    if alive.record.kind is TokenKind.DELEGATED and entry.record.user_id != alive.record.sub:
        return None
    return entry
