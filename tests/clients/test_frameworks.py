"""The examples for agent frameworks: each reads a user's document with a model that plays a script."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from tests.clients.workshop import House
from tests.compatibility.record import Flow, passed
from tests.requirements import requirement
from tests.support.frameworks import framework_python
from tests.support.live import Live
from tests.support.person import Person
from tests.support.tokens import user_token
from tests.support.tree import ROOT

pytestmark = pytest.mark.frameworks
EXAMPLES = ROOT / "examples" / "frameworks"
FRAMEWORKS = {
    "fastmcp_client": "frameworks",
    "openai_agents": "frameworks",
    "pydantic_ai": "frameworks",
    "langchain": "langchain",
}
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def letter(mandate: Live, house: House, ada: Person) -> tuple[str, str]:
    """Let Ada write a letter with her own tool; return its folder and document."""
    scene = house.scene
    told = user_token(
        mandate, scene.own, ada, scope="docs:read docs:write", resource=scene.resource
    )
    made = []
    for tool, arguments in (
        ("create_folder", {"name": "Letters"}),
        ("create_document", {"title": "Dear Bob", "content": "How are you?"}),
    ):
        given = {**arguments, "folder_id": made[0]["folder_id"]} if made else arguments
        made.append(_call(scene.resource, told["access_token"], tool, given))
    return made[0]["folder_id"], made[1]["document_id"]


def _call(resource: str, token: str, tool: str, arguments: dict[str, str]) -> dict[str, str]:
    answer = httpx2.post(
        resource,
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": tool, "arguments": arguments,
            "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                      "io.modelcontextprotocol/clientCapabilities": {}}}},
        headers={
            "authorization": f"Bearer {token}", "accept": "application/json, text/event-stream",
            "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": tool,
        },
        trust_env=False,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json()["result"]["structuredContent"]
    return found


@pytest.fixture
def subject(mandate: Live, house: House, ada: Person, letter: tuple[str, str]) -> str:
    """Let Ada allow the agent to read the letters."""
    picks = {"scope": ["docs:read"], "object": [f"folder:{letter[0]}"]}
    told = user_token(mandate, house.scene.agent, ada, scope="docs:read", picks=picks)
    return str(told["access_token"])


@pytest.fixture
def run(mandate: Live, house: House, subject: str, tmp_path: Path) -> Run:
    party = house.scene.agent
    given = {
        "AGENT_ISSUER": mandate.issuer, "AGENT_RESOURCE": house.scene.resource,
        "AGENT_CLIENT_ID": party.client.id, "AGENT_CLIENT_SECRET": party.secret or "",
        "AGENT_SUBJECT_TOKEN": subject,
    }  # fmt: skip

    def run(framework: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        return subprocess.run(
            [framework_python(FRAMEWORKS[framework]), EXAMPLES / framework / "main.py", *arguments],
            env={**kept, **given, "HOME": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


@requirement("interop:framework:acts-for-user")
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_an_agent_reads_what_the_user_allowed_until_she_takes_it_back(
    run: Run, mandate: Live, house: House, letter: tuple[str, str], subject: str, framework: str
):
    _, document = letter
    # FastMCP alone has no model: its argument is the document.
    task = (document,) if framework == "fastmcp_client" else ("What does", document, "say?")
    read = run(framework, *task)
    assert (read.returncode, "How are you?" in read.stdout) == (0, True), (read.stdout, read.stderr)

    party = house.scene.agent
    given_back = httpx2.post(
        f"{mandate.issuer}/revoke", data={"token": subject}, headers=party.basic, trust_env=False
    )
    assert given_back.status_code == 200
    refused = run(framework, *task)
    printed = refused.stdout + refused.stderr
    assert (refused.returncode != 0, "How are you?" in printed) == (True, False), printed
    assert "token_revoked" in printed, printed
    for secret in (subject, party.secret or "?"):
        assert secret not in printed
    passed(framework, Flow.EXCHANGE)
