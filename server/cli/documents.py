"""What `--json` prints: stable names, told in docs/reference/cli.md. Times are Unix ms."""

from typing import TYPE_CHECKING

from server.domain.audit import AuditEntry
from server.domain.delegation import Delegation
from server.domain.id_jag_policy import IdJagPolicy
from server.domain.issuers import ClaimRule, IdentityLink, TrustedIssuer
from server.domain.people import User
from server.domain.registry import Agent, Client, Resource

if TYPE_CHECKING:
    from server.keys.signing_keys import SigningKey
    from server.services.registration import NewClient
    from server.services.review import Names
    from server.signals.audit_verify import Report


def user_document(user: User) -> dict[str, object]:
    """Return a person as JSON."""
    return {
        "user_id": user.id,
        "email": user.email,
        "name": user.name,
        "role": user.role.value,
        "status": user.status.value,
        "created_at": user.created_at,
    }


def new_client_document(new: "NewClient") -> dict[str, object]:
    """Return a new client as JSON: the only document that holds a secret."""
    return {**client_document(new.client), "client_secret": new.secret}


def client_document(client: Client) -> dict[str, object]:
    """Return a client as JSON, by the names of RFC 7591 where it has one."""
    return {
        "client_id": client.id,
        "client_name": client.name,
        "status": client.status.value,
        "token_endpoint_auth_method": client.auth.value,
        "redirect_uris": list(client.redirect_uris),
        "post_logout_redirect_uris": list(client.post_logout_redirect_uris),
        "grant_types": sorted(client.grant_types),
        "scopes": sorted(client.scopes),
        "agent_id": client.agent_id,
        "resource": client.resource_id,
        "jwks_uri": client.jwks_uri,
        "may_impersonate": client.may_impersonate,
        "may_introspect": client.may_introspect,
        "rotate_refresh": client.rotate_refresh,
        "require_par": client.require_par,
        "first_party": client.first_party,
        "id_token_alg": client.id_token_alg,
        "created_at": client.created_at,
    }


def agent_document(agent: Agent) -> dict[str, object]:
    """Return an agent as JSON."""
    return {
        "agent_id": agent.id,
        "name": agent.name,
        "status": agent.status.value,
        "owner_id": agent.owner_id,
        "purpose": agent.purpose,
        "model": agent.model,
        "version": agent.version,
        "provisional": agent.provisional,
        "scopes": sorted(agent.ceiling.scopes),
        "resources": sorted(agent.ceiling.resources),
        "object_roots": list(agent.ceiling.object_roots),
        "not_before": agent.not_before,
        "created_at": agent.created_at,
    }


def resource_document(resource: Resource) -> dict[str, object]:
    """Return a resource as JSON, in the form that `resource add` reads."""
    return {
        "id": resource.id,
        "name": resource.name,
        "scopes": [
            {"name": s.name, "description": s.description, "agent_own": s.agent_own,
             "default": s.default, "destructive": s.destructive, "includes": sorted(s.includes)}
            for s in resource.scopes.values()
        ],
        "types": sorted(resource.types),
        "pickable": [
            {"type": p.type, "relation": p.relation, "label": p.label, "contains": p.contains}
            for p in resource.pickable
        ],
        "edges": [
            {"scope": e.scope, "to_resource": e.to_resource, "to_scope": e.to_scope}
            for e in resource.edges
        ],
        "tools": [
            {"name": t.name, "title": t.title, "scopes": sorted(t.scopes)} for t in resource.tools
        ],
        "token_ttl": resource.token_ttl,
        "alg": resource.alg,
        "model": resource.model,
        "created_at": resource.created_at,
    }  # fmt: skip


def issuer_document(issuer: TrustedIssuer) -> dict[str, object]:
    """Return a trusted issuer as JSON; a pinned key set is told, keys that are fetched are not."""
    return {
        "issuer": issuer.id,
        "purpose": issuer.purpose.value,
        "algorithms": list(issuer.algorithms),
        "jwks_uri": issuer.jwks_uri,
        "jwks": issuer.jwks,
        "max_lifetime": issuer.max_lifetime,
        "token_endpoint_audience": issuer.token_endpoint_audience,
        "reusable": issuer.reusable,
        "email_domains": list(issuer.email_domains),
        "rules": [_rule(rule) for rule in issuer.rules],
        "allow": [
            {"client_id": a.client_id, "resource": a.resource, "scopes": sorted(a.scopes),
             "objects": list(a.objects)}
            for a in issuer.allowances
        ],
        "workloads": [
            {"name": w.name, "client_id": w.client_id, "rules": [_rule(rule) for rule in w.rules]}
            for w in issuer.workloads
        ],
        "created_at": issuer.created_at,
    }  # fmt: skip


def _rule(rule: ClaimRule) -> dict[str, str]:
    return {"claim": rule.claim, rule.how.value: rule.value}


def link_document(link: IdentityLink) -> dict[str, object]:
    """Return who a subject of an issuer is, as JSON."""
    return {
        "issuer": link.issuer,
        "subject": link.subject,
        "user_id": link.user_id,
        "created_at": link.created_at,
    }


def id_jag_document(policy: IdJagPolicy) -> dict[str, object]:
    """Return where a client may take people's identity, as JSON."""
    return {
        "client_id": policy.client_id,
        "audience": policy.audience,
        "resource": policy.resource,
        "scopes": sorted(policy.scopes),
        "client_id_there": policy.client_id_there,
        "with_email": policy.with_email,
        "created_at": policy.created_at,
    }


def key_document(key: "SigningKey") -> dict[str, object]:
    """Return a key as JSON, without its private half."""
    return {
        "kid": key.kid,
        "alg": key.alg,
        "status": key.status.value,
        "created_at": key.created_at,
        "activated_at": key.activated_at,
        "retire_at": key.retire_at,
        "revoked_at": key.revoked_at,
    }


def delegation_document(d: Delegation, names: "Names", condition: str) -> dict[str, object]:
    """Return a delegation as JSON; `condition` tells how it and its path stand now."""
    return {
        "grant_id": d.id,
        "user_id": d.user_id,
        "agent_id": d.agent_id,
        "agent_name": agent_name(names, d.agent_id),
        "client_id": d.client_id,
        "condition": condition,
        "purpose": d.purpose,
        "details": [
            {"resource": p.resource, "scopes": sorted(p.scopes), "objects": list(p.objects)}
            for p in d.details
        ],
        "parent_id": d.parent_id,
        "allow_agents": list(d.allow_agents),
        "allow_edges": [list(edge) for edge in d.allow_edges],
        "allow_sharing": d.allow_sharing,
        "max_depth": d.max_depth,
        "session_id": d.sid,
        "origin": d.origin,
        "created_at": d.created_at,
        "expires_at": d.expires_at,
        "revoked_at": d.revoked_at,
        "revoked_reason": d.revoked_reason,
        "last_use_at": names.last_use.get(d.id),
    }


def agent_name(names: "Names", agent_id: str) -> str:
    """Return the name of an agent, or its id."""
    agent = names.agents.get(agent_id)
    return agent.name if agent else agent_id


def event_document(entry: AuditEntry) -> dict[str, object]:
    """Return an audit event as JSON, without personal facts."""
    record = entry.record
    return {
        "event_id": entry.id,
        "at": record.at,
        "tag": record.tag.value,
        "outcome": record.outcome.value,
        "reason": record.reason,
        "user_id": record.user_id,
        "agents": list(record.agents),
        "client_id": record.client_id,
        "grant_id": record.grant_id,
        "resource": record.resource,
        "object": record.object,
        "request_id": record.request_id,
        "detail": dict(record.detail),
        "sealed": entry.sealed,
    }


def report_document(report: "Report") -> dict[str, object]:
    """Return the outcome of a check of the trail as JSON."""
    return {
        "ok": report.ok,
        "sealed": report.sealed,
        "unsealed": report.unsealed,
        "first_bad_seq": report.first_bad_seq,
        "what": report.what,
        "head": report.head,
    }
