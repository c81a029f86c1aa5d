"""oauth4webapi (npm), a strict relying party, goes through every grant."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.interop.scene import Scene
from tests.requirements import requirement
from tests.support.live import CALLBACK, Live
from tests.support.person import Person
from tests.support.world import Party

pytestmark = pytest.mark.node
SCRIPT = Path(__file__).parents[1] / "node" / "oauth4webapi.mjs"


def _told(party: Party) -> dict[str, str | None]:
    return {
        "id": party.client.id,
        "secret": party.secret,
        "agent": party.client.agent_id,
    }


@requirement("rfc9207:2:iss", "rfc9068:2.2:claims", "rfc8693:2.2.1:issued-token-type")
def test_oauth4webapi_completes_every_flow(
    mandate: Live, scene: Scene, ada: Person, node: Path, node_packages: Path, tmp_path: Path
):
    settings = {
        "issuer": mandate.issuer, "callback": CALLBACK, "resource": scene.resource, "key": scene.key,
        **{name: _told(getattr(scene, name)) for name in ("app", "own", "agent", "keyed", "documents")},
    }  # fmt: skip
    # A module is looked for from where the script is.
    (tmp_path / "node_modules").symlink_to(node_packages / "node_modules")
    script = tmp_path / SCRIPT.name
    script.write_text(SCRIPT.read_text())
    with subprocess.Popen(
        [node, script],
        env={**os.environ, "SCENE": json.dumps(settings)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdin
        assert running.stdout
        assert running.stderr
        last = ""
        for line in running.stdout:
            if line.startswith("AUTHORIZE "):
                url = line.removeprefix("AUTHORIZE ").strip()
                picks = {"scope": ["email", "docs:read", "docs:write"], "object": ["folder:plans"]}
                running.stdin.write(ada.authorize(url, **picks) + "\n")
                running.stdin.flush()
            last = line
        complaint = running.stderr.read()
    assert running.returncode == 0, complaint
    found = json.loads(last)
    assert found["email"] == "ada@example.test"
    assert found["grant_id"].startswith("dlg_")
