"""FastMCP 4 under the kit: the same rules, asked from outside, in the environment of frameworks."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_tools.testing.issuer import ThrowawayIssuer
from tests.mcp_kit.archive import META, MODERN, rpc
from tests.mcp_kit.test_examples import DELEGATED, _call, _running, _settings
from tests.requirements import requirement
from tests.support.frameworks import framework_python
from tests.support.ports import free_port
from tests.support.processes import environment

pytestmark = pytest.mark.frameworks
READ = {**DELEGATED, "scopes": ["minutes:read"]}


@pytest.fixture(scope="module")
def minutes() -> Iterator[tuple[ThrowawayIssuer, str]]:
    """The example and its issuer."""
    python = str(framework_python("frameworks"))
    issuer = ThrowawayIssuer()
    with ExitStack() as stack:
        url = stack.enter_context(issuer.on_loopback())
        given = _settings("minutes", url, free_port())
        running = _running("minutes", given, [python], folder="on_fastmcp")
        yield issuer, stack.enter_context(running)


@pytest.fixture
def rules(minutes: tuple[ThrowawayIssuer, str]) -> Iterator[ThrowawayIssuer]:
    """The issuer with one document to read, and nothing left of the test before."""
    issuer, _ = minutes
    issuer.rules.tuples.clear()
    issuer.rules.ended.clear()
    issuer.rules.allow("usr_ann", "viewer", "minutes:1")
    yield issuer
    issuer.rules.unavailable = False


async def _post(resource: str, token: str, method: str, params: dict[str, Any]) -> httpx2.Response:
    headers = {
        "authorization": f"Bearer {token}",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": MODERN,
        "mcp-method": method,
    }
    if name := params.get("name", params.get("uri")):
        headers["mcp-name"] = name
    async with httpx2.AsyncClient(trust_env=False) as http:
        body = rpc(method, {**params, "_meta": META})
        return await http.post(resource, json=body, headers=headers)


@requirement("mcp:kit:fastmcp")
async def test_a_call_is_decided_on_its_object(
    minutes: tuple[ThrowawayIssuer, str], rules: ThrowawayIssuer
) -> None:
    _, resource = minutes
    token = rules.token(**READ, resource=resource)
    assert await _call(resource, token, "read_minutes", number="1") == "We meet on Mondays."
    refused = await _call(resource, token, "read_minutes", number="2")
    unknown = await _call(resource, token, "read_minutes", number="9")
    assert refused == unknown
    assert refused.startswith("object_denied: ")
    said = await _call(resource, token, "amend_minutes", number="1", text="x")
    assert said.endswith("insufficient_scope: the token lacks minutes:write")


@requirement("mcp:kit:fastmcp")
async def test_lists_resources_and_prompts_follow_the_same_decision(
    minutes: tuple[ThrowawayIssuer, str], rules: ThrowawayIssuer
) -> None:
    _, resource = minutes
    token = rules.token(**READ, resource=resource)
    async with _client(resource, token) as client:
        assert {each.name for each in (await client.list_tools()).tools} == {"read_minutes"}
        assert {each.name for each in (await client.list_prompts()).prompts} == {"summarize"}
        templates = (await client.list_resource_templates()).resource_templates
        assert [each.uri_template for each in templates] == ["minutes://{number}"]
        read = await client.read_resource("minutes://1")
        assert read.contents[0].text == "We meet on Mondays."  # type: ignore[union-attr]
        prompt = await client.get_prompt("summarize", {"number": "1"})
        assert "Mondays" in str(prompt.messages[0].content)
        rules.rules.allow("usr_ann", "secretary", "club:chess")
        shown = {each.name for each in (await client.list_tools()).tools}
        assert shown == {"read_minutes", "count"}
    for method, params in (
        ("resources/read", {"uri": "minutes://2"}),
        ("prompts/get", {"name": "summarize", "arguments": {"number": "2"}}),
    ):
        answer = (await _post(resource, token, method, params)).json()
        assert answer["error"]["data"]["reason"] == "object_denied"
    closed = await _post(resource, token, "prompts/get", {"name": "unguarded"})
    assert closed.status_code in {403, 404}


@requirement("mcp:kit:fastmcp")
async def test_revocation_and_outage_stop_calls_and_lists(
    minutes: tuple[ThrowawayIssuer, str], rules: ThrowawayIssuer
) -> None:
    _, resource = minutes
    token = rules.token(**READ, resource=resource, grant_id="dlg_7")
    rules.rules.end("dlg_7")
    assert "delegation_revoked" in await _call(resource, token, "read_minutes", number="1")
    listed = (await _post(resource, token, "tools/list", {})).json()
    assert listed["error"]["data"]["reason"] == "delegation_revoked"
    rules.rules.ended.clear()
    rules.rules.unavailable = True
    assert "checker_unavailable" in (await _post(resource, token, "tools/list", {})).text
    assert "checker_unavailable" in await _call(resource, token, "read_minutes", number="1")


async def test_the_edge_is_the_same(
    minutes: tuple[ThrowawayIssuer, str], rules: ThrowawayIssuer
) -> None:
    _, resource = minutes
    other = rules.token(**READ, resource="http://127.0.0.1:1/mcp")
    assert (await _post(resource, other, "tools/list", {})).status_code == 401
    async with httpx2.AsyncClient(trust_env=False) as http:
        assert (await http.get(resource)).status_code == 401
        where = resource.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
        assert (await http.get(where)).json()["resource"] == resource
    token = rules.token(**READ, resource=resource)
    unknown = await _post(resource, token, "tools/call", {"name": "nothing", "arguments": {}})
    assert unknown.status_code == 400


STARTS = """
from fastmcp import FastMCP
from fastmcp.server.transforms import Namespace
from mcp_tools.guard import guard
from mcp_tools.protect import protect
mcp = FastMCP("open")

@mcp.tool
@guard(scope="a:b")
def guarded() -> str: return "x"

{more}
app = protect(mcp, issuer="https://issuer.test", resource="https://a.test/mcp", offline=True)
print("started")
{after}
"""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", "started"),
        ("@mcp.tool\ndef wipe() -> str: return 'gone'", "wipe: is not guarded"),
        ("@mcp.tool(name='wipe')\n@guard(scope='a:b')\ndef erase() -> str: return ''", "erase"),
        ("mcp.mount(FastMCP('other'))", "FastMCPProvider brings tools without guards"),
        ("mcp.add_transform(Namespace('x'))", "Namespace brings tools without guards"),
    ],
)
@requirement("mcp:kit:fastmcp")
def test_what_is_not_guarded_does_not_start(more: str, said: str) -> None:
    done = _python(STARTS.format(more=more, after=""))
    assert said in done.stdout + done.stderr
    assert ("started" in done.stdout) is (said == "started")


def test_what_is_mounted_later_closes_the_server() -> None:
    after = """
other = FastMCP("other")
@other.tool
def guarded() -> str: return "another's"
from mcp_tools.fastmcp_server import FastMCPInventory
inventory = FastMCPInventory(mcp)
print(inventory.rule("tools/call", "guarded") is not None)
mcp.mount(other)
print(inventory.rule("tools/call", "guarded"))
"""
    done = _python(STARTS.format(more="", after=after))
    assert done.stdout.split() == ["started", "True", "None"], done.stderr


def _python(source: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [framework_python("frameworks"), "-c", source],
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@asynccontextmanager
async def _client(resource: str, token: str) -> AsyncIterator[Client]:
    headers = {"authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False) as http,
        Client(streamable_http_client(resource, http_client=http)) as client,
    ):
        yield client
