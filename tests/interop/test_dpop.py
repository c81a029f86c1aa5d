"""oauth4webapi (npm) with every token bound to a key, with and without a nonce of the server."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.scene import ADA, set_scene
from tests.requirements import requirement
from tests.support.live import CALLBACK, Live, live
from tests.support.person import Person
from tests.support.ports import free_port
from tests.support.world import Party

pytestmark = pytest.mark.node
SCRIPT = Path(__file__).parents[1] / "node" / "dpop.mjs"


@pytest.fixture(params=["false", "true"], ids=["without nonce", "with nonce"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Live, bool]]:
    resource = f"http://127.0.0.1:{free_port()}/mcp"
    settings = {"MANDATE_DPOP_NONCE": request.param}
    with live(tmp_path, lambda w: set_scene(w, resource), settings=settings) as running:
        yield running, request.param == "true"


def _told(party: Party) -> dict[str, str | None]:
    return {"id": party.client.id, "secret": party.secret}


@requirement(
    "rfc9449:4.3:checks", "rfc9449:5:token-type", "rfc9449:5:refresh-public",
    "rfc9449:8:use-dpop-nonce", "rfc9449:10.1:par-header", "rfc9449:6.2:introspection",
)  # fmt: skip
def test_oauth4webapi_binds_every_token_to_its_key(
    served: tuple[Live, bool], node: Path, node_packages: Path, tmp_path: Path
):
    running, wants_nonce = served
    scene: Any = running.made
    settings = {
        "issuer": running.issuer, "callback": CALLBACK, "resource": scene.resource,
        **{name: _told(getattr(scene, name)) for name in ("own", "agent", "documents")},
    }  # fmt: skip
    # A module is looked for from where the script is.
    (tmp_path / "node_modules").symlink_to(node_packages / "node_modules")
    script = tmp_path / SCRIPT.name
    script.write_text(SCRIPT.read_text())
    with (
        Person(running.issuer, ADA) as ada,
        subprocess.Popen(
            [node, script],
            env={**os.environ, "SCENE": json.dumps(settings)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as client,
    ):
        assert client.stdin
        assert client.stdout
        assert client.stderr
        last = ""
        for line in client.stdout:
            if line.startswith("AUTHORIZE "):
                url = line.removeprefix("AUTHORIZE ").strip()
                client.stdin.write(ada.authorize(url) + "\n")
                client.stdin.flush()
            last = line
        complaint = client.stderr.read()
    assert client.returncode == 0, complaint
    found = json.loads(last)
    assert len(set(found["jkt"])) == 3
    assert (found["nonces"] > 0) is wants_nonce
