"""Enterprise-managed authorization: an identity assertion (ID-JAG) becomes a delegated token.

draft-ietf-oauth-identity-assertion-authz-grant §4.4; MCP ext-auth, enterprise-managed
authorization §5 and §7.6. The enterprise's policy stands in for the person's consent, so it becomes
a delegation like every other: seen and revoked by the person, bounded by ceilings, in the trail.
"""

from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.issuers import IssuerPurpose
from server.domain.refusal import Refused, invalid_scope, invalid_target
from server.domain.registry import Agent, Resource
from server.domain.resource_uri import registered_form
from server.domain.tokens import TokenKind
from server.domain.unit import Unit
from server.protocol.assertions import Asserted, bad_assertion, read_assertion
from server.protocol.grants.base import GrantContext, TokenRequest
from server.protocol.grants.client_credentials import no_agent
from server.protocol.grants.enterprise_row import Stand, stand_for
from server.protocol.grants.enterprise_user import person_of
from server.protocol.grants.token_exchange import granted_details
from server.protocol.minting import Authorization
from server.protocol.scopes import in_force, parse_scope, under_ceilings


async def by_enterprise(context: GrantContext, request: TokenRequest) -> Authorization | Refused:
    """Return a delegated token for the assertion's resource, by the checks in the draft's order."""
    core, agent = context.core, request.acting
    if not request.client.confidential:
        return Refused(
            error="unauthorized_client",
            reason="public_client",
            description="Only confidential clients may use assertions.",
        )
    if agent is None:
        return no_agent()
    form = request.form
    asserted = await read_assertion(
        core, context.issuer_keys, form.get("assertion"), IssuerPurpose.ID_JAG
    )
    if isinstance(asserted, Refused):
        return asserted
    if asserted.claims["client_id"] != request.client.id:
        return bad_assertion("assertion_of_other_client")
    resource = await _resource(core, request, asserted)
    if isinstance(resource, Refused):
        return resource
    given = _given(asserted, resource)
    if isinstance(given, Refused):
        return given
    wanted = parse_scope(form.get("scope"))
    if isinstance(wanted, Refused):
        return wanted
    allowance = asserted.issuer.allowance(request.client.id, resource.id)
    if allowance is None:
        return bad_assertion("not_allowed_by_policy")
    person = await person_of(core, asserted)
    if isinstance(person, Refused):
        return person
    request.concerns.user_id = person.user.id
    stand = await stand_for(core, request, agent, asserted.issuer.id, allowance, resource, person)
    if isinstance(stand, Refused):
        return stand
    request.concerns.grant_id = None if stand.path is None else stand.row.id
    # Left out, the request asks for all that the assertion carries; never for more.
    left = given if wanted is None else given & resource.closed(wanted)
    left &= resource.closed(request.client.scopes) & stand.row.scopes_at(resource.id)
    left = under_ceilings(left, resource, (agent,))
    if stand.path is not None:
        left &= in_force(stand.path, resource.id)
    if not left:
        return invalid_scope("nothing_left", "Nothing is left of the scope.")
    return _authorization(core, request, agent, resource, asserted, stand, left)


async def _resource(core: Core, request: TokenRequest, asserted: Asserted) -> Resource | Refused:
    """§7.6.2: the `resource` of the assertion is one of ours, and what the request names."""
    resource = await core.snapshot.resource(asserted.claims["resource"])
    if resource is None:
        return bad_assertion("assertion_resource", detail="not registered")
    named = {*request.form.every("resource"), *request.form.every("audience")}
    if any(registered_form(uri, {resource.id}) != resource.id for uri in named):
        return invalid_target("target_not_granted", "The assertion is for another resource.")
    return resource


def _given(asserted: Asserted, resource: Resource) -> frozenset[str] | Refused:
    """Return the scope of the assertion; §7.6.2: one that the resource does not know is refused.

    An assertion without `scope` gives no more than the resource's default.
    """
    given = parse_scope(asserted.claims.get("scope"))
    if given is None:
        return resource.closed(resource.default_scopes)
    if isinstance(given, Refused) or not given <= frozenset(resource.scopes):
        return bad_assertion("assertion_scope")
    # A scope means what it includes at this resource, whoever names it.
    return resource.closed(given)


def _authorization(
    core: Core,
    request: TokenRequest,
    agent: Agent,
    resource: Resource,
    asserted: Asserted,
    stand: Stand,
    scope: frozenset[str],
) -> Authorization:
    row, issuer = stand.row, asserted.issuer

    def consume(tx: Unit) -> Refused | None:
        return asserted.use(core, tx)

    return Authorization(
        kind=TokenKind.DELEGATED,
        client=request.client,
        sub=row.user_id,
        # §5.1: restricted to the resource of the assertion; no refresh token, ever.
        audience=resource.id,
        scope=scope,
        ttl=resource.token_ttl,
        not_after=row.expires_at,
        grant_id=row.id,
        chain=(agent.id,),
        details=granted_details(row, resource.id, scope),
        alg=resource.alg,
        depends=stand.depends
        | {
            ("client", request.client.id),
            ("agent", agent.id),
            ("issuer", issuer.id),
            ("user", row.user_id),
            ("resource", resource.id),
        },
        consume=consume,
        inserts=stand.inserts,
        audit=AuditRecord(
            tag=AuditTag.ASSERTION_TOKEN,
            outcome=Outcome.DONE,
            at=request.now,
            user_id=row.user_id,
            agents=(agent.id,),
            client_id=request.client.id,
            grant_id=row.id,
            resource=resource.id,
            request_id=request.request_id,
            detail={"issuer": issuer.id, "assertion": asserted.jti or ""},
        ),
    )
