"""A server over stdio: its own process, a real client, the token from the environment."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.shared.exceptions import MCPError

from mcp_tools.testing.issuer import ThrowawayIssuer
from tests.requirements import requirement
from tests.support.processes import environment
from tests.support.tree import ROOT

RESOURCE = "http://127.0.0.1:1/mcp"
MAIN = ROOT / "examples" / "over_stdio" / "main.py"


@pytest.fixture(scope="module")
def served() -> Iterator[ThrowawayIssuer]:
    issuer = ThrowawayIssuer()
    with issuer.on_loopback():
        yield issuer


@pytest.fixture
def issuer(served: ThrowawayIssuer) -> ThrowawayIssuer:
    served.rules.tuples.clear()
    served.rules.ended.clear()
    served.rules.unavailable = False
    served.rules.allow("usr_ann", "viewer", "note:1")
    return served


def _settings(issuer: ThrowawayIssuer, given: dict[str, str]) -> dict[str, str]:
    shelf = {
        "SHELF_ISSUER": issuer.url,
        "SHELF_RESOURCE": RESOURCE,
        "SHELF_CLIENT_ID": "shelf",
        "SHELF_CLIENT_SECRET": "made-up",
        "PYTHONPATH": str(ROOT),
    }
    return environment({**shelf, **given})


@asynccontextmanager
async def _opened(issuer: ThrowawayIssuer, **given: str) -> AsyncIterator[Client]:
    parameters = StdioServerParameters(
        command=sys.executable, args=[str(MAIN)], env=_settings(issuer, given)
    )
    async with Client(stdio_client(parameters)) as client:
        yield client


def _token(issuer: ThrowawayIssuer, **claims: Any) -> str:
    asked = {"user": "usr_ann", "agent": "agt_a", "scopes": ["shelf:read"], "resource": RESOURCE}
    return issuer.token(**{**asked, **claims})


async def _said(client: Client, tool: str, **arguments: str) -> str:
    try:
        answer = await client.call_tool(tool, arguments)
    except MCPError as error:
        return str(error)
    return " ".join(getattr(each, "text", "") for each in answer.content)


@requirement("mcp:kit:stdio")
async def test_each_call_is_decided_as_over_http(issuer: ThrowawayIssuer) -> None:
    token = _token(issuer, grant_id="dlg_7")
    async with _opened(issuer, MANDATE_TOKEN=token) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert tools == {"read_note", "environment"}
        assert await _said(client, "read_note", number="1") == "Buy milk. (user:usr_ann)"
        assert "object_denied" in await _said(client, "read_note", number="2")
        assert "the token lacks shelf:write" in await _said(client, "tear_note", number="1")
        assert "unknown tool" in await _said(client, "nothing")
        issuer.rules.end("dlg_7")
        assert "delegation_revoked" in await _said(client, "read_note", number="1")
        with pytest.raises(MCPError, match="delegation_revoked"):
            await client.list_tools()
        issuer.rules.ended.clear()
        issuer.rules.unavailable = True
        assert "checker_unavailable" in await _said(client, "read_note", number="1")


@requirement("mcp:kit:stdio", "mandate:log:no-secret")
async def test_what_the_server_starts_does_not_inherit_the_token(issuer: ThrowawayIssuer) -> None:
    async with _opened(issuer, MANDATE_TOKEN=_token(issuer)) as client:
        assert await _said(client, "environment") == ""


@requirement("mcp:kit:stdio")
@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"resource": "http://127.0.0.1:2/mcp"}, "wrong_audience"),
        ({"claims": {"iss": "https://evil.test"}}, "token_invalid"),
        ({"expires_in": 0}, "token_expired"),
        ({"claims": {"may_act": {"sub": "agt_b"}}}, "wrong_kind"),
        ({"claims": {"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}}, "proof_required"),
    ],
)  # fmt: skip
async def test_a_token_that_is_no_good_here_opens_nothing(
    issuer: ThrowawayIssuer, claims: dict[str, Any], reason: str
) -> None:
    async with _opened(issuer, MANDATE_TOKEN=_token(issuer, **claims)) as client:
        assert f"invalid_token: {reason}" in await _said(client, "read_note", number="1")
        with pytest.raises(MCPError, match=reason):
            await client.list_tools()


async def test_a_token_file_is_read_anew(issuer: ThrowawayIssuer, tmp_path: Path) -> None:
    held = tmp_path / "token"
    held.write_text(_token(issuer, expires_in=0) + "\n", encoding="utf-8")
    async with _opened(issuer, MANDATE_TOKEN_FILE=str(held)) as client:
        assert "token_expired" in await _said(client, "read_note", number="1")
        held.write_text(_token(issuer) + "\n", encoding="utf-8")
        assert "Buy milk" in await _said(client, "read_note", number="1")
        held.unlink()
        assert "token_invalid" in await _said(client, "read_note", number="1")


async def test_what_the_agent_was_given_is_exchanged_for_this_server(
    issuer: ThrowawayIssuer, tmp_path: Path
) -> None:
    subject = issuer.token(
        user="usr_ann",
        agent="agt_quill",
        scopes=["shelf:read"],
        resource=f"{issuer.url}/agents/agt_quill",
    )
    given = tmp_path / "subject"
    given.write_text(subject, encoding="utf-8")
    agent = {
        "MANDATE_SUBJECT_TOKEN_FILE": str(given),
        "MANDATE_AGENT_CLIENT_ID": "quill",
        "MANDATE_AGENT_CLIENT_SECRET": "made-up-too",
        "MANDATE_SCOPE": "shelf:read",
    }
    async with _opened(issuer, **agent) as client:
        assert "Buy milk" in await _said(client, "read_note", number="1")
        assert "MANDATE_AGENT_CLIENT_SECRET" not in await _said(client, "environment")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "exactly one of MANDATE_TOKEN"),
        ({"MANDATE_TOKEN": "a", "MANDATE_TOKEN_FILE": "b"}, "exactly one of MANDATE_TOKEN"),
        ({"MANDATE_SUBJECT_TOKEN_FILE": "a"}, "MANDATE_AGENT_CLIENT_ID"),
    ],
)
def test_without_a_way_to_a_token_it_does_not_start(
    issuer: ThrowawayIssuer, given: dict[str, str], said: str
) -> None:
    done = subprocess.run(
        [sys.executable, str(MAIN)],
        env=_settings(issuer, given),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert said in done.stderr
    assert "made-up" not in done.stderr
