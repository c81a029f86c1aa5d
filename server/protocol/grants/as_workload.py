"""A workload as the agent that it is: `agent_self`, never anything of a person (X8)."""

from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.issuers import workload_family
from server.domain.refusal import Refused
from server.domain.tokens import TokenKind
from server.domain.unit import Unit
from server.protocol.grants.base import GrantContext, TokenRequest
from server.protocol.grants.client_credentials import no_agent, own_scope, own_target
from server.protocol.minting import Authorization
from server.protocol.scopes import parse_scope
from server.protocol.workload import WorkloadProof


async def as_workload(
    context: GrantContext, request: TokenRequest, proof: WorkloadProof
) -> Authorization | Refused:
    """Return what client_credentials would give the client's agent, and use the assertion up."""
    core, agent, asserted = context.core, request.acting, proof.asserted
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

    def consume(tx: Unit) -> Refused | None:
        return asserted.use(core, tx)

    return Authorization(
        kind=TokenKind.AGENT_SELF,
        client=request.client,
        sub=agent.id,
        audience=core.policy.issuer if resource is None else resource.id,
        scope=scope,
        ttl=core.policy.access_token_ttl if resource is None else resource.token_ttl,
        alg="ES256" if resource is None else resource.alg,
        # By which all of them end when the issuer is trusted no more.
        family_id=workload_family(asserted.issuer.id, proof.workload.name),
        depends=frozenset(
            {("client", request.client.id), ("agent", agent.id), ("issuer", asserted.issuer.id)}
        ),
        consume=consume,
        audit=AuditRecord(
            tag=AuditTag.WORKLOAD_TOKEN,
            outcome=Outcome.DONE,
            at=request.now,
            agents=(agent.id,),
            client_id=request.client.id,
            resource=None if resource is None else resource.id,
            request_id=request.request_id,
            detail={
                "issuer": asserted.issuer.id,
                "workload": proof.workload.name,
                "subject": asserted.subject,
                **({} if asserted.jti is None else {"assertion": asserted.jti}),
            },
        ),
    )
