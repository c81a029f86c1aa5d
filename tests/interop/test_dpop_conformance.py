"""The MCP conformance suite's scenarios of DPoP, against `DPoPOAuth` around the `mcp` client."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compatibility.record import SUITE_ID, passed
from tests.compatibility.scenarios import DPOP
from tests.support.tree import ROOT

pytestmark = pytest.mark.node
CLIENT = Path(__file__).with_name("dpop_client.py")


@pytest.mark.parametrize("scenario", DPOP)
def test_the_suite_passes_the_client(scenario: str, node: Path, node_packages: Path):
    suite = node_packages / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
    command = f"{sys.executable} {CLIENT}"
    done = subprocess.run(
        [node, suite, "client", "--command", command, "--scenario", scenario],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert "0 failed, 0 warnings" in told
    passed(SUITE_ID, scenario)
