"""Two Mandates of two enterprises and an MCP server, as processes, joined by the command line."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec

from authz.clock import SystemClock
from authz.jose import to_jwk
from mcp_tools.client.credentials import compact
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
    """The servers that run, and the working directories of the two Mandates."""

    there: Live
    idp: Live
    folder: Path
    idp_folder: Path

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
        return _command(self.there, self.folder, *arguments)

    def idp_command(self, *arguments: str) -> Any:
        """Run the command line of the employer's Mandate, while it serves."""
        return _command(self.idp, self.idp_folder, *arguments)

    def trust_cluster(self) -> tuple[str, str]:
        """Let the robot be known by a token of a cluster; return the cluster's issuer and it."""
        key = ec.generate_private_key(ec.SECP256R1())
        jwk = {**to_jwk(key.public_key()), "kid": "1", "alg": "ES256", "use": "sig"}
        (self.folder / "cluster.json").write_text(json.dumps({"keys": [jwk]}))
        issuer = "https://kubernetes.default.svc.cluster.local"
        subject = "system:serviceaccount:support:robot"
        document = {
            "issuer": issuer, "purpose": "workload", "jwks_file": "cluster.json", "reusable": True,
            "max_lifetime": 900,
            "workload": [{"name": "robot", "client": self.at.robot.client.id, "rule": [
                {"claim": "sub", "equals": subject}]}],
        }  # fmt: skip
        (self.folder / "cluster-issuer.json").write_text(json.dumps(document))
        self.command("issuer", "add", "cluster-issuer.json")
        now = SystemClock().now() // 1000
        claims: dict[str, Any] = {
            "iss": issuer, "aud": [self.there.issuer], "sub": subject,
            "iat": now, "exp": now + 600, "jti": "same-until-it-is-renewed",
            "kubernetes.io": {"namespace": "support"},
        }  # fmt: skip
        return issuer, compact("ES256", key, {"alg": "ES256", "kid": "1"}, claims)


def _command(at: Live, folder: Path, *arguments: str) -> Any:
    settings = {
        "MANDATE_ISSUER": at.issuer,
        "MANDATE_DATABASE_URL": f"sqlite:///{folder / 'mandate.db'}",
        "MANDATE_KEK": TEST_KEK,
    }
    done = run_mandate(*arguments, "--json", settings=settings, cwd=folder)
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
def enterprise_scene(
    folder: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Enterprise]:
    """Start everything, both Mandates with `settings`; the resource's trusts the employer's."""
    port = free_port()
    resource = f"http://127.0.0.1:{port}/mcp"
    ours, theirs = folder / "there", folder / "idp"
    ours.mkdir()
    theirs.mkdir()
    with live(ours, lambda w: _register_there(w, resource), settings=settings) as there:
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
        idp = live(theirs, lambda w: _register_idp(w, there.issuer, at), settings=settings)
        with server, idp as running:
            scene = Enterprise(there, running, ours, theirs)
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
