"""Ours: a database with people, agents and tokens, then `mandate serve` on it."""

import asyncio
import base64
import json
import sqlite3
import sys
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx2

from authz.clock import SystemClock
from benchmarks.load import JSON, Case, Pool, write_pool
from benchmarks.oidc_provider import RESOURCE, basic_header, exchange_body
from benchmarks.processes import Pinned
from server.app import assemble, create_app
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.entropy import SystemEntropy
from server.domain.registry import agent_uri
from server.domain.tokens import TokenKind
from server.keys.kek import create_kek_file
from server.protocol.issue import issue
from server.protocol.minting import Authorization
from server.settings import Settings
from server.storage.migrate import upgrade
from tests.support.ports import free_port
from tests.support.stage import Stage, set_stage
from tests.support.world import DOCS, Party, World

NAME = "mandate"
assert DOCS == RESOURCE
_TTL = 4 * 3600
_AT_ONCE = 64


@dataclass(frozen=True)
class Prepared:
    """What was put into the database: who asks, and with which tokens."""

    agent: Party
    docs: Party
    subject: str
    actor: str
    access: str
    pool: Pool


class Mandate:
    """One running `mandate serve` on a SQLite file of its own."""

    def __init__(self, folder: Path, *, core: int, pool_size: int) -> None:
        self._port = free_port()
        self.database = folder / "mandate.db"
        url = f"sqlite:///{self.database}"
        upgrade(url)
        kek = folder / "kek"
        create_kek_file(kek, SystemEntropy())
        settings = Settings(
            _env_file=None,  # type: ignore[call-arg]
            issuer=self.url,
            database_url=url,
            kek_file=kek,
        )
        self._prepared = asyncio.run(_prepare(settings, folder, pool_size))
        env = {
            "MANDATE_ISSUER": settings.issuer,
            "MANDATE_DATABASE_URL": url,
            "MANDATE_KEK_FILE": str(kek),
            # Neither side writes a line for each request.
            "MANDATE_LOG_LEVEL": "WARNING",
        }
        command = [sys.executable, "-m", "server", "serve", "--port", str(self._port)]
        self.process = Pinned(NAME, command, env=env, folder=folder, core=core)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def prepared(self) -> Prepared:
        """What its database holds."""
        return self._prepared

    def start(self) -> None:
        """Wait until it serves."""
        self.process.wait_until_ready(f"{self.url}/.well-known/openid-configuration")

    def cases(self) -> dict[str, Case]:
        """Return the cases by name."""
        p = self._prepared
        assert p.agent.secret is not None
        assert p.docs.secret is not None
        agent = basic_header(p.agent.client.id, p.agent.secret)
        docs = basic_header(p.docs.client.id, p.docs.secret)
        token = f"{self.url}/token"
        own = urlencode(
            {"grant_type": "client_credentials", "scope": "docs:read", "resource": RESOURCE}
        )
        question = {
            "subject": {"type": "access_token", "id": p.access},
            "action": {
                "name": "docs:read",
                "properties": {"relation": "viewer", "tool": "read_document"},
            },
            "resource": {"type": "document", "id": "t1"},
        }
        wrong = basic_header(p.agent.client.id, "wrong" * 8)
        introspect = f"{self.url}/introspect"
        return {
            "client_credentials": Case(token, own, agent),
            "client_credentials, wrong secret": Case(token, own, wrong),
            "exchange, a new subject token each time": Case(
                token, exchange_body("{token}", p.actor), agent, pool=p.pool
            ),
            "exchange, the same subject token": Case(
                token, exchange_body(p.subject, p.actor), agent
            ),
            "introspection": Case(introspect, urlencode({"token": p.access}), docs),
            "introspection, a new token each time": Case(
                introspect, "token={token}", agent, pool=p.pool
            ),
            "evaluation": Case(
                f"{self.url}/access/v1/evaluation", json.dumps(question), docs, content_type=JSON
            ),
            "discovery": Case(f"{self.url}/.well-known/openid-configuration"),
            "jwks": Case(f"{self.url}/jwks"),
        }

    def rows(self) -> dict[str, int]:
        """Count what is durable: minted tokens and audit rows, as another process sees them."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
            return {
                table: int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
                for table in ("token", "audit")
            }

    def lost(self, case: Case, count: int = 200) -> list[str]:
        """Ask for `count` tokens and return the ids that the database does not hold."""
        acknowledged = [_jti(case) for _ in range(count)]
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
            known = {row[0] for row in db.execute("SELECT jti FROM token")}
            audited = {
                row[0] for row in db.execute("SELECT json_extract(detail, '$.jti') FROM audit")
            }
        return [jti for jti in acknowledged if jti not in known or jti not in audited]


async def _prepare(settings: Settings, folder: Path, pool_size: int) -> Prepared:
    """Register parties and consent, and mint with the code that mints for the token endpoint."""
    server = await assemble(settings)
    transport = httpx2.ASGITransport(app=create_app(server))
    async with httpx2.AsyncClient(transport=transport, base_url=settings.issuer) as http:
        world = World(server, SystemClock(), http)  # type: ignore[arg-type]
        stage = await set_stage(world)
        issuer = settings.issuer
        assert stage.a.agent is not None
        audience = agent_uri(issuer, stage.a.agent.id)
        pool = await _mint(world, stage, audience, pool_size)
        prepared = Prepared(
            agent=stage.a,
            docs=stage.docs,
            subject=(await _mint(world, stage, audience, 1))[0],
            actor=(await _mint(world, stage, issuer, 1, kind=TokenKind.AGENT_SELF))[0],
            access=(await _mint(world, stage, DOCS, 1))[0],
            pool=write_pool(folder / "our-tokens.txt", pool),
        )
    await server.close()
    return prepared


async def _mint(
    world: World,
    stage: Stage,
    audience: str,
    count: int,
    *,
    kind: TokenKind = TokenKind.DELEGATED,
) -> list[str]:
    agent, core = stage.a.agent, world.core
    assert agent is not None
    for_user = kind is TokenKind.DELEGATED
    authorization = Authorization(
        kind=kind,
        client=stage.a.client,
        sub=stage.ada.id if for_user else agent.id,
        audience=audience,
        scope=frozenset({"docs:read", "docs:write"}) if for_user else frozenset(),
        ttl=_TTL,  # longer than the server would give, so that the run may take its time
        grant_id=stage.grant.id if for_user else None,
        chain=(agent.id,) if for_user else (),
        sid=stage.grant.sid if for_user else None,
        audit=AuditRecord(tag=AuditTag.CODE_TOKEN, outcome=Outcome.DONE, at=core.clock.now()),
    )
    revision = await core.snapshot.refresh()
    keys = world.server.services.keys
    tokens: list[str] = []
    while len(tokens) < count:
        wave = min(_AT_ONCE, count - len(tokens))
        answers = await asyncio.gather(
            *(issue(core, keys, authorization, None, revision) for _ in range(wave))
        )
        tokens += [str(answer["access_token"]) for answer in answers if isinstance(answer, dict)]
    return tokens


def _jti(case: Case) -> str:
    request = urllib.request.Request(case.url, case.body.encode(), {"Authorization": case.auth})
    with urllib.request.urlopen(request, timeout=10) as answer:
        payload = json.load(answer)["access_token"].split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"])
