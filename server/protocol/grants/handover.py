"""One more hop: a ticket for the next agent, or a registered way downstream (X4, X6)."""

from dataclasses import replace

from authz.relations import Query
from server.delegation.lifecycle import open_delegation
from server.delegation.standing import Standing
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.delegation import Delegation, Detail, consent_subject
from server.domain.refusal import Refused, invalid_scope, invalid_target
from server.domain.registry import Agent, Resource, Status, agent_uri
from server.domain.tokens import TokenKind
from server.domain.unit import Unit
from server.protocol.grants.base import GrantContext, TokenRequest
from server.protocol.grants.subject import Authority, unacceptable
from server.protocol.minting import Authorization
from server.protocol.scopes import in_force, under_ceilings, words

_NOT_CONSENTED = "The consent does not allow this hand-over."


async def hand_over(
    context: GrantContext,
    request: TokenRequest,
    subject: Standing,
    authority: Authority,
    basis: Authorization,
    target: str,
    wanted: frozenset[str] | None,
    details: tuple[Detail, ...] | None,
) -> Authorization | Refused:
    """Make a child delegation and a ticket that only the agent of `target` can use."""
    core, row = context.core, authority.row
    other = await core.snapshot.agent(target.removeprefix(agent_uri(core.policy.issuer, "")))
    # An agent that does not exist, is not named or stands in the chain already: one answer.
    if (
        other is None
        or other.status is not Status.ACTIVE
        or other.id not in row.allow_agents
        or other.id in {step.agent_id for step in authority.path.path}
        or row.max_depth < 1
        or len(row.path) >= core.policy.max_depth
    ):
        return invalid_target("handover_not_consented", _NOT_CONSENTED)
    limit = request.client.scopes
    if subject.record.kind is not TokenKind.ID:
        limit &= words(subject.record.scope)
    if wanted is not None:
        limit &= wanted
    kept = await _details(core, authority, other, limit)
    if details is not None:
        narrowed = await _narrowed(core, row, kept, details)
        if narrowed is None:
            return Refused(
                error="invalid_authorization_details",
                reason="objects_exceed_delegation",
                description="An object is not within the delegation.",
            )
        kept = narrowed
    if not any(detail.scopes for detail in kept):
        return invalid_scope("nothing_left", "Nothing is left of the scope.")
    child = _child(core, request, row, other, kept, allow_agents=row.allow_agents)
    child = replace(child, max_depth=row.max_depth - 1, allow_edges=row.allow_edges)
    known = await _same_child(core, child, request.now)
    scope = frozenset(s for d in kept for s in d.scopes)
    return replace(
        basis,
        kind=TokenKind.HANDOVER,
        audience=agent_uri(core.policy.issuer, other.id),
        scope=scope,
        chain=(),
        may_act=other.id,
        grant_id=(known or child).id,
        details=tuple(d for d in kept if d.scopes),
        depends=basis.depends | {("agent", other.id)},
        inserts=() if known else (_opening(core, request, child, (other.id, *basis.chain)),),
        audit=replace(
            basis.audit,
            tag=AuditTag.HANDOVER,
            grant_id=(known or child).id,
            detail={**basis.audit.detail, "to_agent": other.id},
        ),
    )


async def downstream(
    context: GrantContext,
    request: TokenRequest,
    agent: Agent,
    subject: Standing,
    authority: Authority,
    basis: Authorization,
    resource: Resource,
    wanted: frozenset[str] | None,
) -> Authorization | Refused:
    """Let a resource server that is an agent go on along an edge that the user saw (X6)."""
    core, row, record = context.core, authority.row, subject.record
    here = request.client.resource_id
    if here is None or record.audience != here:
        return unacceptable("not_delegate", detail=row.id)
    source = await core.snapshot.resource(here)
    held = words(record.scope)
    ways = frozenset(
        edge.to_scope
        for edge in (source.edges if source is not None else ())
        if edge.to_resource == resource.id
        and edge.scope in held
        and (here, edge.scope, resource.id, edge.to_scope) in row.allow_edges
    )
    if not ways or len(row.path) >= core.policy.max_depth or agent.id in basis.chain:
        return invalid_target("no_edge", "There is no consented way to this target.")
    asked = resource.default_scopes if wanted is None else wanted
    left = asked & ways & request.client.scopes & frozenset(resource.scopes)
    left = under_ceilings(left, resource, (*authority.path.agents, agent))
    if not left:
        return invalid_scope("nothing_left", "Nothing is left of the scope.")
    kept = (Detail(resource=resource.id, scopes=left),)
    child = _child(core, request, row, agent, kept, allow_agents=())
    known = await _same_child(core, child, request.now)
    chain = (agent.id, *basis.chain)
    return replace(
        basis,
        scope=left,
        chain=chain,
        grant_id=(known or child).id,
        details=kept,
        depends=basis.depends | {("agent", agent.id), ("resource", here)},
        inserts=() if known else (_opening(core, request, child, chain),),
        audit=replace(
            basis.audit,
            agents=chain,
            grant_id=(known or child).id,
            resource=resource.id,
        ),
    )


async def _details(
    core: Core, authority: Authority, other: Agent, limit: frozenset[str]
) -> tuple[Detail, ...]:
    """Cut every detail of the delegation to what the next agent may hold of it."""
    kept = []
    for detail in authority.row.details:
        resource = await core.snapshot.resource(detail.resource)
        scopes = frozenset[str]()
        if resource is not None:
            scopes = detail.scopes & limit & in_force(authority.path, resource.id)
            scopes = under_ceilings(scopes, resource, (*authority.path.agents, other))
        kept.append(replace(detail, scopes=scopes))
    return tuple(kept)


async def _narrowed(
    core: Core, row: Delegation, kept: tuple[Detail, ...], wanted: tuple[Detail, ...]
) -> tuple[Detail, ...] | None:
    """Cut to the asked details; none if an asked object is not within the delegation."""
    result = []
    queries = []
    for number, detail in enumerate(kept):
        fitting = [w for w in wanted if w.resource == detail.resource]
        scopes = detail.scopes & frozenset(s for w in fitting for s in w.scopes)
        objects = tuple(dict.fromkeys(o for w in fitting for o in w.objects))
        queries += [
            Query(consent_subject(row.id, number), "consented", name)
            for name in objects
            if name not in detail.objects and scopes
        ]
        result.append(replace(detail, scopes=scopes, objects=objects))
    if queries:
        answers = await core.store.read(lambda tx: core.relations.check_many(tx, queries))
        if not all(answer is True for answer in answers):
            return None
    return tuple(result)


def _child(
    core: Core,
    request: TokenRequest,
    parent: Delegation,
    agent: Agent,
    details: tuple[Detail, ...],
    *,
    allow_agents: tuple[str, ...],
) -> Delegation:
    grant_id = core.entropy.id("dlg")
    return Delegation(
        id=grant_id,
        user_id=parent.user_id,
        agent_id=agent.id,
        client_id=request.client.id,
        details=details,
        path=(*parent.path, grant_id),
        purpose=parent.purpose,
        allow_agents=tuple(a for a in allow_agents if a != agent.id),
        allow_sharing=parent.allow_sharing,
        sid=parent.sid,
        created_at=request.now,
        expires_at=parent.expires_at,
    )


async def _same_child(core: Core, child: Delegation, now: int) -> Delegation | None:
    """Find a live child that says the very same, so that repeating a hand-over adds no row."""
    tree = await core.store.read(lambda tx: core.rows.delegations.tree(tx, child.path[0]))
    for row in tree:
        if (
            row.live(now)
            and row.path[:-1] == child.path[:-1]
            and row.agent_id == child.agent_id
            and row.client_id == child.client_id
            and row.details == child.details
            and row.expires_at == child.expires_at
        ):
            return row
    return None


class _opening:  # noqa: N801 - used as a function
    """Insert a child delegation when the unit runs."""

    def __init__(
        self, core: Core, request: TokenRequest, child: Delegation, chain: tuple[str, ...]
    ) -> None:
        self._core = core
        self._child = child
        self._audit = AuditRecord(
            tag=AuditTag.DELEGATION_CREATED,
            outcome=Outcome.DONE,
            at=request.now,
            user_id=child.user_id,
            agents=chain,
            client_id=request.client.id,
            grant_id=child.id,
            request_id=request.request_id,
            detail={"parent": child.path[-2]},
        )

    def __call__(self, tx: Unit) -> None:
        open_delegation(self._core, tx, self._child, audit=self._audit)
