"""A whole server in this process, with the people, agents and resources that tests talk about."""

import asyncio
import base64
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2

from authz.relations import RelationTuple
from server.app import Server, assemble, create_app
from server.delegation.lifecycle import open_delegation
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.delegation import Delegation, Detail
from server.domain.entropy import hash_secret
from server.domain.people import ACR_PASSWORD, Session, User
from server.domain.registry import (
    Agent,
    Ceiling,
    Client,
    ClientAuth,
    GrantType,
    Pickable,
    Resource,
    Scope,
    agent_uri,
)
from server.domain.tokens import AuthorizationCode, Granted
from server.services.registration import add_agent, add_client
from server.services.resources import add_resource
from server.settings import Settings
from server.storage.migrate import upgrade
from tests.support.clock import FrozenClock
from tests.support.databases import Databases

ISSUER = "http://127.0.0.1:9000"
DOCS = "https://docs.example/mcp"
NOTES = "https://notes.example/mcp"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
ID = "urn:ietf:params:oauth:token-type:id_token"
TEST_KEK = "bWFuZGF0ZS10ZXN0LWtleS1lbmNyeXB0aW9uLWtleSE"
# RFC 7636 Appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
_MODULE = Path(__file__).parents[2] / "examples" / "documents" / "documents.fga"


@dataclass(frozen=True, slots=True)
class Party:
    """A client with its secret and, if it has one, its agent."""

    client: Client
    secret: str | None
    its_agent: Agent | None = None

    @property
    def agent(self) -> Agent:
        """Return the agent that acts through this client."""
        assert self.its_agent is not None
        return self.its_agent

    @property
    def basic(self) -> dict[str, str]:
        """Return the header of client_secret_basic."""
        pair = f"{self.client.id}:{self.secret}".encode()
        return {"Authorization": "Basic " + base64.b64encode(pair).decode()}


@dataclass
class World:
    """One server and everything registered at it; times follow `clock`."""

    server: Server
    clock: FrozenClock
    http: httpx2.AsyncClient
    parties: dict[str, Party] = field(default_factory=dict)

    @property
    def core(self) -> Core:
        """Return the server's core."""
        return self.server.services.core

    async def post(
        self, path: str, data: dict[str, Any] | None = None, *, by: Party | None = None, **kw: Any
    ) -> httpx2.Response:
        """POST a form, authenticated as `by`."""
        headers = {**(by.basic if by is not None and by.secret else {}), **kw.pop("headers", {})}
        return await self.http.post(path, data=data, headers=headers, **kw)

    async def ask(self, by: Party, body: dict[str, Any]) -> dict[str, Any]:
        """POST an evaluation as a resource server and return the answer."""
        answer = await self.http.post("/access/v1/evaluation", json=body, headers=by.basic)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def user(self, name: str = "ada") -> User:
        """Make a person."""
        email = f"{name}@example.test"
        person = User(
            id=self.core.entropy.id("usr"),
            email=email,
            email_key=email,
            name=name.title(),
            created_at=self.clock.now(),
            vouched=True,
        )
        await self.core.store.write(lambda tx: self.core.rows.users.add(tx, person))
        return person

    async def session(self, user: User, *, cookie: str | None = None) -> Session:
        """Sign a person in, at a browser with this cookie or at one that nobody has."""
        now = self.clock.now()
        session = Session(
            id=self.core.entropy.id("sid"),
            cookie_hash=hash_secret(cookie or self.core.entropy.token()),
            user_id=user.id,
            auth_time=now,
            acr=ACR_PASSWORD,
            amr=("pwd",),
            created_at=now,
            expires_at=now + 12 * 3600 * 1000,
        )
        await self.core.store.write(lambda tx: self.core.rows.sessions.add(tx, session))
        return session

    async def resource(self, uri: str = DOCS, prefix: str = "docs", **kw: Any) -> Party:
        """Register a resource with scopes read (default), write, delete, and its own client."""
        scopes = {
            f"{prefix}:read": Scope(
                name=f"{prefix}:read", description="Read", default=True, agent_own=True
            ),
            f"{prefix}:write": Scope(name=f"{prefix}:write", description="Change"),
            f"{prefix}:delete": Scope(
                name=f"{prefix}:delete", description="Delete", destructive=True
            ),
        }
        has_types = prefix == "docs"
        await add_resource(
            self.core,
            Resource(
                id=uri,
                name=prefix.title(),
                scopes=scopes,
                types=frozenset({"folder", "document"}) if has_types else frozenset(),
                pickable=(Pickable(type="folder", relation="viewer", label="Folders"),)
                if has_types
                else (),
                model=_MODULE.read_text() if has_types else "",
                **kw,
            ),
            by="test",
        )
        return await self.client(
            f"{prefix}-server", resource_id=uri, grant_types=frozenset(), agent=None
        )

    async def agent(self, name: str, scopes: set[str], resources: set[str], **kw: Any) -> Party:
        """Register an agent with a ceiling, and its confidential client."""
        agent = await add_agent(
            self.core,
            Agent(
                id="",
                name=name,
                owner_id=None,
                ceiling=Ceiling(
                    scopes=frozenset(scopes),
                    resources=frozenset(resources),
                    object_roots=kw.pop("object_roots", ()),
                ),
            ),
            by="test",
        )
        return await self.client(f"{name}-client", agent=agent, scopes=frozenset(scopes), **kw)

    async def client(self, name: str, *, agent: Agent | None = None, **kw: Any) -> Party:
        """Register a client: confidential with every grant, unless said otherwise."""
        defaults: dict[str, Any] = {
            "auth": ClientAuth.BASIC,
            "grant_types": frozenset(GrantType),
            "redirect_uris": ("https://app.example/cb",),
        }
        made = await add_client(
            self.core,
            Client(id="", name=name, agent_id=agent.id if agent else None, **{**defaults, **kw}),
            by="test",
        )
        party = Party(made.client, made.secret, agent)
        self.parties[name] = party
        return party

    async def delegation(
        self, user: User, party: Party, details: tuple[Detail, ...], **kw: Any
    ) -> Delegation:
        """Let a person consent, without the pages."""
        now = self.clock.now()
        grant_id = self.core.entropy.id("dlg")
        value = Delegation(
            id=grant_id,
            user_id=user.id,
            agent_id=party.agent.id,
            client_id=kw.pop("client_id", party.client.id),
            details=details,
            path=(grant_id,),
            created_at=now,
            expires_at=kw.pop("expires_at", now + 86_400_000),
            **kw,
        )
        record = AuditRecord(
            tag=AuditTag.DELEGATION_CREATED, outcome=Outcome.DONE, at=now, user_id=user.id
        )
        await self.core.store.write(lambda tx: open_delegation(self.core, tx, value, audit=record))
        return value

    async def code(self, party: Party, user: User, **kw: Any) -> str:
        """Make an authorization code, without the pages."""
        session = kw.pop("session", None) or await self.session(user)
        secret, now = self.core.entropy.token(), self.clock.now()
        grant: Delegation | None = kw.pop("grant", None)
        granted = Granted(
            client_id=party.client.id,
            user_id=user.id,
            sid=session.id,
            scope=kw.pop("scope", "openid"),
            resources=kw.pop("resources", ()),
            grant_id=grant.id if grant else None,
            auth_time=now,
            acr=ACR_PASSWORD,
            offline=kw.pop("offline", False),
            nonce=kw.pop("nonce", None),
        )
        code = AuthorizationCode(
            hash=hash_secret(secret),
            granted=granted,
            redirect_uri="https://app.example/cb",
            code_challenge=CHALLENGE,
            family_id=self.core.entropy.id("fam"),
            created_at=now,
            expires_at=now + 60_000,
            dpop_jkt=kw.pop("dpop_jkt", None),
        )
        assert not kw, kw
        await self.core.store.write(lambda tx: self.core.rows.codes.add(tx, code))
        return secret

    async def redeem(self, party: Party, code: str, **extra: str) -> httpx2.Response:
        """Redeem an authorization code."""
        data = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": VERIFIER,
            "redirect_uri": "https://app.example/cb",
            **extra,
        }
        if party.secret is None:
            data["client_id"] = party.client.id
        return await self.post("/token", data, by=party)

    async def actor_token(self, party: Party) -> str:
        """Get the agent's own token, for the issuer."""
        answer = await self.post("/token", {"grant_type": "client_credentials"}, by=party)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def exchange(
        self, party: Party, subject: str, *, actor: str | None = "own", **extra: Any
    ) -> httpx2.Response:
        """Exchange a subject token as an agent; `actor=None` sends none."""
        data: dict[str, Any] = {
            "grant_type": EXCHANGE,
            "subject_token": subject,
            "subject_token_type": ACCESS,
        }
        if actor is not None:
            data["actor_token"] = await self.actor_token(party) if actor == "own" else actor
            data["actor_token_type"] = ACCESS
        data.update(extra)
        data = {k: v for k, v in data.items() if v is not None}
        return await self.post("/token", data, by=party)

    async def relate(self, *tuples: tuple[str, str, str]) -> None:
        """Write tuples straight into the graph."""
        listed = [RelationTuple(*t) for t in tuples]
        await self.core.store.write(lambda tx: self.core.relations.write(tx, listed))

    async def unrelate(self, *tuples: tuple[str, str, str]) -> None:
        """Delete tuples straight from the graph."""
        listed = [RelationTuple(*t) for t in tuples]
        await self.core.store.write(lambda tx: self.core.relations.write(tx, [], listed))

    async def set_user(self, user: User, **changes: Any) -> None:
        """Change a person."""
        await self.core.store.write(
            lambda tx: self.core.rows.users.update(tx, replace(user, **changes))
        )

    async def set_agent(self, party: Party, **changes: Any) -> None:
        """Change an agent."""
        agent = party.agent
        assert agent is not None
        await self.core.store.write(
            lambda tx: self.core.rows.agents.update(tx, replace(agent, **changes))
        )

    def uri(self, party: Party) -> str:
        """Return the audience that names a party's agent."""
        return agent_uri(ISSUER, party.agent.id)

    @property
    def _written(self) -> Any:
        """Order rows as they were written: ids are random, and a test's clock stands still."""
        from sqlalchemy import literal_column

        url = str(self.server.settings.database_url)
        return literal_column("ctid" if url.startswith("postgres") else "rowid")

    async def audited_of(self, party: Party) -> list[tuple[Any, ...]]:
        """Return (outcome, reason) of the audit rows of a client."""
        from sqlalchemy import select

        from server.storage.tables.audit import audit as a

        query = (
            select(a.c.outcome, a.c.reason)
            .where(a.c.client_id == party.client.id)
            .order_by(self._written)
        )
        return await self.core.store.read(lambda tx: tx.fetch(query))

    async def audited(self, tag: AuditTag) -> list[tuple[Any, ...]]:
        """Return (outcome, reason, user_id, agents, grant_id, object) of audit rows by tag."""
        from sqlalchemy import select

        from server.storage.tables.audit import audit as a

        query = (
            select(a.c.outcome, a.c.reason, a.c.user_id, a.c.agents, a.c.grant_id, a.c.object)
            .where(a.c.tag == tag.value)
            .order_by(self._written)
        )
        return await self.core.store.read(lambda tx: tx.fetch(query))


def settings_for(url: str, **changes: Any) -> Settings:
    """Return the settings of a test's server."""
    return Settings(
        _env_file=None,
        **{"issuer": ISSUER, "database_url": url, "kek": TEST_KEK, **changes},
    )


def prepared(url: str) -> None:
    """Migrate a database and give it signing keys: done once, then copied for each test."""
    upgrade(url)

    async def first_start() -> None:
        await (await assemble(settings_for(url), clock=FrozenClock())).close()

    # A thread of its own, since a test's loop may be running in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, first_start()).result()


@asynccontextmanager
async def world(databases: Databases, clock: FrozenClock, **changes: Any) -> AsyncIterator[World]:
    """Start a server on a fresh, migrated database and stop it afterwards."""
    url = databases.copy_of("prepared", prepared)
    async with world_at(url, clock, **changes) as made:
        yield made


@asynccontextmanager
async def world_at(url: str, clock: FrozenClock, **changes: Any) -> AsyncIterator[World]:
    """Start a server on a migrated database; a second one on the same is a second worker."""
    settings = settings_for(url, **changes)
    server = await assemble(settings, clock=clock)
    transport = httpx2.ASGITransport(app=create_app(server), client=("127.0.0.1", 50_000))
    async with httpx2.AsyncClient(transport=transport, base_url=settings.issuer) as http:
        try:
            yield World(server, clock, http)
        finally:
            await server.close()
