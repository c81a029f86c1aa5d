"""Token exchange for the agent tools of our MCP server: the token that it came with is the subject.

The rules are those of RFC 8693 exchange (X1 to X7), the code is the same; two terms differ. The
bearer token stands for the actor token: it was issued to this very client of this very agent, and
it is alive. And the subject's scope does not cut: a token for our MCP server has no scope of other
resources, so the consented right to exchange stands for the delegation as it is in force.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from authz.decision import Denied, Reason, advice
from authz.dpop import ProofFault
from server.delegation.standing import Standing
from server.domain.core import Core
from server.domain.refusal import Refused
from server.domain.registry import GrantType
from server.domain.tokens import TokenKind
from server.protocol.authorize_targets import agent_id_of
from server.protocol.dpop import refused_proof
from server.protocol.grants.base import GrantContext, TokenRequest
from server.protocol.grants.subject import find_authority, unacceptable
from server.protocol.grants.token_exchange import delegated
from server.protocol.held import holder
from server.protocol.minting import Authorization
from server.protocol.scopes import in_force, parse_scope, words

LIFETIME: Final = 120
"""Seconds. What it mints is shown to a model, so it is short-lived whatever the resource says."""


@dataclass(frozen=True, slots=True)
class HeldForm:
    """The parameters of one exchange, made by our own tools."""

    values: Mapping[str, str]

    def get(self, name: str, /) -> str | None:
        return self.values.get(name)

    def __contains__(self, name: object, /) -> bool:
        return name in self.values

    def every(self, name: str) -> tuple[str, ...]:
        return (self.values[name],) if name in self.values else ()


@dataclass(frozen=True, slots=True)
class HeldTokenExchange:
    """Exchanges the token `jti`; its `right` is the scope of ours that the tool needs."""

    jti: str
    right: str
    grant_type = GrantType.TOKEN_EXCHANGE

    async def authorize(
        self, context: GrantContext, request: TokenRequest
    ) -> Authorization | Refused:
        """Decide as `TokenExchange` does for a delegated token; the target is always named."""
        core = context.core
        if not request.client.confidential:
            return Refused(
                error="unauthorized_client",
                reason="public_client",
                description="Only confidential clients may exchange tokens.",
            )
        held = await holder(core, self.jti)
        if isinstance(held, Denied):
            return unacceptable(held.reason.value, detail=held.detail, help_by=advice(held.reason))
        record = held.record
        if record.kind is not TokenKind.DELEGATED or request.acting is None:
            return unacceptable(Reason.WRONG_KIND.value, detail=record.kind.value)
        if record.client_id != request.client.id or held.agents[-1] != request.acting:
            return unacceptable("not_presenter", detail=record.jti)
        if request.client.dpop_bound_access_tokens and record.jkt is None:
            return refused_proof(ProofFault.MISSING)
        request.concerns.user_id, request.concerns.grant_id = record.sub, record.grant_id
        # X9: the right itself may have been taken back since the token was minted.
        ours = core.policy.mcp_resource
        if self.right not in words(record.scope) & in_force(held, ours):
            return unacceptable(Reason.CONSENT_SCOPE.value, help_by=advice(Reason.CONSENT_SCOPE))
        wanted = parse_scope(request.form.get("scope"))
        if isinstance(wanted, Refused):
            return wanted
        target = request.form.get("resource") or ""
        resource = await core.snapshot.resource(target)
        target = target if resource is None else resource.id  # as it is registered
        subject = _as_delegation(core, held)
        authority = await find_authority(context, request, subject, request.acting, target)
        if isinstance(authority, Refused):
            return authority
        found = await delegated(
            context, request, request.acting, subject, held, authority, target, wanted
        )
        if isinstance(found, Refused):
            return found
        lifetime = found.ttl if agent_id_of(core.policy.issuer, target) else LIFETIME
        detail = {**found.audit.detail, "through": "mcp"}
        return replace(
            found,
            ttl=min(found.ttl, lifetime),
            # A token that is bound to a key makes no bearer token: the same key must be proven.
            key=record.jkt,
            audit=replace(found.audit, detail=detail),
        )


def _as_delegation(core: Core, held: Standing) -> Standing:
    """Let the subject's scope be that of its delegation; at our own server it stays the token's.

    Else a token with the right to exchange alone could be traded for the other rights at ours.
    """
    ours = core.policy.mcp_resource
    scope = words(held.record.scope)
    for detail in held.path[-1].details:
        if detail.resource != ours:
            scope |= detail.scopes
    return replace(held, record=replace(held.record, scope=" ".join(sorted(scope))))
