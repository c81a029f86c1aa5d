"""The people's pages of one server on a fresh database, with browsers that keep cookies."""

import html
import re
from dataclasses import dataclass, field
from typing import Any

import httpx2
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from authz.graph import EmbeddedGraph
from authz.model.compose import compose
from authz.relations import Relations
from authz.stores.models import StoredModels
from server.domain.core import Core
from server.domain.marks import TokenMarks
from server.domain.people import Role, User
from server.domain.policy import Policy
from server.domain.snapshot import Snapshot
from server.identity.addresses import email_key
from server.identity.passwords import Passwords
from server.storage.repositories import repositories
from server.storage.store import OpenStore, open_store
from server.storage.unit import changes_since
from server.web.front import Front, make_front
from server.web.routes import PEOPLE
from tests.support.clock import FrozenClock
from tests.support.entropy import SequenceEntropy

KEY = b"k" * 32
PASSWORD = "nine green kettles whistle"
STORE = "store"


@dataclass
class Site:
    """One server and its database."""

    core: Core
    front: Front
    store: OpenStore
    clock: FrozenClock
    app: Starlette
    hashes: dict[str, str] = field(default_factory=dict)

    def browser(self, address: str = "198.51.100.7") -> "Browser":
        return Browser(self, address)

    async def add_user(
        self, email: str, *, name: str = "Ana", role: Role = Role.USER, password: str = PASSWORD
    ) -> User:
        if password not in self.hashes:
            self.hashes[password] = await self.front.passwords.hash(password)
        user = User(
            id=self.core.entropy.id("usr"),
            email=email,
            email_key=email_key(email),
            name=name,
            password_hash=self.hashes[password],
            role=role,
            created_at=self.clock.now(),
            vouched=True,
        )
        assert await self.core.store.write(lambda tx: self.core.rows.users.add(tx, user))
        return user

    async def user(self, user_id: str) -> User:
        found = await self.core.store.read(lambda tx: self.core.rows.users.get(tx, user_id))
        assert found is not None
        return found

    async def rows(self, sql: str, **params: object) -> list[tuple[object, ...]]:
        """Read the tables directly, to see what an answer does not show."""
        return await self.core.store.read(lambda tx: tx.fetch(sa.text(sql), params))

    async def close(self) -> None:
        self.front.passwords.close()
        await self.store.close()


async def open_site(url: str, *, issuer: str = "http://127.0.0.1:9000", **policy: Any) -> Site:
    """Open a site on a database with empty tables."""
    clock, entropy = FrozenClock(), SequenceEntropy(url)
    store = open_store(url)
    rows = repositories(entropy)
    relations = Relations(STORE, clock)
    core = Core(
        policy=Policy(issuer=issuer, **policy), clock=clock, entropy=entropy, store=store,
        rows=rows, snapshot=Snapshot(store, rows, changes_since),
        relations=relations, graph=EmbeddedGraph(store, relations), marks=TokenMarks(KEY),
    )  # fmt: skip
    front = make_front(core, secret_key=KEY, passwords=Passwords(entropy, workers=1, waiting=64))
    routes: list[Route | Mount] = [route for module in PEOPLE for route in module.routes(front)]
    app = Starlette(routes=[Mount(front.base, routes=routes)] if front.base else routes)
    return Site(core, front, store, clock, app)


async def use_model(site: Site, text: str) -> None:
    """Put an authorization model in force."""
    model = compose(text)
    models = StoredModels(STORE)
    await site.core.store.write(lambda tx: models.put(tx, model, site.clock.now()))


class Browser:
    """A browser without scripts: keeps cookies, follows nothing by itself."""

    def __init__(self, site: Site, address: str) -> None:
        self.site = site
        transport = httpx2.ASGITransport(
            app=site.app, client=(address, 4711), raise_app_exceptions=True
        )
        self.http = httpx2.AsyncClient(
            transport=transport, base_url=site.core.policy.issuer, trust_env=False
        )

    async def get(self, path: str, **kw) -> httpx2.Response:
        return await self.http.get(self.url(path), **kw)

    async def post(self, path: str, data, **kw) -> httpx2.Response:
        return await self.http.post(self.url(path), data=data, **kw)

    def url(self, path: str) -> str:
        if path.startswith("http"):
            return path
        base = self.site.front.base
        full = path if base and path.startswith(f"{base}/") else base + path
        return self.site.core.policy.issuer.removesuffix(base) + full

    async def submit(self, page: str, data: dict, *, to: str | None = None) -> httpx2.Response:
        """Open a page and post its form, hidden fields included."""
        shown = await self.get(page)
        assert shown.status_code == 200, shown.text
        return await self.post(to or action(shown.text), {**hidden(shown.text), **data})

    async def sign_in(self, email: str, password: str = PASSWORD, page: str = "/sign-in"):
        return await self.submit(page, {"email": email, "password": password})

    async def signed_in(self, email: str, password: str = PASSWORD) -> "Browser":
        answer = await self.sign_in(email, password)
        assert answer.status_code == 303, answer.text
        return self

    def cookie(self, purpose: str) -> str | None:
        return self.http.cookies.get(self.site.front.cookies.name(purpose))

    async def csrf(self, page: str) -> str:
        return hidden((await self.get(page)).text)["csrf"]


def action(page: str) -> str:
    """Return where the main form of a page posts."""
    main = page[page.index("<main") :]
    found = re.search(r'<form[^>]*method="post"[^>]*action="([^"]*)"', main)
    assert found, main
    return html.unescape(found[1])


def hidden(page: str) -> dict[str, str]:
    """Return the hidden fields of a page's main form."""
    main = page[page.index("<main") :]
    pairs = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', main)
    return {name: html.unescape(value) for name, value in pairs}


def switched_on(page: str) -> dict[str, list[str]]:
    """Return what a page's switches post as they stand."""
    found: dict[str, list[str]] = {}
    pattern = r'<input type="checkbox" name="([^"]*)" value="([^"]*)" checked>'
    for name, value in re.findall(pattern, page):
        found.setdefault(name, []).append(html.unescape(value))
    return found


def words(page: str) -> str:
    """Return the text of a page's main part."""
    main = page[page.index("<main") :]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main)))
