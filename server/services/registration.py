"""Register clients, agents and resources; the same use cases for the CLI and the console."""

from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from authz.errors import CheckError, ModelError
from authz.model.compiled import Model
from authz.model.compose import compose, core_model_text
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
    Resource,
    Status,
)
from server.domain.unit import Unit
from server.protocol.redirect_uri import may_be_registered

KEPT_NAMES: Final = ("mandate/", "mandate_")
"""How names of Mandate's own model begin, those that are still to come included."""


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
        _audit(core, tx, AuditTag.CLIENT_CHANGED, by, client_id=stored.id)

    await core.store.write(unit)
    return NewClient(stored, secret)


async def set_client_status(core: Core, client_id: str, status: Status, *, by: str) -> bool:
    """Disable or enable a client, for every worker at once; false if that changes nothing.

    Raises `RegistrationError`.
    """

    def unit(tx: Unit) -> bool:
        client = core.rows.clients.get(tx, client_id)
        if client is None:
            message = f"there is no client {client_id}"
            raise RegistrationError(message)
        if client.status is status:
            return False
        # From now on it is the administrator's word that counts, not the trust policy's.
        known = client.by_itself and replace(client.by_itself, withheld=False)
        core.rows.clients.update(tx, replace(client, status=status, by_itself=known))
        _audit(core, tx, AuditTag.CLIENT_CHANGED, by, client_id=client_id)
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
    exchange = {GrantType.TOKEN_EXCHANGE, GrantType.CLIENT_CREDENTIALS}
    if not client.confidential and exchange & client.grant_types:
        message = "a public client cannot use client_credentials or token exchange"
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
        _audit(core, tx, AuditTag.AGENT_CHANGED, by, agents=(stored.id,))

    await core.store.write(unit)
    return stored


async def set_ceiling(core: Core, agent_id: str, ceiling: Ceiling, *, by: str) -> Agent:
    """Replace an agent's ceiling; it takes effect on the next use of any token.

    Raises `RegistrationError`.
    """

    def unit(tx: Unit) -> Agent:
        agent = core.rows.agents.get(tx, agent_id)
        if agent is None:
            message = f"there is no agent {agent_id}"
            raise RegistrationError(message)
        changed = replace(agent, ceiling=ceiling)
        core.rows.agents.update(tx, changed)
        _set_roots(core, tx, changed, agent.ceiling.object_roots)
        _audit(core, tx, AuditTag.AGENT_CHANGED, by, agents=(agent_id,))
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


async def add_resource(core: Core, resource: Resource, *, by: str) -> Resource:
    """Register a resource; its module joins the authorization model in the same unit.

    Raises `RegistrationError`.
    """
    parts = urlsplit(resource.id)
    if parts.scheme not in ("https", "http", "urn") or parts.fragment or "#" in resource.id:
        # RFC 8707 §2: an absolute URI without a fragment.
        message = f"{resource.id} is no absolute URI without a fragment"
        raise RegistrationError(message)
    own = {core.policy.issuer, core.policy.graph_resource}
    if resource.id in own or resource.id.startswith(f"{core.policy.issuer}/agents/"):
        message = "that URI belongs to the server itself"
        raise RegistrationError(message)
    if any(name.startswith("authz:") for name in resource.scopes):
        message = "scopes that begin with authz: belong to the server"
        raise RegistrationError(message)
    stored = replace(resource, created_at=core.clock.now())

    def unit(tx: Unit) -> None:
        known = core.rows.resources.all(tx)
        check_scopes(stored, known)
        core.rows.resources.add(tx, stored)
        model = _composed([*known, stored])
        _check_names(model, _composed(known))
        _check_types(stored, model)
        core.relations.put_model(tx, model)
        _audit(core, tx, AuditTag.RESOURCE_CHANGED, by, resource=stored.id)

    await core.store.write(unit)
    return stored


def check_scopes(resource: Resource, known: list[Resource]) -> None:
    """Raise `RegistrationError` for what belongs to another resource already."""
    for other in known:
        # Who owns a type writes its tuples: a second owner could give away the first one's objects.
        taken = sorted(other.types & resource.types)
        if taken:
            message = f"the type {taken[0]} belongs to {other.id} already"
            raise RegistrationError(message)
        if other.id == resource.id:
            message = f"the resource {resource.id} exists already"
            raise RegistrationError(message)
        # X6: a scope belongs to exactly one resource.
        shared = sorted(set(other.scopes) & set(resource.scopes))
        if shared:
            message = f"the scope {shared[0]} belongs to {other.id} already"
            raise RegistrationError(message)
    if any(name in {"openid", "profile", "email", "offline_access"} for name in resource.scopes):
        message = "openid, profile, email and offline_access belong to the server"
        raise RegistrationError(message)


def _check_names(model: Model, before: Model) -> None:
    """Keep the names free that a later version of Mandate may bring (decision 15)."""
    new = {*model.types, *model.conditions} - {*before.types, *before.conditions}
    kept = sorted(name for name in new if name.startswith(KEPT_NAMES))
    if kept:
        message = f"{kept[0]}: names that begin with mandate/ or mandate_ are kept for Mandate"
        raise RegistrationError(message)


def _check_types(resource: Resource, model: Model) -> None:
    """Every guarded type carries the relations of consent and ceiling (DESIGN 3.10)."""
    ours = compose(core_model_text()).types
    for name in resource.types:
        if name in ours:
            message = f"the type {name} belongs to Mandate"
            raise RegistrationError(message)
        for relation in ("consented", "ceiling"):
            try:
                model.relation(name, relation)
            except CheckError as error:
                message = f"type {name} must be in the model and define {relation}"
                raise RegistrationError(message) from error


def _composed(resources: list[Resource]) -> Model:
    try:
        return compose(core_model_text(), *(r.model for r in resources if r.model))
    except ModelError as error:
        message = f"the authorization model does not fit: {error}"
        raise RegistrationError(message) from error


def put_core_model(core: Core, tx: Unit) -> None:
    """Put this version's model in force with the modules of every resource."""
    core.relations.put_model(tx, _composed(core.rows.resources.all(tx)))


def _audit(
    core: Core,
    tx: Unit,
    tag: AuditTag,
    by: str,
    *,
    client_id: str | None = None,
    agents: tuple[str, ...] = (),
    resource: str | None = None,
) -> None:
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
