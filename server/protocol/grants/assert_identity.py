"""Token exchange for an identity assertion: taking a person's identity to another server.

draft-ietf-oauth-identity-assertion-authz-grant §4.3; MCP ext-auth, enterprise-managed authorization
§4. What decides is an administrator's policy for the client, the person's own sign-in at it, and,
where an agent asks, a delegation to it that still lives: whoever revokes the agent stops this too.
"""

from server.delegation.standing import Standing
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.id_jag_policy import IdJagPolicy
from server.domain.refusal import Refused, invalid_request, invalid_scope, invalid_target
from server.domain.registry import agent_uri
from server.domain.tokens import TokenKind
from server.protocol.grants.base import GrantContext, TokenRequest
from server.protocol.grants.subject import consent_required, read_subject, unacceptable
from server.protocol.id_jag import TTL, IdJag
from server.protocol.minting import Authorization
from server.protocol.scopes import parse_scope


async def assert_identity(context: GrantContext, request: TokenRequest) -> Authorization | Refused:
    """Return an identity assertion for one (audience, resource) pair of the client's policy."""
    core, form = context.core, request.form
    # §4.3: the actor is the client that authenticates; what is not heeded must not seem to be.
    for name in ("actor_token", "actor_token_type", "authorization_details", "grant_id"):
        if name in form:
            return invalid_request("not_for_assertions", f"{name} is not for identity assertions.")
    # §4.3.3: the ID token is this very client's; X7: young, and its session lives.
    subject = await read_subject(context, request)
    if isinstance(subject, Refused):
        return subject
    if subject.record.kind is not TokenKind.ID:
        return unacceptable("wrong_kind", detail=subject.record.kind.value)
    policy = await _policy(core, request)
    if isinstance(policy, Refused):
        return policy
    wanted = parse_scope(form.get("scope"))
    if isinstance(wanted, Refused):
        return wanted
    scope = policy.scopes if wanted is None else policy.scopes & wanted
    if not scope:
        return invalid_scope("nothing_left", "Nothing is left of the scope.")
    if request.acting is not None and not await _acts_for(core, request, subject):
        return consent_required("the agent has no live delegation")
    session = await core.snapshot.session(subject.record.sid or "")
    signed_in = None if session is None else session.auth_time
    return _authorization(core, request, subject, policy, scope, signed_in)


async def _policy(core: Core, request: TokenRequest) -> IdJagPolicy | Refused:
    """§7.6.1: one pair that an administrator allowed this client, compared exactly."""
    audiences, resources = request.form.every("audience"), request.form.every("resource")
    if len(audiences) != 1 or len(resources) > 1:
        return invalid_target("several_targets", "Name one audience, and one resource at most.")
    [audience] = audiences
    allowed = await core.store.read_row(
        lambda tx: core.rows.id_jag_policies.of_client(tx, request.client.id, audience)
    )
    fitting = [each for each in allowed if not resources or each.resource == resources[0]]
    if not fitting:
        return invalid_target("unknown_target", "The target is not allowed for this client.")
    if len(fitting) > 1:
        return invalid_target("target_missing", "Name the resource.")
    return fitting[0]


async def _acts_for(core: Core, request: TokenRequest, subject: Standing) -> bool:
    agent_id = "" if request.acting is None else request.acting.id
    rows = await core.store.read_row(
        lambda tx: core.rows.delegations.of_pair(tx, subject.record.sub, agent_id)
    )
    return any(row.live(request.now) and len(row.path) == 1 for row in rows)


def _authorization(
    core: Core,
    request: TokenRequest,
    subject: Standing,
    policy: IdJagPolicy,
    scope: frozenset[str],
    signed_in: int | None,
) -> Authorization:
    record, agent, user = subject.record, request.acting, subject.user
    issuer = core.policy.issuer
    told = user is not None and user.vouched and policy.with_email
    return Authorization(
        kind=TokenKind.ID_JAG,
        client=request.client,
        sub=record.sub,
        audience=policy.audience,
        scope=scope,
        ttl=TTL,
        sid=record.sid,
        auth_time=signed_in,
        parent_jti=record.jti,
        id_jag=IdJag(
            resource=policy.resource,
            client_id_there=policy.client_id_there,
            actor=None if agent is None else agent_uri(issuer, agent.id),
            email=user.email if told and user is not None else None,
        ),
        depends=subject.depends | {("client", request.client.id)},
        audit=AuditRecord(
            tag=AuditTag.IDENTITY_ASSERTED,
            outcome=Outcome.DONE,
            at=request.now,
            user_id=record.sub,
            agents=() if agent is None else (agent.id,),
            client_id=request.client.id,
            resource=policy.resource,
            request_id=request.request_id,
            detail={"audience": policy.audience, "subject_jti": record.jti},
        ),
    )
