"""RFC 8693 token exchange by the rules X1 to X7: from provenance to one narrow token."""

from dataclasses import replace

from server.delegation.standing import Standing
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.delegation import Delegation, Detail
from server.domain.refusal import Refused, invalid_request, invalid_scope, invalid_target
from server.domain.registry import Agent, GrantType, Resource
from server.domain.tokens import TokenKind
from server.protocol.authorization_details import invalid_details, parse_authorization_details
from server.protocol.authorize_targets import agent_id_of
from server.protocol.grants.assert_identity import assert_identity
from server.protocol.grants.base import GrantContext, TokenRequest
from server.protocol.grants.handover import downstream, hand_over
from server.protocol.grants.subject import (
    ACCESS_TOKEN,
    Authority,
    find_authority,
    read_actor,
    read_subject,
    unacceptable,
)
from server.protocol.id_jag import ID_JAG_TOKEN
from server.protocol.minting import Authorization
from server.protocol.scopes import in_force, parse_scope, under_ceilings, words


class TokenExchange:
    """An agent acting for a user; or, by an admin's flag alone, impersonation (X7)."""

    grant_type = GrantType.TOKEN_EXCHANGE

    async def authorize(
        self, context: GrantContext, request: TokenRequest
    ) -> Authorization | Refused:
        """Decide by stored records and the client, never by which parameters are present (X1)."""
        if not request.client.confidential:
            return Refused(
                error="unauthorized_client",
                reason="public_client",
                description="Only confidential clients may exchange tokens.",
            )
        if request.form.get("requested_token_type") == ID_JAG_TOKEN:
            return await assert_identity(context, request)
        # RFC 8693 §2.1: what else we do not issue is refused, not ignored.
        if request.form.get("requested_token_type") not in (None, ACCESS_TOKEN):
            return invalid_request(
                "requested_token_type_unsupported",
                "Only access tokens and identity assertions can be requested.",
            )
        subject = await read_subject(context, request)
        if isinstance(subject, Refused):
            return subject
        target = await _target(context.core, request, subject)
        if isinstance(target, Refused):
            return target
        wanted = parse_scope(request.form.get("scope"))
        if isinstance(wanted, Refused):
            return wanted
        if request.acting is None:
            return await _impersonate(context, request, subject, target, wanted)
        actor = await read_actor(context, request, request.acting)
        if isinstance(actor, Refused):
            return actor
        authority = await find_authority(context, request, subject, request.acting, target)
        if isinstance(authority, Refused):
            return authority
        return await _delegated(
            context, request, request.acting, subject, actor, authority, target, wanted
        )


async def _target(core: Core, request: TokenRequest, subject: Standing) -> str | Refused:
    """X6: exactly one target; absent, the subject's own audience."""
    named = {*request.form.every("resource"), *request.form.every("audience")}
    if len(named) > 1 or len(request.form.every("resource")) > 1:
        return invalid_target("several_targets", "Name exactly one target.")
    if named:
        target = named.pop()
        resource = await core.snapshot.resource(target)
        return target if resource is None else resource.id  # as it is registered
    if subject.record.audience.startswith(f"{core.policy.issuer}/agents/"):
        return invalid_target("target_missing", "Name the resource that the token is for.")
    return subject.record.audience


async def _delegated(
    context: GrantContext,
    request: TokenRequest,
    agent: Agent,
    subject: Standing,
    actor: Standing,
    authority: Authority,
    target: str,
    wanted: frozenset[str] | None,
) -> Authorization | Refused:
    core = context.core
    details = _asked_details(request)
    if isinstance(details, Refused):
        return details
    if target.startswith(f"{core.policy.issuer}/agents/"):
        if authority.row.agent_id != agent.id:
            return unacceptable("not_delegate", detail=authority.row.id)
        basis = _basis(core, request, subject, actor, authority)
        return await hand_over(context, request, subject, authority, basis, target, wanted, details)
    resource = await core.snapshot.resource(target)
    if resource is None:
        return invalid_target("unknown_target", "The target is not registered.")
    if authority.row.agent_id != agent.id:
        # The subject was issued to the agent before; only a registered edge leads on (X6).
        basis = _basis(core, request, subject, actor, authority, resource)
        return await downstream(
            context, request, agent, subject, authority, basis, resource, wanted
        )
    if resource.id not in authority.row.resources:
        return invalid_target("target_not_consented", "The target is not part of the consent.")
    if details is not None:
        # The delegation decides on objects: a narrower token than its row cannot be made, and
        # what is not heeded must not seem to be.
        return invalid_details("handover_only", "Details narrow a hand-over, not a token.")
    scope = _scope(request, subject, authority, resource, wanted)
    if isinstance(scope, Refused):
        return scope
    details = granted_details(authority.row, resource.id, scope)
    return _basis(core, request, subject, actor, authority, resource, scope, details)


def _asked_details(request: TokenRequest) -> tuple[Detail, ...] | Refused | None:
    """RFC 9396 §6: a token request may narrow what is handed on."""
    text = request.form.get("authorization_details")
    if text is None:
        return None
    asked = parse_authorization_details(text)
    return asked if isinstance(asked, Refused) else asked.details


def _scope(
    request: TokenRequest,
    subject: Standing,
    authority: Authority,
    resource: Resource,
    wanted: frozenset[str] | None,
) -> frozenset[str] | Refused:
    """X6: requested ∩ subject ∩ client ∩ every ceiling ∩ delegation, at the target."""
    # What a scope includes comes with the request and with what an admin set; what the person
    # agreed to and what a token says is there in full, and nothing is added to it afterwards.
    asked = resource.closed(resource.default_scopes if wanted is None else wanted)
    left = asked & resource.closed(request.client.scopes) & frozenset(resource.scopes)
    if subject.record.kind is not TokenKind.ID:
        # An ID token proves who; it has no scope to cut by (X7).
        left &= words(subject.record.scope)
    left = under_ceilings(left, resource, authority.path.agents)
    left &= in_force(authority.path, resource.id)
    if not left:
        return invalid_scope("nothing_left", "Nothing is left of the scope.")
    return left


def granted_details(row: Delegation, resource_id: str, scope: frozenset[str]) -> tuple[Detail, ...]:
    """Return the part of a delegation that a token of this scope can use."""
    cut = (replace(d, scopes=d.scopes & scope) for d in row.details if d.resource == resource_id)
    return tuple(d for d in cut if d.scopes)


def _basis(
    core: Core,
    request: TokenRequest,
    subject: Standing,
    actor: Standing,
    authority: Authority,
    resource: Resource | None = None,
    scope: frozenset[str] = frozenset(),
    details: tuple[Detail, ...] = (),
) -> Authorization:
    """What every delegated exchange has in common; what is left out here is still to come."""
    row = authority.row
    record = subject.record
    ends = [record.expires_at, *(step.expires_at for step in authority.path.path)]
    chain = tuple(agent.id for agent in reversed(authority.path.agents))
    return Authorization(
        kind=TokenKind.DELEGATED,
        client=request.client,
        sub=row.user_id,
        audience="" if resource is None else resource.id,
        scope=scope,
        ttl=core.policy.access_token_ttl if resource is None else resource.token_ttl,
        alg="ES256" if resource is None else resource.alg,
        details=details,
        # X6: never past the subject token nor the delegation.
        not_after=min(ends),
        grant_id=row.id,
        chain=chain,
        sid=record.sid,
        parent_jti=record.jti,
        actor_jti=actor.record.jti,
        issued_token_type=ACCESS_TOKEN,
        depends=subject.depends | actor.depends | authority.path.depends,
        audit=AuditRecord(
            tag=AuditTag.EXCHANGE,
            outcome=Outcome.DONE,
            at=request.now,
            user_id=row.user_id,
            agents=chain,
            client_id=request.client.id,
            grant_id=row.id,
            resource=None if resource is None else resource.id,
            request_id=request.request_id,
            detail={"subject_jti": record.jti, "actor_jti": actor.record.jti},
        ),
    )


async def _impersonate(
    context: GrantContext,
    request: TokenRequest,
    subject: Standing,
    target: str,
    wanted: frozenset[str] | None,
) -> Authorization | Refused:
    """X7: same `sub`, narrower, no `act`; only for a client that an admin flagged."""
    # X2: where nobody acts, an actor token has nothing to say.
    if "actor_token" in request.form or "actor_token_type" in request.form:
        return unacceptable("actor_token_without_agent")
    record = subject.record
    if record.kind is not TokenKind.USER or not request.client.may_impersonate:
        return unacceptable("actor_token_required", detail=record.kind.value)
    if agent_id_of(context.core.policy.issuer, record.audience) is not None:
        # The user allowed an agent something, perhaps on few objects; nobody allowed the client.
        return unacceptable("subject_for_agent", detail=record.jti)
    resource = await context.core.snapshot.resource(target)
    if resource is None:
        return invalid_target("unknown_target", "The target is not registered.")
    asked = resource.closed(resource.default_scopes if wanted is None else wanted)
    left = asked & resource.closed(request.client.scopes) & frozenset(resource.scopes)
    left &= words(record.scope)
    if not left:
        return invalid_scope("nothing_left", "Nothing is left of the scope.")
    return Authorization(
        kind=TokenKind.USER,
        client=request.client,
        sub=record.sub,
        audience=resource.id,
        scope=left,
        ttl=resource.token_ttl,
        not_after=record.expires_at,
        sid=record.sid,
        parent_jti=record.jti,
        alg=resource.alg,
        issued_token_type=ACCESS_TOKEN,
        depends=subject.depends,
        audit=AuditRecord(
            tag=AuditTag.IMPERSONATION,
            outcome=Outcome.DONE,
            at=request.now,
            user_id=record.sub,
            client_id=request.client.id,
            resource=resource.id,
            request_id=request.request_id,
            detail={"subject_jti": record.jti},
        ),
    )
