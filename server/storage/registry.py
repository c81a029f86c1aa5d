"""Clients and agents in SQL."""

from typing import Any

from sqlalchemy import bindparam, func, insert, or_, select, update

from authz.tx import Row, Tx
from server.domain.audit import Cursor
from server.domain.registry import (
    Agent,
    Ceiling,
    Client,
    ClientAuth,
    GrantType,
    Status,
)
from server.domain.unit import Unit
from server.storage.rows import END_OF_TIME, before, dump, load, names
from server.storage.self_registration import by_itself, by_itself_document
from server.storage.tables.registry import agent, client

_CLIENT = select(
    client.c.id,
    client.c.name,
    client.c.agent_id,
    client.c.resource_id,
    client.c.status,
    client.c.document,
    client.c.created_at,
)
_CLIENT_BY_ID = _CLIENT.where(client.c.id == bindparam("id"))
_CLIENT_HELD = _CLIENT_BY_ID.with_for_update()
_CLIENT_ALL = _CLIENT.order_by(client.c.created_at, client.c.id)
_CLIENT_OF_AGENT = _CLIENT.where(client.c.agent_id == bindparam("agent_id"))
_CLIENT_ADD = insert(client)
_CLIENT_SET = (
    update(client)
    .where(client.c.id == bindparam("key"))
    .values(
        name=bindparam("name"),
        status=bindparam("status"),
        document=bindparam("document"),
        resource_id=bindparam("resource_id"),
    )
)
_CLIENT_LINK = (
    update(client)
    .where(client.c.id == bindparam("key"), client.c.agent_id.is_(None))
    .values(agent_id=bindparam("agent_id"))
)


class Clients:
    """OAuth clients."""

    def get(self, tx: Tx, client_id: str) -> Client | None:
        """Return a client, or none."""
        rows = tx.fetch(_CLIENT_BY_ID, {"id": client_id})
        return _client(rows[0]) if rows else None

    def held(self, tx: Unit, client_id: str) -> Client | None:
        """Return a client to change; whoever else wants to waits until this unit has ended.

        A whole row is written, so what is written back must be what nobody else is changing. Who
        holds an agent as well holds the client first.
        """
        rows = tx.fetch(_CLIENT_HELD, {"id": client_id})
        return _client(rows[0]) if rows else None

    def all(self, tx: Tx) -> list[Client]:
        """Return every client, oldest first."""
        return [_client(row) for row in tx.fetch(_CLIENT_ALL)]

    def of_agent(self, tx: Tx, agent_id: str) -> list[Client]:
        """Return the clients through which an agent acts."""
        return [_client(row) for row in tx.fetch(_CLIENT_OF_AGENT, {"agent_id": agent_id})]

    def add(self, tx: Unit, value: Client) -> None:
        """Store a new client; its id must be free."""
        tx.execute(
            _CLIENT_ADD,
            {
                "id": value.id,
                "name": value.name,
                "agent_id": value.agent_id,
                "resource_id": value.resource_id,
                "status": value.status,
                "document": _client_document(value),
                "created_at": value.created_at,
            },
        )

    def update(self, tx: Unit, value: Client) -> None:
        """Store a changed client; its agent never changes (X2)."""
        tx.execute(
            _CLIENT_SET,
            {
                "key": value.id,
                "name": value.name,
                "status": value.status,
                "document": _client_document(value),
                "resource_id": value.resource_id,
            },
        )
        tx.changed("client", value.id)

    def link_agent(self, tx: Unit, client_id: str, agent_id: str) -> bool:
        """Give a client without an agent its agent, once and for ever; false if it had one."""
        linked = tx.execute(_CLIENT_LINK, {"key": client_id, "agent_id": agent_id}) == 1
        if linked:
            tx.changed("client", client_id)
        return linked


def _client_document(value: Client) -> str:
    return dump(
        {
            "auth": value.auth,
            "secret_hash": value.secret_hash,
            "jwks": value.jwks,
            "jwks_uri": value.jwks_uri,
            "assertion_audience": value.assertion_audience,
            "redirect_uris": value.redirect_uris,
            "post_logout_redirect_uris": value.post_logout_redirect_uris,
            "grant_types": names(value.grant_types),
            "scopes": names(value.scopes),
            "may_impersonate": value.may_impersonate,
            "may_introspect": value.may_introspect,
            "rotate_refresh": value.rotate_refresh,
            "require_par": value.require_par,
            "dpop_bound_access_tokens": value.dpop_bound_access_tokens,
            "first_party": value.first_party,
            "id_token_alg": value.id_token_alg,
            "by_itself": by_itself_document(value.by_itself),
        }
    )


def _client(row: Row) -> Client:
    client_id, name, agent_id, resource_id, status, document, created_at = row
    d: dict[str, Any] = load(document)
    return Client(
        id=client_id,
        name=name,
        agent_id=agent_id,
        resource_id=resource_id,
        status=Status(status),
        created_at=created_at,
        auth=ClientAuth(d["auth"]),
        secret_hash=d["secret_hash"],
        jwks=d["jwks"],
        jwks_uri=d["jwks_uri"],
        assertion_audience=d["assertion_audience"],
        redirect_uris=tuple(d["redirect_uris"]),
        post_logout_redirect_uris=tuple(d["post_logout_redirect_uris"]),
        grant_types=frozenset(GrantType(g) for g in d["grant_types"]),
        scopes=frozenset(d["scopes"]),
        may_impersonate=d["may_impersonate"],
        may_introspect=d["may_introspect"],
        rotate_refresh=d["rotate_refresh"],
        require_par=d["require_par"],
        dpop_bound_access_tokens=d.get("dpop_bound_access_tokens", False),
        first_party=d["first_party"],
        id_token_alg=d["id_token_alg"],
        # Rows of older versions know of no such clients.
        by_itself=by_itself(d.get("by_itself")),
    )


_AGENT = select(
    agent.c.id,
    agent.c.name,
    agent.c.owner_id,
    agent.c.status,
    agent.c.provisional,
    agent.c.not_before,
    agent.c.document,
    agent.c.created_at,
)
_AGENT_BY_ID = _AGENT.where(agent.c.id == bindparam("id"))
_AGENT_HELD = _AGENT_BY_ID.with_for_update()
_AGENT_OF = _AGENT.where(agent.c.owner_id == bindparam("owner_id")).order_by(
    agent.c.created_at, agent.c.id
)
_AGENT_SEARCH = (
    _AGENT.where(
        or_(
            func.lower(agent.c.name).contains(bindparam("text"), autoescape=False),
            agent.c.id == bindparam("text"),
            agent.c.owner_id == bindparam("text"),
        ),
        or_(bindparam("status") == "", agent.c.status == bindparam("status")),
        before(agent.c.created_at, agent.c.id),
    )
    .order_by(agent.c.created_at.desc(), agent.c.id.desc())
    .limit(bindparam("limit"))
)
_AGENT_ADD = insert(agent)
_AGENT_SET = (
    update(agent)
    .where(agent.c.id == bindparam("key"))
    .values(
        name=bindparam("name"),
        owner_id=bindparam("owner_id"),
        status=bindparam("status"),
        provisional=bindparam("provisional"),
        not_before=bindparam("not_before"),
        document=bindparam("document"),
    )
)


class Agents:
    """Registered agents."""

    def get(self, tx: Tx, agent_id: str) -> Agent | None:
        """Return an agent, or none."""
        rows = tx.fetch(_AGENT_BY_ID, {"id": agent_id})
        return _agent(rows[0]) if rows else None

    def held(self, tx: Unit, agent_id: str) -> Agent | None:
        """Return an agent to change; whoever else wants to waits until this unit has ended."""
        rows = tx.fetch(_AGENT_HELD, {"id": agent_id})
        return _agent(rows[0]) if rows else None

    def owned_by(self, tx: Tx, owner_id: str) -> list[Agent]:
        """Return the agents of a person."""
        return [_agent(row) for row in tx.fetch(_AGENT_OF, {"owner_id": owner_id})]

    def search(
        self, tx: Tx, text: str, limit: int, *, status: str = "", before: Cursor | None = None
    ) -> list[Agent]:
        """Return agents whose name contains `text`, or whose id or owner it is; newest first."""
        at, last_id = before or END_OF_TIME
        params = {
            "text": text.lower(),
            "limit": limit,
            "status": status,
            "at": at,
            "last_id": last_id,
        }
        return [_agent(row) for row in tx.fetch(_AGENT_SEARCH, params)]

    def add(self, tx: Unit, value: Agent) -> None:
        """Store a new agent; its id must be free."""
        tx.execute(_AGENT_ADD, {"id": value.id, "created_at": value.created_at, **_parts(value)})

    def update(self, tx: Unit, value: Agent) -> None:
        """Store a changed agent."""
        tx.execute(_AGENT_SET, {"key": value.id, **_parts(value)})
        tx.changed("agent", value.id)


def _parts(value: Agent) -> dict[str, object]:
    ceiling = value.ceiling
    return {
        "name": value.name,
        "owner_id": value.owner_id,
        "status": value.status,
        "provisional": int(value.provisional),
        "not_before": value.not_before,
        "document": dump(
            {
                "purpose": value.purpose,
                "model": value.model,
                "version": value.version,
                "ceiling": {
                    "scopes": names(ceiling.scopes),
                    "resources": names(ceiling.resources),
                    "object_roots": ceiling.object_roots,
                },
            }
        ),
    }


def _agent(row: Row) -> Agent:
    agent_id, name, owner_id, status, provisional, not_before, document, created_at = row
    d: dict[str, Any] = load(document)
    ceiling = d["ceiling"]
    return Agent(
        id=agent_id,
        name=name,
        owner_id=owner_id,
        status=Status(status),
        provisional=bool(provisional),
        not_before=not_before,
        created_at=created_at,
        purpose=d["purpose"],
        model=d["model"],
        version=d["version"],
        ceiling=Ceiling(
            scopes=frozenset(ceiling["scopes"]),
            resources=frozenset(ceiling["resources"]),
            object_roots=tuple(ceiling["object_roots"]),
        ),
    )
