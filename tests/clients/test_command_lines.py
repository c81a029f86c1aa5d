"""Clients that are programs: mcp-remote as a stdio bridge, and the inspector's command line."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.clients.workshop import House
from tests.compatibility.record import Flow, passed
from tests.support.live import Live
from tests.support.tokens import own_token

pytestmark = pytest.mark.node


@pytest.fixture
def bridge(node: Path, node_packages: Path, tmp_path: Path, house: House) -> StdioServerParameters:
    """Start mcp-remote with the agent's credentials in a file: a command line is seen by all."""
    secret = tmp_path / "client.json"
    secret.touch(mode=0o600)
    known = {"client_id": house.smith.client.id, "client_secret": house.smith.secret}
    secret.write_text(json.dumps(known))
    return StdioServerParameters(
        command=str(node),
        args=[
            str(node_packages / "node_modules/mcp-remote/dist/proxy.js"),
            house.workshop,
            "--client-credentials",
            "--static-oauth-client-info",
            f"@{secret}",
            "--allow-http",
            "--transport",
            "http-only",
        ],
        env={"MCP_REMOTE_CONFIG_DIR": str(tmp_path / "state"), "PATH": os.environ["PATH"]},
    )


async def test_mcp_remote_brings_an_agent_to_a_program_of_standard_input(
    bridge: StdioServerParameters, house: House
):
    async with Client(stdio_client(bridge)) as client:
        answer = await client.call_tool("look", {"shelf": "left"})
    told: Any = answer.content[0]
    assert told.text == f"left: a hammer, seen by agent:{house.smith.agent.id}"
    passed("mcp-remote", Flow.SECRET)


@pytest.fixture
def inspector(node: Path, node_packages: Path, house: House, tmp_path: Path):
    index = node_packages / "node_modules/@modelcontextprotocol/inspector/clients/launcher/build"

    def run(token: str | None, *arguments: str) -> subprocess.CompletedProcess[str]:
        given = ["--header", f"Authorization: Bearer {token}"] if token else ["--stored-auth-only"]
        command = [node, index / "index.js", "--cli", house.workshop, "--transport", "http"]
        return subprocess.run(
            [*command, *given, *arguments],
            env={**os.environ, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_the_inspector_calls_with_a_token(inspector: Any, mandate: Live, house: House):
    token = own_token(mandate, house.smith, resource=house.workshop)["access_token"]
    listed = inspector(token, "--method", "tools/list")
    assert {tool["name"] for tool in json.loads(listed.stdout)["tools"]} == {"look"}
    look = ("--method", "tools/call", "--tool-name", "look", "--tool-arg", "shelf=left")
    called = inspector(token, *look)
    assert "seen by agent:" in called.stdout, called
    refused = inspector(None, *look)
    assert refused.returncode != 0
    assert "auth" in (refused.stdout + refused.stderr).lower()
    passed("inspector", Flow.TOKEN)
