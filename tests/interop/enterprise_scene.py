"""Two Mandates of two enterprises and an MCP server, as processes, joined by the command line."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2

from server.domain.id_jag_policy import IdJagPolicy
from server.domain.registry import ClientAuth, GrantType
from server.services.id_jag_policies import allow_id_jag
from tests.support.live import Live, live
from tests.support.ports import free_port
from tests.support.processes import ServerProcess, run_mandate
from tests.support.stage import ALL
from tests.support.tree import ROOT
from tests.support.world import TEST_KEK, Party, World

SCRIPT = ROOT / "tests" / "interop" / "whoami_server.py"


@dataclass(frozen=True)
class AtTheResource:
    """Who is registered where the MCP server is: its own client, an assistant, a robot, Ada."""

    resource: str
    docs: Party
    assistant: Party
    robot: Party
    ada: str


@dataclass(frozen=True)
class AtTheProvider:
    """Who is registered at the employer: Ada, and two clients that she signed in at."""

    ada: str
    clients: dict[ClientAuth, tuple[Party, str]]
    """The client and its ID token, by how it authenticates."""


@dataclass(frozen=True)
class Enterprise:
    """The servers that run; `folder` is the working directory of the resource's Mandate."""

    there: Live
    idp: Live
    folder: Path

    @property
    def at(self) -> AtTheResource:
        """Return who is registered where the MCP server is."""
        found: AtTheResource = self.there.made
        return found

    def client(self, auth: ClientAuth) -> tuple[Party, str]:
        """Return a client of the provider, and Ada's ID token there."""
        found: AtTheProvider = self.idp.made
        return found.clients[auth]

    def command(self, *arguments: str) -> Any:
        """Run the command line of the resource's Mandate, while it serves."""
        settings = {
            "MANDATE_ISSUER": self.there.issuer,
            "MANDATE_DATABASE_URL": f"sqlite:///{self.folder / 'mandate.db'}",
            "MANDATE_KEK": TEST_KEK,
        }
        done = run_mandate(*arguments, "--json", settings=settings, cwd=self.folder)
        return json.loads(done.stdout)


async def _register_there(w: World, resource: str) -> AtTheResource:
    docs = await w.resource(resource, "docs")
    assistant = await w.agent("assistant", ALL, {resource})
    robot = await w.agent(
        "robot", ALL, {resource}, auth=ClientAuth.WORKLOAD,
        grant_types=frozenset({GrantType.JWT_BEARER}), redirect_uris=(),
    )  # fmt: skip
    ada = await w.user("ada")
    return AtTheResource(resource, docs, assistant, robot, ada.id)


async def _register_idp(w: World, audience: str, at: AtTheResource) -> AtTheProvider:
    ada = await w.user("ada")
    session = await w.session(ada)
    clients = {}
    for auth in (ClientAuth.BASIC, ClientAuth.POST):
        party = await w.client(f"chat-{auth.value}", auth=ClientAuth.BASIC)
        code = await w.code(party, ada, scope="openid", session=session)
        id_token = (await w.redeem(party, code)).json()["id_token"]
        await _authenticates(w, party, auth)
        policy = IdJagPolicy(
            client_id=party.client.id, audience=audience, resource=at.resource,
            scopes=frozenset({"docs:read"}), client_id_there=at.assistant.client.id,
        )  # fmt: skip
        await allow_id_jag(w.core, policy, by="test")
        clients[auth] = (party, id_token)
    return AtTheProvider(ada.id, clients)


async def _authenticates(w: World, party: Party, auth: ClientAuth) -> None:
    changed = replace(party.client, auth=auth)
    await w.core.store.write(lambda tx: w.core.rows.clients.update(tx, changed))


@contextmanager
def enterprise_scene(folder: Path) -> Iterator[Enterprise]:
    """Start everything, and let the resource's Mandate trust the employer's."""
    port = free_port()
    resource = f"http://127.0.0.1:{port}/mcp"
    ours, theirs = folder / "there", folder / "idp"
    ours.mkdir()
    theirs.mkdir()
    with live(ours, lambda w: _register_there(w, resource)) as there:
        at: AtTheResource = there.made
        given = {
            "ISSUER": there.issuer, "RESOURCE": resource, "PORT": str(port),
            "CLIENT_ID": at.docs.client.id, "CLIENT_SECRET": at.docs.secret or "",
        }  # fmt: skip
        server = ServerProcess(
            folder=folder,
            settings={f"WHOAMI_{k}": v for k, v in given.items()} | {"PYTHONPATH": str(ROOT)},
            command=[sys.executable, str(SCRIPT)],
            ready_path="/.well-known/oauth-protected-resource/mcp",
            port=port,
        )
        with server, live(theirs, lambda w: _register_idp(w, there.issuer, at)) as idp:
            scene = Enterprise(there, idp, ours)
            _trust(scene)
            yield scene


def _trust(scene: Enterprise) -> None:
    keys = httpx2.get(f"{scene.idp.issuer}/jwks", trust_env=False).text
    (scene.folder / "idp-keys.json").write_text(keys)
    document = {
        "issuer": scene.idp.issuer, "purpose": "id-jag", "jwks_file": "idp-keys.json",
        "allow": [{"client": scene.at.assistant.client.id, "resource": scene.at.resource,
                   "scopes": ["docs:read", "docs:write"]}],
    }  # fmt: skip
    (scene.folder / "idp.json").write_text(json.dumps(document))
    assert scene.command("issuer", "add", "idp.json")["issuer"] == scene.idp.issuer
    made: AtTheProvider = scene.idp.made
    scene.command("issuer", "link", scene.idp.issuer, made.ada, scene.at.ada)
