"""The TypeScript SDKs of npm, 2.x and 1.x, with their own OAuth providers."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.workshop import House
from tests.compatibility.record import Flow, passed
from tests.interop.scene import ADA
from tests.requirements import requirement
from tests.support.live import Live
from tests.support.person import Person
from tests.support.tokens import user_token

pytestmark = pytest.mark.node
SCRIPT = Path(__file__).parents[1] / "node" / "mcp_client.mjs"
CLIENTS = {"client": "npm-client", "sdk": "npm-sdk"}
LOOK = ("look", {"shelf": "left"})
MAKE = ("make", {"thing": "chair"})


@pytest.fixture
def run(node: Path, node_packages: Path, tmp_path: Path, mandate: Live, house: House):
    # A module is looked for from where the script is.
    (tmp_path / "node_modules").symlink_to(node_packages / "node_modules")
    script = tmp_path / SCRIPT.name
    script.write_text(SCRIPT.read_text())

    def run(sdk: str, *calls: Any, **more: Any) -> dict[str, Any]:
        given = {
            "sdk": sdk,
            "url": house.workshop,
            "issuer": mandate.issuer,
            "calls": calls,
            **more,
        }
        done = subprocess.run(
            [node, script],
            env={**os.environ, "CALLS": json.dumps(given)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    return run


def _secret(house: House) -> dict[str, Any]:
    return {"clientId": house.smith.client.id, "secret": house.smith.secret}


def _key(house: House) -> dict[str, Any]:
    return {"clientId": house.keyed.client.id, "key": house.key}


@requirement("interop:wire:default-scope")
@pytest.mark.parametrize("sdk", CLIENTS)
@pytest.mark.parametrize(("make", "flow"), [(_secret, Flow.SECRET), (_key, Flow.PRIVATE_KEY_JWT)])
def test_an_agent_as_itself(run: Any, house: House, sdk: str, make: Any, flow: Flow):
    found = run(sdk, LOOK, **make(house))
    assert found["answers"] == [f"left: a hammer, seen by agent:{house.smith.agent.id}"], found
    assert {each["resource"] for each in found["asked"]} == {house.workshop}
    passed(CLIENTS[sdk], flow)


@pytest.mark.parametrize("make", [_secret, _key])
def test_the_newer_sdk_steps_up(run: Any, house: House, make: Any):
    found = run("client", LOOK, MAKE, **make(house))
    assert [answer[:5] for answer in found["answers"]] == ["left:", "chair"], found
    passed(CLIENTS["client"], Flow.STEP_UP)


def test_the_older_sdk_cannot_step_up_and_gets_the_scope_that_it_is_configured_with(
    run: Any, house: House
):
    found = run("sdk", LOOK, MAKE, **_secret(house))
    assert found["answers"][0].startswith("left:")
    # Its own defect: it asks again, and sends no scope in that request either.
    assert "chair" not in found["answers"][1]
    assert all(each.get("scope") is None for each in found["asked"]), found
    configured = run("sdk", LOOK, MAKE, **_secret(house), scope="shop:read shop:write")
    assert [answer[:5] for answer in configured["answers"]] == ["left:", "chair"], configured
    passed(
        CLIENTS["sdk"],
        Flow.STEP_UP,
        defect="sends no scope when it asks again: configure `scope` with all that it needs",
    )


@pytest.mark.parametrize("sdk", CLIENTS)
def test_a_user_s_token_is_given_to_it(run: Any, mandate: Live, house: House, sdk: str):
    scene = house.scene
    with Person(mandate.issuer, ADA) as ada:
        told = user_token(mandate, scene.tool, ada, scope="docs:read", resource=scene.resource)
    calls = [("list_folder", {"folder_id": "fld_unknown"})]
    found = run(sdk, *calls, url=scene.resource, token=told["access_token"])
    assert "object_denied" in found["answers"][0], found
    passed(CLIENTS[sdk], Flow.TOKEN)
