"""Register clients and agents; the same use cases for the CLI and the console."""

from dataclasses import dataclass, replace

from authz.relations import RelationTuple
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.entropy import hash_secret
from server.domain.registry import (
    Agent,
    Ceiling,
    Client,
    ClientAuth,
    GrantType,
    Status,
)
from server.domain.unit import Unit
from server.protocol.redirect_uri import may_be_registered


class RegistrationError(Exception):
    """A registration that cannot be; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class NewClient:
    """A registered client and its secret, which is shown this once."""

    client: Client
    secret: str | None


async def add_client(core: Core, client: Client, *, by: str) -> NewClient:
    """Register a client; an empty id is filled in, a secret is made where its method needs one.

    Raises `RegistrationError`.
    """
    _check_client(client)
    secret = None
    if client.auth in (ClientAuth.BASIC, ClientAuth.POST):
        secret = core.entropy.token()
    stored = replace(
        client,
        id=client.id or core.entropy.id("cli"),
        secret_hash=None if secret is None else hash_secret(secret),
        created_at=core.clock.now(),
    )

    def unit(tx: Unit) -> None:
        if core.rows.clients.get(tx, stored.id) is not None:
            message = f"a client {stored.id} exists already"
            raise RegistrationError(message)
        if stored.agent_id is not None and core.rows.agents.get(tx, stored.agent_id) is None:
            message = f"there is no agent {stored.agent_id}; `mandate agent add` makes one"
            raise RegistrationError(message)
        named = stored.resource_id
        if named is not None and core.rows.resources.get(tx, named) is None:
            message = f"there is no resource {named}; `mandate resource add` makes one"
            raise RegistrationError(message)
        core.rows.clients.add(tx, stored)
        audit_change(core, tx, AuditTag.CLIENT_CHANGED, by, client_id=stored.id)

    await core.store.write(unit)
    return NewClient(stored, secret)


async def set_client_status(core: Core, client_id: str, status: Status, *, by: str) -> bool:
    """Disable or enable a client, for every worker at once; false if that changes nothing.

    Raises `RegistrationError`.
    """

    def unit(tx: Unit) -> bool:
        client = core.rows.clients.held(tx, client_id)
        if client is None:
            message = f"there is no client {client_id}"
            raise RegistrationError(message)
        if client.status is status:
            return False
        # From now on it is the administrator's word that counts, not the trust policy's.
        known = client.by_itself and replace(client.by_itself, withheld=False)
        core.rows.clients.update(tx, replace(client, status=status, by_itself=known))
        audit_change(core, tx, AuditTag.CLIENT_CHANGED, by, client_id=client_id)
        return True

    return await core.store.write(unit)


async def set_client_dpop(core: Core, client_id: str, *, required: bool, by: str) -> bool:
    """Demand proofs of keys from a client (RFC 9449 §5.2), or leave it to the client.

    Tokens that it holds stay what they are until they end. False if that changes nothing. Raises
    `RegistrationError`.
    """

    def unit(tx: Unit) -> bool:
        client = core.rows.clients.held(tx, client_id)
        if client is None:
            message = f"there is no client {client_id}"
            raise RegistrationError(message)
        # A client that registers itself anew cannot take an administrator's demand back.
        known = client.by_itself and replace(client.by_itself, must_bind=required)
        after = replace(client, dpop_bound_access_tokens=required, by_itself=known)
        if after == client:
            return False
        core.rows.clients.update(tx, after)
        audit_change(core, tx, AuditTag.CLIENT_CHANGED, by, client_id=client_id)
        return True

    return await core.store.write(unit)


def _check_client(client: Client) -> None:
    if client.id.startswith(("usr_", "agt_", "dlg_", "sid_")):
        # X1: identifiers of users, agents and clients never share a namespace.
        message = "a client id must not look like the id of a user, agent or delegation"
        raise RegistrationError(message)
    if client.id.startswith("-"):
        message = "a client id must not begin with a dash: commands would take it for an option"
        raise RegistrationError(message)
    if not client.name.strip() or not client.name.isprintable():
        message = "a client needs a printable name"
        raise RegistrationError(message)
    for uri in (*client.redirect_uris, *client.post_logout_redirect_uris):
        _check_redirect(uri)
    secret_only = {GrantType.TOKEN_EXCHANGE, GrantType.CLIENT_CREDENTIALS, GrantType.JWT_BEARER}
    if not client.confidential and secret_only & client.grant_types:
        message = "a public client cannot use client_credentials, token exchange or jwt-bearer"
        raise RegistrationError(message)
    workload = client.auth is ClientAuth.WORKLOAD
    if workload and (client.agent_id is None or client.grant_types != {GrantType.JWT_BEARER}):
        message = "workload_identity is for the client of an agent, with the grant jwt-bearer alone"
        raise RegistrationError(message)
    if client.may_impersonate and client.agent_id is not None:
        # X7: never for agents.
        message = "the client of an agent cannot impersonate"
        raise RegistrationError(message)
    if client.auth is ClientAuth.PRIVATE_KEY_JWT and (client.jwks is None) == (
        client.jwks_uri is None
    ):
        message = "private_key_jwt needs exactly one of a JWK set and a jwks_uri"
        raise RegistrationError(message)


def _check_redirect(uri: str) -> None:
    if not may_be_registered(uri):
        message = f"{uri} cannot be a redirect URI: https (http on loopback), no wildcard"
        raise RegistrationError(message)


async def add_agent(core: Core, agent: Agent, *, by: str) -> Agent:
    """Register an agent with its ceiling and the graph tuples of its object roots.

    Raises `RegistrationError`.
    """
    if not agent.name.strip() or not agent.name.isprintable():
        message = "an agent needs a printable name"
        raise RegistrationError(message)
    stored = replace(agent, id=agent.id or core.entropy.id("agt"), created_at=core.clock.now())

    def unit(tx: Unit) -> None:
        if stored.owner_id is not None and core.rows.users.get(tx, stored.owner_id) is None:
            message = f"there is no user {stored.owner_id}"
            raise RegistrationError(message)
        core.rows.agents.add(tx, stored)
        _set_roots(core, tx, stored, ())
        audit_change(core, tx, AuditTag.AGENT_CHANGED, by, agents=(stored.id,))

    await core.store.write(unit)
    return stored


async def set_ceiling(core: Core, agent_id: str, ceiling: Ceiling, *, by: str) -> Agent:
    """Replace an agent's ceiling; it takes effect on the next use of any token.

    Raises `RegistrationError`.
    """

    def unit(tx: Unit) -> Agent:
        agent = core.rows.agents.held(tx, agent_id)
        if agent is None:
            message = f"there is no agent {agent_id}"
            raise RegistrationError(message)
        changed = replace(agent, ceiling=ceiling)
        core.rows.agents.update(tx, changed)
        _set_roots(core, tx, changed, agent.ceiling.object_roots)
        audit_change(core, tx, AuditTag.AGENT_CHANGED, by, agents=(agent_id,))
        return changed

    return await core.store.write(unit)


def _set_roots(core: Core, tx: Unit, agent: Agent, before: tuple[str, ...]) -> None:
    new, old = set(agent.ceiling.object_roots), set(before)
    subject = f"agent:{agent.id}"
    core.relations.write(
        tx,
        [RelationTuple(subject, "ceiling", root) for root in sorted(new - old)],
        [RelationTuple(subject, "ceiling", root) for root in sorted(old - new)],
        on_missing="ignore",
    )


def audit_change(
    core: Core,
    tx: Unit,
    tag: AuditTag,
    by: str,
    *,
    client_id: str | None = None,
    agents: tuple[str, ...] = (),
    resource: str | None = None,
) -> None:
    """Write down who changed what of the registry."""
    core.rows.audit.record(
        tx,
        AuditRecord(
            tag=tag,
            outcome=Outcome.DONE,
            at=core.clock.now(),
            client_id=client_id,
            agents=agents,
            resource=resource,
            detail={"by": by},
        ),
    )
