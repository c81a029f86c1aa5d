"""An agent asks a person for more than it holds; a yes makes a new delegation (X9).

The new one stands beside the one under which the agent asked, holds what the person picked of
what was asked for, and ends with it. It is used by name only: nothing is ever added up (X5).
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from authz.graph import holding
from authz.relations import Query
from authz.tx import Tx
from server.delegation.approvals import FRESH, MAX_SUMMARY, TooMany, ask, lasting
from server.delegation.lifecycle import open_delegation
from server.delegation.standing import Standing
from server.domain.approvals import Approval, ApprovalKind, ApprovalStatus, Asked
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.delegation import Delegation, Detail
from server.domain.refusal import Refused, invalid_request, invalid_scope, invalid_target
from server.domain.registry import Agent, Resource
from server.domain.tokens import TokenKind
from server.domain.unit import StaleSnapshotError, Unit
from server.protocol.authorization_details import MAX_TEXT

MAX_DETAILS: Final = 10
MAX_OBJECTS: Final = 50
"""Objects of one request, over all its details."""
_NOTHING_MORE: Final = invalid_request("nothing_more", "You hold all of this already.")


@dataclass(frozen=True, slots=True)
class Picked:
    """What a person left on of what was asked for: the number of a detail, and a name in it."""

    scopes: frozenset[tuple[int, str]]
    objects: frozenset[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Grown:
    """The delegation that a yes makes."""

    delegation: Delegation
    base: Delegation
    """What it stands beside, as it was when this was decided."""
    narrowed: bool
    """The person gave less than was asked for."""
    withheld: bool
    """They left something off that the page had switched on."""
    destroys: bool
    """Something in it cannot be undone: the yes needs a fresh sign-in."""


@dataclass(frozen=True, slots=True)
class NotGrown:
    """The person could not give this, or the registry no longer allows it; nothing is made."""

    reason: str


NOTHING_PICKED: Final = "nothing_picked"


async def ask_for_more(
    core: Core,
    alive: Standing,
    details: tuple[Detail, ...],
    *,
    why: str,
    lasts: int | None = None,
) -> Approval | TooMany | Refused:
    """Ask the person of a delegated token for `details` as well; the same question only once.

    Nothing above a ceiling, of an unknown resource or scope can be asked for. `why` is shown as
    the agent's words. Only the agent that the person dealt with asks: a helper below it holds a
    part of what its parent has, and more would be nobody's to pass on.
    """
    if alive.record.kind is not TokenKind.DELEGATED or len(alive.path) != 1:
        return invalid_request("not_root", "Only the agent that the person allowed can ask.")
    base, [agent] = alive.path[0], alive.agents
    if len(why) > MAX_SUMMARY or not why.replace("\n", " ").isprintable():
        return invalid_request("malformed", "The reason is too long, or no plain text.")
    wanted = await _askable(core, alive, agent, details)
    if isinstance(wanted, Refused):
        return wanted
    if all(_held(base, detail) for detail in wanted):
        return _NOTHING_MORE
    asked = Asked(
        kind=ApprovalKind.ESCALATION,
        user_id=alive.record.sub,
        agents=alive.chain,
        client_id=alive.record.client_id,
        # What hangs on an extension is asked for beside it, never on top of it.
        grant_id=base.extends or base.id,
        details=wanted,
        summary=why,
        lasts=lasting(lasts),
        max_age=FRESH if await _destroys(core, wanted) else None,
    )
    now, new_id = core.clock.now(), core.entropy.id("apv")

    def unit(tx: Unit) -> Approval | TooMany | Refused:
        if _given_before(core, tx, asked, now):
            return _NOTHING_MORE
        found = ask(core, tx, asked, new_id=new_id, now=now, asked_since=agent.not_before)
        if isinstance(found, TooMany):
            core.rows.audit.record(
                tx,
                AuditRecord(
                    tag=AuditTag.APPROVAL_ASKED, outcome=Outcome.REFUSED, at=now,
                    reason="too_many_approvals", user_id=asked.user_id, agents=asked.agents,
                    client_id=asked.client_id, grant_id=asked.grant_id,
                ),
            )  # fmt: skip
        return found

    return await core.store.write(unit)


def _given_before(core: Core, tx: Tx, asked: Asked, now: int) -> bool:
    """Tell whether a delegation beside the base holds all of it, by a yes to another question."""
    standing = core.rows.approvals.latest(tx, asked.binding)
    if standing is not None and standing.status(now) is ApprovalStatus.APPROVED:
        return False
    beside = [
        row
        for row in core.rows.delegations.of_pair(tx, asked.user_id, asked.agent_id)
        if row.extends == asked.grant_id and now < row.expires_at
    ]
    return any(all(_held(row, detail) for detail in asked.details) for row in beside)


async def may_grow(core: Core, approval: Approval, picked: Picked) -> Grown | NotGrown:
    """Check what a person picked against what is registered and held now.

    Raises GraphUnavailable.
    """
    asked = approval.asked
    base = await core.snapshot.delegation(asked.grant_id)
    agent = await core.snapshot.agent(asked.agent_id)
    if base is None or agent is None:
        return NotGrown("delegation_unknown")
    details, withheld = await _kept(core, asked.details, picked)
    if not details:
        return NotGrown(NOTHING_PICKED)
    for detail in details:
        resource = await core.snapshot.resource(detail.resource)
        if resource is None or not _allowed(agent, resource, detail):
            return NotGrown("ceiling")
        if detail.objects and not await _holds(core, asked.user_id, agent, resource, detail):
            return NotGrown("object_not_held")
    grant_id = core.entropy.id("dlg")
    return Grown(
        Delegation(
            id=grant_id,
            user_id=base.user_id,
            agent_id=base.agent_id,
            client_id=base.client_id,
            details=details,
            path=(grant_id,),
            purpose=base.purpose,
            extends=base.id,
            sid=base.sid,
            created_at=core.clock.now(),
            expires_at=base.expires_at,
        ),
        base,
        narrowed=details != asked.details,
        withheld=withheld,
        destroys=await _destroys(core, details),
    )


async def _kept(
    core: Core, asked: tuple[Detail, ...], picked: Picked
) -> tuple[tuple[Detail, ...], bool]:
    """Leave of each detail what was picked; without a scope, or a thing of those named, nothing.

    What is left off stays closed: a scope that includes it is not given either, as when narrowing.
    Also tell whether anything is missing but what destroys, which is off until it is picked.
    """
    kept, withheld = [], False
    for number, detail in enumerate(asked):
        resource = await core.snapshot.resource(detail.resource)
        scopes = frozenset(s for s in detail.scopes if (number, s) in picked.scopes)
        if resource is not None:
            scopes = resource.whole(scopes, detail.scopes)
        objects = tuple(o for o in detail.objects if (number, o) in picked.objects)
        known = resource.scopes if resource is not None else {}
        missing = detail.scopes - scopes
        if objects != detail.objects or not all(
            name in known and known[name].destructive for name in missing
        ):
            withheld = True
        if scopes and (objects or not detail.objects):
            kept.append(replace(detail, scopes=scopes, objects=objects))
    return tuple(kept), withheld


def hold_base(core: Core, tx: Unit, grown: Grown) -> None:
    """Let nobody close or narrow the base until this unit has ended.

    Raises `StaleSnapshotError` if somebody has: whoever waits for the tree then finds what extends
    it as well.
    """
    if grown.base not in core.rows.delegations.below(tx, grown.base):
        raise StaleSnapshotError


def grow(core: Core, tx: Unit, grown: Grown, now: int) -> None:
    """Open the new delegation, in the unit of the yes."""
    value = replace(grown.delegation, created_at=now)
    scopes = sorted({scope for detail in value.details for scope in detail.scopes})
    audit = AuditRecord(
        tag=AuditTag.DELEGATION_CREATED, outcome=Outcome.DONE, at=now, user_id=value.user_id,
        agents=(value.agent_id,), client_id=value.client_id,
        object=" ".join(o for d in value.details for o in d.objects) or None,
        detail={"scope": " ".join(scopes), "extends": value.extends or ""}
        | ({"narrowed": "yes"} if grown.narrowed else {}),
    )  # fmt: skip
    open_delegation(core, tx, value, audit=audit)


async def _askable(
    core: Core, alive: Standing, agent: Agent, details: tuple[Detail, ...]
) -> tuple[Detail, ...] | Refused:
    objects = [name for detail in details for name in detail.objects]
    if not 0 < len(details) <= MAX_DETAILS or len(objects) > MAX_OBJECTS:
        return invalid_request("malformed", "Ask for something, and not for too much at once.")
    names = [*objects, *(detail.resource for detail in details)]
    if not all(_writable(name, MAX_TEXT) for name in names):
        return invalid_request("malformed", "A resource or an object is malformed.")
    wanted: list[Detail] = []
    for detail in details:
        resource = await core.snapshot.resource(detail.resource)
        if resource is None or resource.id not in agent.ceiling.resources:
            return invalid_target("unknown_target", "The target is not registered.")
        mine = resource.closed(alive.client.scopes)
        if not detail.scopes <= mine or not _allowed(agent, resource, detail):
            return invalid_scope("nothing_left", "This can never be granted to this agent.")
        pickable = {each.type for each in resource.pickable}
        if any(name.partition(":")[0] not in pickable for name in detail.objects):
            return invalid_scope("nothing_left", "This can never be granted to this agent.")
        wanted.append(
            replace(
                detail,
                # What a scope includes comes with it, as at consent.
                scopes=resource.closed(detail.scopes),
                objects=tuple(dict.fromkeys(detail.objects)),
            )
        )
    return tuple(wanted)


def _writable(text: str, longest: int) -> bool:
    """Tell whether a name can be stored, and read as one in the audit."""
    return 0 < len(text) <= longest and text.isprintable() and not any(c.isspace() for c in text)


def _allowed(agent: Agent, resource: Resource, detail: Detail) -> bool:
    return (
        bool(detail.scopes)
        and resource.id in agent.ceiling.resources
        and detail.scopes
        <= resource.for_agents(resource.closed(agent.ceiling.scopes) & frozenset(resource.scopes))
        and all(resource.owns(name) for name in detail.objects)
    )


def _held(base: Delegation, wanted: Detail) -> bool:
    return any(
        have.resource == wanted.resource
        and wanted.scopes <= have.scopes
        and set(wanted.objects) <= set(have.objects)
        for have in base.details
    )


async def _destroys(core: Core, details: Collection[Detail]) -> bool:
    for detail in details:
        resource = await core.snapshot.resource(detail.resource)
        if resource and any(resource.scopes[name].destructive for name in detail.scopes):
            return True
    return False


async def _holds(
    core: Core, user_id: str, agent: Agent, resource: Resource, detail: Detail
) -> bool:
    """Tell whether the person holds every object now, and it lies below the agent's ceiling."""
    for name in detail.objects:
        own = [
            Query(f"user:{user_id}", pickable.relation, name)
            for pickable in resource.pickable
            if pickable.type == name.partition(":")[0]
        ]
        if not await holding(core.graph, own):
            return False
        below = [Query(f"agent:{agent.id}", "ceiling", name)]
        if agent.ceiling.object_roots and not await holding(core.graph, below):
            return False
    return True
