"""One server with its registry, for authorization flows: documents and search, agents, clients."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
from starlette.applications import Starlette
from starlette.routing import Mount

from authz.jose import KeySource
from authz.relations import RelationTuple
from authz.stores.protocol import StoredTuple
from authz.tx import Tx
from server.domain.issuers import TrustedIssuer
from server.domain.people import User
from server.domain.registry import (
    Agent,
    Ceiling,
    Client,
    ClientAuth,
    Edge,
    GrantType,
    Pickable,
    Resource,
    Scope,
)
from server.keys.envelope import Envelope
from server.keys.kek import KeyEncryptionKey
from server.keys.live import LiveKeys
from server.keys.upkeep import ensure_keys
from server.services import Services, bundle
from server.services.registration import add_agent, add_client
from server.services.resources import add_resource, put_core_model
from server.signals.telemetry import Telemetry
from server.storage.keys import SqlSigningKeys
from server.web.front import derived
from server.web.routes import authorize, consent, end_session, par, protocol
from tests.support.people_site import KEY, Browser, Site, hidden, open_site

DOCS = "https://docs.example/mcp"
SEARCH = "https://search.example/mcp"
CALLBACK = "https://agent.example/callback"
VERIFIER = "v" * 43
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
DOCUMENTS_MODEL = Path(__file__).parents[2] / "examples" / "documents" / "documents.fga"
# Hashing a password takes long on purpose; the same one need not be hashed for each test.
_HASHES: dict[str, str] = {}
CODE_AND_REFRESH = frozenset({GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN})


class _NoKeys:
    async def keys_of(self, jwks_uri: str, *, kid: str | None) -> KeySource | None:
        return None


class _NoIssuers:
    async def keys_of(self, issuer: TrustedIssuer, *, kid: str | None) -> KeySource | None:
        return None


class _NoDocuments:
    async def fetch(self, url: str) -> None:
        return None

    async def picture(self, url: str) -> None:
        return None


@dataclass
class Flow:
    """A site with its registry: who is there and what they may do."""

    site: Site
    services: Services
    ana: User
    agent: Agent
    helper: Agent
    client: Client
    chat: Client
    plain: Client
    secret: str

    @property
    def issuer(self) -> str:
        return self.site.core.policy.issuer

    def agent_uri(self, agent: Agent | None = None) -> str:
        return f"{self.issuer}/agents/{(agent or self.agent).id}"

    def request(self, client: Client | None = None, **changes: object) -> dict[str, object]:
        """Return the parameters of a good request; None takes one away."""
        parameters: dict[str, object] = {
            "response_type": "code",
            "client_id": (client or self.client).id,
            "redirect_uri": CALLBACK,
            "scope": "openid docs:read",
            "state": "st4te",
            "nonce": "n0nce",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "resource": DOCS,
        }
        parameters |= changes
        return {name: value for name, value in parameters.items() if value is not None}

    async def person(self, email: str = "ana@example.org") -> Browser:
        return await self.site.browser().signed_in(email)

    async def authorize(self, browser: Browser, client: Client | None = None, **changes: object):
        """Send a request and follow our own redirects to what is shown or answered."""
        answer = await browser.get("/authorize", params=self.request(client, **changes))
        return await self.follow(browser, answer)

    async def follow(self, browser: Browser, answer: httpx2.Response) -> httpx2.Response:
        """Follow redirects within the server, as a browser would."""
        for _ in range(5):
            target = answer.headers.get("location", "")
            if answer.status_code != 303 or not target.startswith("/"):
                return answer
            answer = await browser.get(target)
        raise AssertionError("redirects in circles")

    async def decide(self, browser: Browser, page: httpx2.Response, **picks: object):
        """Post the consent page with these ticks and follow to the client's answer."""
        assert page.status_code in {200, 400}, page.text
        fields = {"decision": "allow", "duration": "session", **picks}
        answer = await browser.post("/consent", {**hidden(page.text), **fields})
        return await self.follow(browser, answer)

    async def grant(self, browser: Browser, **picks: object) -> dict[str, str]:
        """Run the straight path: ask, allow, and return what the client is told."""
        page = await self.authorize(browser)
        defaults = {"scope": ["docs:read"], "object": ["folder:plans"]}
        return told(await self.decide(browser, page, **{**defaults, **picks}))

    async def only_delegation(self) -> dict[str, Any]:
        """Return the one row that there is, with what its document says."""
        rows = await self.delegations()
        assert len(rows) == 1, rows
        names = ("id", "user_id", "agent_id", "client_id", "sid", "expires_at", "revoked_at")
        return {**dict(zip(names, rows[0], strict=False)), **json.loads(str(rows[0][-1]))}

    async def redeem(self, code: str, client: Client | None = None, **more: str) -> httpx2.Response:
        """Trade a code at the token endpoint as its client."""
        chosen = client or self.client
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER, **more,
        }  # fmt: skip
        http, url = self.site.browser().http, f"{self.issuer}/token"
        if chosen.confidential:
            return await http.post(url, data=form, auth=(chosen.id, self.secret))
        return await http.post(url, data={**form, "client_id": chosen.id})

    async def delegations(self) -> list[tuple[object, ...]]:
        return await self.site.rows(
            "SELECT id, user_id, agent_id, client_id, sid, expires_at, revoked_at, document"
            " FROM delegation ORDER BY created_at, id"
        )

    async def tuples(self) -> list[tuple[str, str]]:
        """Return consented tuples as (subject, object)."""
        core = self.site.core

        def every(tx: Tx) -> list[StoredTuple]:
            kinds = ("folder:", "document:")
            found = [
                core.relations.read(tx, object=kind, relation="consented", limit=100)
                for kind in kinds
            ]
            return [row for rows in found for row in rows]

        return [(row.key.user, row.key.object) for row in await core.store.read(every)]

    async def code(self, code: str):
        hashed = hashlib.sha256(code.encode()).hexdigest()
        core = self.site.core
        return await core.store.read(lambda tx: core.rows.codes.get(tx, hashed))

    async def audit(self, tag: str) -> list[tuple[object, ...]]:
        return await self.site.rows(
            "SELECT outcome, reason, user_id, agents, client_id, grant_id FROM audit"
            " WHERE tag = :tag ORDER BY at",
            tag=tag,
        )

    async def close(self) -> None:
        await self.site.close()


def told(answer: httpx2.Response) -> dict[str, str]:
    """Return what the client learns from a redirect."""
    assert answer.status_code == 303, answer.text
    target = answer.headers["location"]
    assert target.startswith(("https://", "http://127.0.0.1")), target
    return dict(parse_qsl(urlsplit(target).query))


def ticked(page: str) -> set[str]:
    """Return name=value of every switch that is on."""
    return {f"{name}={value}" for name, value, rest in _switches(page) if "checked" in rest}


def offered(page: str, name: str) -> list[str]:
    """Return the values that the page offers under a name, in their order."""
    return [value for found, value, _ in _switches(page) if found == name]


def _switches(page: str) -> list[tuple[str, str, str]]:
    return re.findall(
        r'<input type="(?:checkbox|radio)" name="([^"]*)" value="([^"]*)"([^>]*)', page
    )


def details(*elements: dict[str, object]) -> str:
    """Write authorization_details of type mandate."""
    return json.dumps([{"type": "mandate", **element} for element in elements])


async def open_flow(url: str, **policy: Any) -> Flow:
    site = await open_site(url, **policy)
    site.hashes = _HASHES
    core = site.core
    envelope = Envelope((KeyEncryptionKey(b"e" * 32),), core.entropy)
    stored = SqlSigningKeys()
    await ensure_keys(site.store, stored, envelope, site.clock.now(), ("ES256",))
    keys = LiveKeys(site.store, stored, envelope, site.clock)
    await keys.reload()
    services = bundle(core, keys, _NoKeys(), _NoIssuers(), _NoDocuments(), KEY, Telemetry())
    front = site.front
    (outer, *_) = pages = site.app.router.routes
    if isinstance(outer, Mount):
        pages = outer.routes
    routes = [
        *pages,
        *authorize.routes(front, derived(KEY, b"authorization-code"), services.arrivals),
        *consent.routes(front, derived(KEY, b"authorization-code")),
        *end_session.routes(front, services.reader),
        *par.routes(services),
        *protocol.routes(services),
    ]
    site.app = Starlette(routes=[Mount(front.base, routes=routes)] if front.base else routes)
    await core.store.write(lambda tx: put_core_model(core, tx))
    await _resources(site)
    ana = await site.add_user("ana@example.org")
    await site.add_user("bob@example.org", name="Bob")
    agent, helper = await _agents(site, ana)
    flow = Flow(site, services, ana, agent, helper, *await _clients(site, agent))
    await _holdings(flow)
    await core.snapshot.refresh()
    return flow


async def _resources(site: Site) -> None:
    search = Scope(name="search:query", description="Search the web")
    await add_resource(
        site.core, Resource(id=SEARCH, name="Search", scopes={search.name: search}), by="test"
    )
    docs = Resource(
        id=DOCS,
        name="Documents",
        scopes={
            scope.name: scope
            for scope in (
                Scope(name="docs:read", description="Read your documents", default=True),
                Scope(name="docs:write", description="Change your documents"),
                Scope(name="docs:delete", description="Delete documents", destructive=True),
            )
        },
        types=frozenset({"folder", "document"}),
        pickable=(Pickable(type="folder", relation="viewer", label="Folder", contains=True),),
        edges=(Edge(scope="docs:read", to_resource=SEARCH, to_scope="search:query"),),
        model=DOCUMENTS_MODEL.read_text(),
    )
    await add_resource(site.core, docs, by="test")


async def _agents(site: Site, owner: User) -> tuple[Agent, Agent]:
    ceiling = Ceiling(
        scopes=frozenset({"docs:read", "docs:write", "docs:delete"}),
        resources=frozenset({DOCS}),
    )
    agent = Agent(
        id="", name="Planner", owner_id=owner.id, purpose="Plan your week", ceiling=ceiling
    )
    made = await add_agent(site.core, agent, by="test")
    helper = replace(agent, name="Summarizer", purpose="Sum up long texts")
    return made, await add_agent(site.core, helper, by="test")


async def _clients(site: Site, agent: Agent) -> tuple[Client, Client, Client, str]:
    base = Client(
        id="", name="Planner app", auth=ClientAuth.BASIC, redirect_uris=(CALLBACK,),
        post_logout_redirect_uris=("https://agent.example/bye",), grant_types=CODE_AND_REFRESH,
        scopes=frozenset({"docs:read", "docs:write", "docs:delete"}), agent_id=agent.id,
    )  # fmt: skip
    own = await add_client(site.core, base, by="test")
    chat = await add_client(
        site.core, replace(base, name="Chat", agent_id=None, scopes=frozenset()), by="test"
    )
    plain = await add_client(
        site.core,
        replace(
            base, name="Some tool", agent_id=None, auth=ClientAuth.NONE,
            redirect_uris=(CALLBACK, "http://127.0.0.1/callback", "http://[::1]/callback"),
        ),
        by="test",
    )  # fmt: skip
    assert own.secret is not None
    return own.client, chat.client, plain.client, own.secret


async def _holdings(flow: Flow) -> None:
    """Ana owns two folders, Bob one."""
    core = flow.site.core
    rows = await flow.site.rows("SELECT id FROM user_account WHERE email_key = 'bob@example.org'")
    holdings = [
        RelationTuple(f"user:{flow.ana.id}", "owner", "folder:plans"),
        RelationTuple(f"user:{flow.ana.id}", "owner", "folder:diary"),
        RelationTuple(f"user:{rows[0][0]}", "owner", "folder:bobs"),
    ]
    await core.store.write(lambda tx: core.relations.write(tx, holdings))
    await core.store.write(
        lambda tx: core.rows.resources.label(
            tx, DOCS, {"folder:plans": "Plans 2026", "folder:diary": "Diary"}
        )
    )
