"""Say where a client may take people's identity, and take that back."""

from dataclasses import replace
from urllib.parse import urlsplit

from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.id_jag_policy import IdJagPolicy
from server.domain.registry import ClientAuth, GrantType
from server.domain.unit import Unit
from server.protocol.scopes import parse_scope
from server.services.registration import RegistrationError


async def allow_id_jag(core: Core, policy: IdJagPolicy, *, by: str) -> IdJagPolicy:
    """Allow a client an (audience, resource) pair, in place of what it was allowed for it.

    Raises `RegistrationError`.
    """
    for name, uri in (("audience", policy.audience), ("resource", policy.resource)):
        parts = urlsplit(uri)
        loopback = parts.hostname in ("127.0.0.1", "::1", "localhost")
        web = parts.scheme == "https" or (parts.scheme == "http" and loopback)
        if not (web and parts.hostname) or "#" in uri or not uri.isprintable() or " " in uri:
            raise RegistrationError(f"{name} is an https URL")
    if policy.audience.rstrip("/") == core.policy.issuer.rstrip("/"):
        raise RegistrationError("this server gives no assertion to itself")
    if not policy.scopes or parse_scope(" ".join(sorted(policy.scopes))) is None:
        raise RegistrationError("give at least one scope")
    if not isinstance(parse_scope(" ".join(sorted(policy.scopes))), frozenset):
        raise RegistrationError("a scope is malformed")
    if not policy.client_id_there or not policy.client_id_there.isprintable():
        raise RegistrationError("give the client's id at the audience")
    stored = replace(policy, created_at=core.clock.now())

    def unit(tx: Unit) -> None:
        client = core.rows.clients.get(tx, policy.client_id)
        if client is None:
            raise RegistrationError(f"there is no client {policy.client_id}")
        if not client.confidential or client.auth is ClientAuth.WORKLOAD:
            raise RegistrationError(f"client {client.id} must authenticate by itself")
        if GrantType.TOKEN_EXCHANGE not in client.grant_types:
            raise RegistrationError(f"client {client.id} lacks the grant token-exchange")
        core.rows.id_jag_policies.put(tx, stored)
        _audit(core, tx, stored, by, "id_jag_allowed")

    await core.store.write(unit)
    return stored


async def forbid_id_jag(
    core: Core, client_id: str, audience: str, resource: str, *, by: str
) -> bool:
    """Take a pair back, from the next request on; false if there was none."""
    policy = IdJagPolicy(
        client_id=client_id, audience=audience, resource=resource, scopes=frozenset(),
        client_id_there="",
    )  # fmt: skip

    def unit(tx: Unit) -> bool:
        gone = core.rows.id_jag_policies.remove(tx, client_id, audience, resource)
        if gone:
            _audit(core, tx, policy, by, "id_jag_forbidden")
        return gone

    return await core.store.write(unit)


def _audit(core: Core, tx: Unit, policy: IdJagPolicy, by: str, change: str) -> None:
    core.rows.audit.record(
        tx,
        AuditRecord(
            tag=AuditTag.CLIENT_CHANGED, outcome=Outcome.DONE, at=core.clock.now(),
            reason=change, client_id=policy.client_id, resource=policy.resource,
            detail={"by": by, "audience": policy.audience},
        ),
    )  # fmt: skip
