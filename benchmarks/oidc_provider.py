"""The peer: npm oidc-provider on Node 22, both installed by `.ci/node` (what `make node` runs)."""

import base64
import json
import secrets
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.load import Case, Pool
from benchmarks.processes import Pinned, ServerError
from tests.support.ports import free_port
from tests.support.tree import ROOT

NAME = "oidc-provider"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
RESOURCE = "https://docs.example/mcp"


class Peer:
    """One running oidc-provider with its cases."""

    def __init__(self, folder: Path, *, core: int, pool_size: int) -> None:
        packages = Path(
            subprocess.run(
                ["bash", str(ROOT / ".ci" / "node")], check=True, capture_output=True, text=True
            ).stdout.strip()
        )
        # ES modules are looked up from where the script lies.
        script = shutil.copy(Path(__file__).parent / "peer" / "server.mjs", packages / "peer.mjs")
        node = packages / "node_modules" / "node" / "bin" / "node"
        self.versions = {
            "node": subprocess.run(
                [node, "--version"], check=True, capture_output=True, text=True
            ).stdout.strip(),
            NAME: _version(packages, NAME),
        }
        self._port = free_port()
        self._secret = secrets.token_urlsafe(32)
        self._pool = Pool(folder / "peer-tokens.txt", pool_size)
        command = [str(node), str(script), str(self._port), str(pool_size), str(self._pool.file)]
        env = {"NODE_ENV": "production", "PEER_SECRET": self._secret}
        self.process = Pinned(NAME, command, env=env, folder=folder, core=core)
        self._log = folder / f"{NAME}.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Wait until it serves."""
        self.process.wait_until_ready(f"{self.url}/.well-known/openid-configuration")

    def cases(self) -> dict[str, Case]:
        """Return the cases by name, after asking for the tokens that they show."""
        tokens = self._samples()
        basic = basic_header("bench", self._secret)
        token = f"{self.url}/token"

        def grant(resource: str) -> str:
            return urlencode(
                {"grant_type": "client_credentials", "scope": "docs:read", "resource": resource}
            )

        def exchange(subject: str) -> str:
            return exchange_body(subject, tokens["actor"])

        opaque = _post(token, grant("urn:opaque"), basic)["access_token"]
        return {
            "client_credentials": Case(token, grant(RESOURCE), basic),
            "client_credentials, wrong secret": Case(
                token, grant(RESOURCE), basic_header("bench", "wrong" * 8)
            ),
            "exchange, a new subject token each time": Case(
                token, exchange("{token}"), basic, pool=self._pool
            ),
            "exchange, the same subject token": Case(token, exchange(tokens["subject"]), basic),
            "introspection": Case(f"{token}/introspection", urlencode({"token": opaque}), basic),
            "discovery": Case(f"{self.url}/.well-known/openid-configuration"),
            "jwks": Case(f"{self.url}/jwks"),
        }

    def _samples(self) -> dict[str, str]:
        for _ in range(50):
            for line in self._log.read_text().splitlines():
                if line.startswith("{"):
                    return dict(json.loads(line))
            time.sleep(0.1)
        raise ServerError(f"{NAME} printed no tokens")


def exchange_body(subject: str, actor: str) -> str:
    """Return the same exchange request for both servers; `{token}` is left as it is."""
    form = {
        "grant_type": EXCHANGE,
        "subject_token": subject,
        "subject_token_type": ACCESS,
        "actor_token": actor,
        "actor_token_type": ACCESS,
        "resource": RESOURCE,
        "scope": "docs:read",
    }
    return urlencode(form, safe="{}")


def basic_header(client_id: str, secret: str) -> str:
    """Return the header of client_secret_basic."""
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def _post(url: str, body: str, auth: str) -> dict[str, str]:
    request = urllib.request.Request(url, body.encode(), {"Authorization": auth})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return dict(json.load(answer))


def _version(packages: Path, name: str) -> str:
    manifest = packages / "node_modules" / name / "package.json"
    return str(json.loads(manifest.read_text())["version"])
