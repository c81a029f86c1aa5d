"""Consent: what a person picked becomes a delegation, tuples and audit, in one unit (X9)."""

from dataclasses import dataclass, replace
from typing import Final

from server.delegation.lifecycle import close_delegation, open_delegation
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.delegation import Delegation, Detail
from server.domain.interactions import Interaction
from server.domain.people import Session, UserStatus
from server.domain.registry import Agent, Ceiling
from server.domain.unit import Unit
from server.identity.consent_objects import Held, Holdings, may_pick
from server.identity.consent_offer import (
    MAX_PICKED,
    Edge,
    NoOffer,
    Offer,
    make_offer,
)

SESSION: Final = "session"
KEPT: Final = "kept"
"""Durations in words: until sign-out; until it is taken back (sign-in alone)."""
DURATIONS: Final = (3600, 86_400, 7 * 86_400, 30 * 86_400, 90 * 86_400)
"""Seconds that may be chosen, as far as the policy allows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picks:
    """What was ticked, as the form's values; what is not among the offered counts for nothing."""

    scopes: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()
    hand_overs: frozenset[str] = frozenset()
    downstreams: frozenset[str] = frozenset()
    duration: str = SESSION
    allow_sharing: bool = False
    keep_earlier: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """The consent stands; it is the first one of its interaction, or the click before was."""

    grant_id: str | None


@dataclass(frozen=True, slots=True)
class NotRecorded:
    """Nothing was written. `problem` says to the person what to change; none if it is over."""

    reason: str
    problem: str | None = None


def offered_durations(core: Core, offer: Offer) -> tuple[str, ...]:
    """Return the values of `duration` that this offer allows, the shortest first."""
    if not offer.delegates:
        return (SESSION, KEPT) if offer.offline else (SESSION,)
    if not offer.offline:
        # X9: without offline_access it ends with the session, whatever the time says.
        return ("3600", SESSION)
    longest = core.policy.delegation_max_ttl
    return (SESSION, *(str(s) for s in DURATIONS if 3600 < s <= longest))


def edge_key(edge: Edge) -> str:
    """Return the value that stands for a downstream edge in a form."""
    return " ".join(edge)


async def record_consent(
    core: Core, interaction: Interaction, session: Session, picks: Picks
) -> Recorded | NotRecorded:
    """Check the picks against what was asked and is held now, and store what they allow.

    Raises GraphUnavailable: who cannot be asked what the person holds stores nothing.
    """
    now = core.clock.now()
    ids = {name: core.entropy.id(name) for name in ("dlg", "agt")}
    request = interaction.request
    seen = await core.store.read(lambda tx: make_offer(core, tx, request, session.user_id, now))
    holdings: Holdings = {}
    if isinstance(seen, Offer) and len(picks.objects) <= MAX_PICKED:
        holdings = await may_pick(core.graph, seen, session.user_id, picks.objects)

    def unit(tx: Unit) -> Recorded | NotRecorded:
        current = core.rows.sessions.get(tx, session.id)
        # One answer of a person at a time: the later one replaces the earlier, never both live.
        user = core.rows.users.held(tx, session.user_id)
        if current is None or not current.alive(now):
            return NotRecorded("session_ended")
        if user is None or user.status is not UserStatus.ACTIVE:
            return NotRecorded("user_disabled")
        offer = make_offer(core, tx, request, session.user_id, now)
        if isinstance(offer, NoOffer):
            return NotRecorded(offer.reason)
        if not isinstance(seen, Offer) or offer.bounds != seen.bounds:
            # What was asked of the graph is about another offer: the page is shown again.
            return NotRecorded("registry_changed")
        if picks.duration not in offered_durations(core, offer):
            return NotRecorded("duration", "Choose for how long.")
        details = _details(offer, picks, holdings)
        if isinstance(details, NotRecorded):
            return details
        grant_id = ids["dlg"] if offer.delegates else None
        if not core.rows.interactions.consented(tx, interaction.id, grant_id, now):
            row = core.rows.interactions.get(tx, interaction.id)
            return Recorded(row.grant_id if row is not None else None)
        # From here on nothing can refuse.
        _remember(core, tx, offer, session, picks, now)
        if grant_id is None:
            return Recorded(None)
        agent = offer.agent or _provisional(core, tx, offer, ids["agt"], now)
        delegation = _delegation(core, offer, agent, current, grant_id, details, picks, now)
        _store(core, tx, offer, delegation, keep=picks.keep_earlier)
        return Recorded(grant_id)

    return await core.store.write(unit)


def _details(offer: Offer, picks: Picks, holdings: Holdings) -> tuple[Detail, ...] | NotRecorded:
    """Return what was picked and may be given: nothing picked, nothing granted."""
    if len(picks.objects) > MAX_PICKED:
        return NotRecorded("too_many_objects", f"Tick at most {MAX_PICKED} things.")
    details: list[Detail] = []
    for section in offer.sections:
        scopes = frozenset(
            s.name for s in section.scopes if section.scope_key(s.name) in picks.scopes
        )
        if section.scopes and not scopes:
            continue
        scopes = section.with_included(scopes, offer.agent)
        names = section.names_of(picks.objects)
        held = holdings.get(section.number, Held()).names
        if offer.delegates and len(held) < len(names):
            return NotRecorded("object_not_held", "Something you ticked is no longer yours.")
        details.append(Detail(resource=section.resource.id, scopes=scopes, objects=held))
    if not details and any(section.scopes for section in offer.sections):
        return NotRecorded("nothing_picked", "Tick at least one thing, or choose “Not now”.")
    return tuple(details)


def _remember(core: Core, tx: Unit, offer: Offer, session: Session, picks: Picks, now: int) -> None:
    """Keep what the client may know; the newest answer to each question counts."""
    picked = {s for s in offer.identity if s == "openid" or s in picks.scopes}
    asked = set(offer.identity)
    if not offer.delegates:
        for section in offer.sections:
            names = frozenset(scope.name for scope in section.scopes)
            asked |= section.with_included(names, None)
            picked |= section.with_included(names & picks.scopes, None)
        asked |= {"offline_access"} if offer.offline else set()
        picked |= {"offline_access"} if picks.duration == KEPT else set()
    user_id, client_id = session.user_id, offer.client.id
    core.rows.consents.drop(tx, user_id, client_id, frozenset(asked - picked))
    core.rows.consents.add(tx, user_id, client_id, frozenset(picked), now)
    if not offer.delegates:
        core.rows.audit.record(
            tx,
            AuditRecord(
                tag=AuditTag.CONSENT_REMEMBERED, outcome=Outcome.DONE, at=now,
                user_id=user_id, client_id=client_id, detail={"scope": " ".join(sorted(picked))},
            ),
        )  # fmt: skip


def _provisional(core: Core, tx: Unit, offer: Offer, agent_id: str, now: int) -> Agent:
    """Make the agent that stands for an unregistered client: ownerless and unverified.

    The link is set once and never changes (X2); whoever was quicker has set it.
    """
    client = offer.client
    if not core.rows.clients.link_agent(tx, client.id, agent_id):
        linked = core.rows.clients.get(tx, client.id)
        found = core.rows.agents.get(tx, linked.agent_id or "") if linked is not None else None
        if found is None:
            raise AssertionError("a linked client has an agent")
        return found
    scopes = client.scopes
    agent = Agent(
        id=agent_id,
        name=client.name,
        owner_id=None,
        provisional=True,
        created_at=now,
        ceiling=Ceiling(
            scopes=scopes,
            resources=frozenset(
                resource.id
                for resource in core.rows.resources.all(tx)
                if not scopes.isdisjoint(resource.scopes)
            )
            | {section.resource.id for section in offer.sections},
        ),
    )
    core.rows.agents.add(tx, agent)
    core.rows.audit.record(
        tx,
        AuditRecord(
            tag=AuditTag.AGENT_CHANGED, outcome=Outcome.DONE, at=now, reason="provisional",
            client_id=client.id, agents=(agent_id,),
        ),
    )  # fmt: skip
    return agent


def _delegation(
    core: Core,
    offer: Offer,
    agent: Agent,
    session: Session,
    grant_id: str,
    details: tuple[Detail, ...],
    picks: Picks,
    now: int,
) -> Delegation:
    allowed = tuple(a.id for a in offer.hand_overs if a.id in picks.hand_overs)
    given = {(d.resource, scope) for d in details for scope in d.scopes}
    bound = picks.duration == SESSION or not offer.offline
    ends = now + core.policy.delegation_max_ttl * 1000
    if picks.duration != SESSION:
        ends = min(ends, now + int(picks.duration) * 1000)
    if bound:
        ends = min(ends, session.expires_at)
    return Delegation(
        id=grant_id,
        user_id=session.user_id,
        agent_id=agent.id,
        client_id=offer.client.id,
        details=details,
        path=(grant_id,),
        purpose=agent.purpose,
        allow_agents=allowed,
        allow_edges=tuple(
            edge
            for edge in offer.edges
            if edge_key(edge) in picks.downstreams and edge[:2] in given
        ),
        max_depth=offer.max_depth if allowed else 0,
        allow_sharing=picks.allow_sharing,
        sid=session.id if bound else None,
        created_at=now,
        expires_at=ends,
    )


def _store(core: Core, tx: Unit, offer: Offer, delegation: Delegation, *, keep: bool) -> None:
    """Open the delegation; close what it takes the place of, in the same transaction (X9)."""
    audit = AuditRecord(
        tag=AuditTag.DELEGATION_CREATED, outcome=Outcome.DONE, at=delegation.created_at,
        user_id=delegation.user_id, agents=(delegation.agent_id,),
        client_id=delegation.client_id, grant_id=delegation.id,
    )  # fmt: skip
    for earlier in () if keep else offer.earlier:
        close_delegation(core, tx, earlier, reason="replaced", audit=audit)
        core.rows.audit.record(
            tx,
            replace(audit, tag=AuditTag.DELEGATION_REPLACED, detail={"earlier": earlier.id}),
        )
    scopes = sorted({scope for detail in delegation.details for scope in detail.scopes})
    open_delegation(core, tx, delegation, audit=replace(audit, detail={"scope": " ".join(scopes)}))
