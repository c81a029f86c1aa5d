"""One more hop: a ticket for the next agent, or a registered way downstream (X4, X6)."""

from dataclasses import replace

from authz.graph import holding
from authz.relations import Query
from server.delegation.lifecycle import shrink
from server.delegation.standing import Standing
from server.domain.audit import AuditTag
from server.domain.core import Core
from server.domain.delegation import Delegation, Detail, consent_subject
from server.domain.refusal import Refused, invalid_scope, invalid_target
from server.domain.registry import Agent, Resource, Status, agent_uri
from server.domain.tokens import TokenKind
from server.protocol.grants.base import GrantContext, TokenRequest
from server.protocol.grants.children import find_hop, make_child
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
        or not all(other.id in step.allow_agents for step in authority.path.path)
        or other.id in {step.agent_id for step in authority.path.path}
        or row.max_depth < 1
        or len(row.path) >= core.policy.max_depth
    ):
        return invalid_target("handover_not_consented", _NOT_CONSENTED)
    said = None if subject.record.kind is TokenKind.ID else words(subject.record.scope)
    kept = await _details(core, authority, other, request, said, wanted)
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
    child = replace(
        make_child(core, request, row, other, kept),
        allow_agents=tuple(a for a in row.allow_agents if a != other.id),
        allow_edges=row.allow_edges,
        max_depth=row.max_depth - 1,
    )
    chain = (other.id, *basis.chain)
    hop = await find_hop(core, request, row, child, chain, exact=details is not None)
    if isinstance(hop, Refused):
        return hop
    kept = shrink(kept, hop.row.details)
    scope = frozenset(s for d in kept for s in d.scopes)
    if not scope:
        return invalid_scope("nothing_left", "Nothing is left of the scope.")
    return replace(
        basis,
        kind=TokenKind.HANDOVER,
        audience=agent_uri(core.policy.issuer, other.id),
        scope=scope,
        chain=(),
        may_act=other.id,
        grant_id=hop.row.id,
        details=tuple(d for d in kept if d.scopes),
        depends=basis.depends | hop.depends | {("agent", other.id)},
        inserts=hop.inserts,
        audit=replace(
            basis.audit,
            tag=AuditTag.HANDOVER,
            grant_id=hop.row.id,
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
    # X9: what the token said when it was minted, as far as the user has not taken it back.
    held = words(record.scope) & in_force(authority.path, here)
    ways = frozenset(
        edge.to_scope
        for edge in (source.edges if source is not None else ())
        if edge.to_resource == resource.id
        and edge.scope in held
        and all(
            (here, edge.scope, resource.id, edge.to_scope) in step.allow_edges
            for step in authority.path.path
        )
    )
    if not ways or len(row.path) >= core.policy.max_depth or agent.id in basis.chain:
        return invalid_target("no_edge", "There is no consented way to this target.")
    asked = resource.closed(resource.default_scopes if wanted is None else wanted)
    # An edge gives the scope that it names, and not what that one includes.
    left = asked & ways & resource.closed(request.client.scopes) & frozenset(resource.scopes)
    left = under_ceilings(left, resource, (*authority.path.agents, agent))
    if not left:
        return invalid_scope("nothing_left", "Nothing is left of the scope.")
    kept = (Detail(resource=resource.id, scopes=left),)
    child = replace(make_child(core, request, row, agent, kept), via=here)
    chain = (agent.id, *basis.chain)
    hop = await find_hop(core, request, row, child, chain, exact=False)
    if isinstance(hop, Refused):
        return hop
    left &= hop.row.scopes_at(resource.id)
    if not left:
        return invalid_scope("nothing_left", "Nothing is left of the scope.")
    return replace(
        basis,
        scope=left,
        chain=chain,
        grant_id=hop.row.id,
        details=(Detail(resource=resource.id, scopes=left),),
        depends=basis.depends | hop.depends | {("agent", agent.id), ("resource", here)},
        inserts=hop.inserts,
        audit=replace(
            basis.audit,
            agents=chain,
            grant_id=hop.row.id,
            resource=resource.id,
        ),
    )


async def _details(
    core: Core,
    authority: Authority,
    other: Agent,
    request: TokenRequest,
    said: frozenset[str] | None,
    wanted: frozenset[str] | None,
) -> tuple[Detail, ...]:
    """Cut every detail of the delegation to what the next agent may hold of it.

    `said` is the scope of the subject token, none for an ID token, which has none.
    """
    kept = []
    for detail in authority.row.details:
        resource = await core.snapshot.resource(detail.resource)
        scopes = frozenset[str]()
        if resource is not None:
            scopes = detail.scopes & in_force(authority.path, resource.id)
            scopes &= resource.closed(request.client.scopes)
            if said is not None:
                scopes &= said
            if wanted is not None:
                scopes &= resource.closed(wanted)
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
    held = await holding(core.graph, queries)
    return tuple(result) if all(query in held for query in queries) else None
