"""client_credentials: an agent as itself, and nothing that anyone consented to (X8)."""

from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.refusal import Refused, invalid_scope, invalid_target
from server.domain.registry import Agent, GrantType, Resource
from server.domain.tokens import TokenKind
from server.protocol.grants.base import GrantContext, TokenRequest
from server.protocol.minting import Authorization
from server.protocol.scopes import parse_scope, under_ceilings


class ClientCredentials:
    """RFC 6749 §4.4 for agents. Without a resource the audience is the issuer: an actor token."""

    grant_type = GrantType.CLIENT_CREDENTIALS

    async def authorize(
        self, context: GrantContext, request: TokenRequest
    ) -> Authorization | Refused:
        """Return an `agent_self` token for the client's own agent."""
        agent = request.acting
        if agent is None:
            return no_agent()
        wanted = parse_scope(request.form.get("scope"))
        if isinstance(wanted, Refused):
            return wanted
        resource = await own_target(context, request)
        if isinstance(resource, Refused):
            return resource
        scope = own_scope(request, agent, resource, wanted)
        if isinstance(scope, Refused):
            return scope
        policy = context.core.policy
        return Authorization(
            kind=TokenKind.AGENT_SELF,
            client=request.client,
            sub=agent.id,
            audience=policy.issuer if resource is None else resource.id,
            scope=scope,
            ttl=policy.access_token_ttl if resource is None else resource.token_ttl,
            alg="ES256" if resource is None else resource.alg,
            depends=frozenset({("client", request.client.id), ("agent", agent.id)}),
            audit=AuditRecord(
                tag=AuditTag.CLIENT_TOKEN,
                outcome=Outcome.DONE,
                at=request.now,
                agents=(agent.id,),
                client_id=request.client.id,
                resource=None if resource is None else resource.id,
                request_id=request.request_id,
            ),
        )


def no_agent() -> Refused:
    """Refuse a client that no agent acts through."""
    return Refused(
        error="unauthorized_client",
        reason="no_agent",
        description="Only the client of an agent may use this grant type.",
    )


async def own_target(context: GrantContext, request: TokenRequest) -> Resource | Refused | None:
    """Return what the token is for; `audience` is how clients of OpenFGA name it."""
    named = {*request.form.every("resource"), *request.form.every("audience")}
    if not named:
        return None
    if len(named) > 1 or len(request.form.every("resource")) > 1:
        return invalid_target("several_targets", "Name one resource.")
    (target,) = named
    if target == context.core.policy.issuer:
        return None
    resource = await context.core.snapshot.resource(target)
    if resource is None:
        return invalid_target("unknown_target", "The resource is not registered.")
    return resource


def own_scope(
    request: TokenRequest,
    agent: Agent,
    resource: Resource | None,
    wanted: frozenset[str] | None,
) -> frozenset[str] | Refused:
    """Return what an agent gets as itself: of its own kind of scope, and below its ceiling (X8)."""
    if resource is None:
        if wanted:
            return invalid_scope("nothing_left", "Scopes need a resource to belong to.")
        return frozenset()
    asked = resource.closed(resource.default_scopes if wanted is None else wanted)
    left = asked & resource.agent_own & resource.closed(request.client.scopes)
    left = under_ceilings(left, resource, (agent,))
    if not left:
        return invalid_scope("nothing_left", "Nothing is left of the scope.")
    return left
