"""The TypeScript SDKs of npm as an application with a person before it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.test_npm_clients import CLIENTS
from tests.clients.workshop import House
from tests.compatibility.record import Flow, passed
from tests.support.live import CALLBACK, Live
from tests.support.person import Person

pytestmark = pytest.mark.node
SCRIPT = Path(__file__).parents[1] / "node" / "mcp_person.mjs"
LIST = ("list_folder", {"folder_id": "fld_unknown"})
CREATE = ("create_folder", {"name": "Sketches"})


@pytest.fixture
def run(node: Path, node_packages: Path, tmp_path: Path, mandate: Live, house: House, ada: Person):
    # A module is looked for from where the script is.
    (tmp_path / "node_modules").symlink_to(node_packages / "node_modules")
    script = tmp_path / SCRIPT.name
    script.write_text(SCRIPT.read_text())

    def run(sdk: str, ticks: list[list[str]], *calls: Any) -> dict[str, Any]:
        given = {
            "sdk": sdk, "url": house.scene.resource, "issuer": mandate.issuer, "calls": calls,
            "clientId": house.scene.own.client.id, "redirect": CALLBACK,
        }  # fmt: skip
        with subprocess.Popen(
            [node, script],
            env={**os.environ, "CALLS": json.dumps(given)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            assert running.stdin
            assert running.stdout
            assert running.stderr
            last = ""
            for last in running.stdout:
                if last.startswith("AUTHORIZE "):
                    url = last.removeprefix("AUTHORIZE ").strip()
                    running.stdin.write(ada.authorize(url, scope=ticks.pop(0)) + "\n")
                    running.stdin.flush()
            complaint = running.stderr.read()
        assert running.returncode == 0, complaint
        assert ticks == []
        found: dict[str, Any] = json.loads(last)
        return found

    return run


@pytest.mark.parametrize("sdk", CLIENTS)
def test_a_person_signs_in(run: Any, sdk: str):
    found = run(sdk, [["docs:read"]], LIST)
    assert "object_denied" in found["answers"][0], found
    assert found["scopes"] == ["docs:read"]
    passed(CLIENTS[sdk], Flow.CODE)


def test_the_newer_sdk_asks_again_when_a_tool_needs_more(run: Any):
    found = run("client", [["docs:read"], ["docs:read", "docs:write"]], LIST, CREATE)
    assert "object_denied" in found["answers"][0], found
    assert "Sketches" in found["answers"][1], found
    passed(CLIENTS["client"], Flow.CODE_STEP_UP)


def test_the_older_sdk_does_not_ask_again(run: Any):
    found = run("sdk", [["docs:read"]], LIST, CREATE)
    # Its own defect: it refreshes, with the scopes that it had.
    assert "Sketches" not in found["answers"][1], found
    assert set(found["scopes"]) == {"docs:read"}, found
    assert len(found["scopes"]) > 1, found
    passed(
        CLIENTS["sdk"],
        Flow.CODE_STEP_UP,
        defect="refreshes with the scopes that it had, and does not ask the person: ask for all"
        " scopes at the start",
    )


def test_more_at_the_start_is_enough_for_the_older_sdk(run: Any):
    found = run("sdk", [["docs:read", "docs:write"]], LIST, CREATE)
    assert "Sketches" in found["answers"][1], found
