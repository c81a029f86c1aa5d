"""The TypeScript example: another SDK's server believes our tokens, and no others."""

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_tools.testing.issuer import ThrowawayIssuer
from server.domain.delegation import Detail
from server.domain.registry import Resource, Scope
from server.services.resources import add_resource
from tests.requirements import requirement
from tests.support.live import Live, live
from tests.support.ports import free_port
from tests.support.processes import wait_for_line
from tests.support.tree import ROOT
from tests.support.world import Party, World

pytestmark = pytest.mark.node
EXAMPLE = ROOT / "examples" / "typescript" / "main.ts"
MODEL = """
module recipes

type recipe
  relations
    define editor: [user]
    define viewer: [user] or editor
    define consented: [consent]
    define ceiling: [agent]
"""


@dataclass(frozen=True)
class Kitchen:
    """Who is registered, and tokens for the recipe server and for another one."""

    resource: str
    recipes: Party
    quill: Party
    reading: str
    other: str
    own: str


async def _register(w: World, resource: str) -> Kitchen:
    scopes = {
        name: Scope(name=name, description=name, default=name == "recipes:read", agent_own=True)
        for name in ("recipes:read", "recipes:write")
    }
    await add_resource(
        w.core,
        Resource(id=resource, name="Recipes", scopes=scopes, types=frozenset({"recipe"}), model=MODEL),
        by="test",
    )  # fmt: skip
    recipes = await w.client("recipes", resource_id=resource, grant_types=frozenset())
    other = "http://127.0.0.1:9/mcp"
    await w.resource(other, "notes")
    names = {"recipes:read", "recipes:write", "notes:read"}
    quill = await w.agent("quill", names, {resource, other})
    ada = await w.user("ada")
    await w.relate(
        (f"user:{ada.id}", "viewer", "recipe:1"), (f"user:{ada.id}", "viewer", "recipe:2")
    )
    session = await w.session(ada)
    details = (
        Detail(resource=resource, scopes=frozenset({"recipes:read"}), objects=("recipe:1",)),
        Detail(resource=other, scopes=frozenset({"notes:read"}), objects=()),
    )
    grant = await w.delegation(ada, quill, details, sid=session.id)
    code = await w.code(
        quill, ada, grant=grant, scope="recipes:read notes:read", session=session,
    )  # fmt: skip
    subject = (await w.redeem(quill, code)).json()["access_token"]

    async def at(target: str) -> str:
        answer = await w.exchange(quill, subject, resource=target)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    return Kitchen(resource, recipes, quill, await at(resource), await at(other), subject)


@pytest.fixture(scope="module")
def mandate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    resource = f"http://127.0.0.1:{free_port()}/mcp"
    with live(tmp_path_factory.mktemp("kitchen"), lambda w: _register(w, resource)) as running:
        yield running


@pytest.fixture(scope="module")
def kitchen(
    mandate: Live, node: Path, node_packages: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kitchen]:
    """Run the example as it is, with the packages that it names."""
    folder = tmp_path_factory.mktemp("recipes")
    (folder / "node_modules").symlink_to(node_packages / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "main.ts").write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    made: Kitchen = mandate.made
    given = {
        "RECIPES_ISSUER": mandate.issuer,
        "RECIPES_RESOURCE": made.resource,
        "RECIPES_CLIENT_ID": made.recipes.client.id,
        "RECIPES_CLIENT_SECRET": made.recipes.secret or "",
    }
    process = subprocess.Popen(
        [node, "main.ts"],
        cwd=folder,
        env={**os.environ, **given, "NO_PROXY": "127.0.0.1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for_line(process, "recipes: ready")
        yield made
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _ask(kitchen: Kitchen, token: str | None, **more: Any) -> httpx2.Response:
    headers = {"accept": "application/json, text/event-stream", **more.pop("headers", {})}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    name = more.pop("tool", "read_recipe")
    params = {"name": name, "arguments": {"number": more.pop("number", "1")}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    url = more.pop("url", kitchen.resource)
    return httpx2.post(url, json=body, headers=headers, trust_env=False)


@asynccontextmanager
async def _client(kitchen: Kitchen, token: str) -> AsyncIterator[Client]:
    headers = {"authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False) as http,
        Client(streamable_http_client(kitchen.resource, http_client=http)) as client,
    ):
        yield client


@requirement("mcp:kit:typescript")
async def test_a_call_is_allowed_on_what_was_consented_and_nothing_else(kitchen: Kitchen) -> None:
    async with _client(kitchen, kitchen.reading) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert tools == {"read_recipe", "burn_recipe"}
        answer = await client.call_tool("read_recipe", {"number": "1"})
        assert answer.content[0].text.startswith("Onion soup")  # type: ignore[union-attr]
        # Ada may see the second recipe; her consent does not cover it, and the third is unknown.
        texts = set()
        for number in ("2", "3"):
            refused = await client.call_tool("read_recipe", {"number": number})
            assert refused.is_error
            texts.add(refused.content[0].text)  # type: ignore[union-attr]
        assert texts == {"object_denied: the call was not allowed"}


@requirement("mcp:kit:typescript")
def test_the_challenges_say_where_to_look_and_what_is_missing(kitchen: Kitchen) -> None:
    bare = _ask(kitchen, None)
    assert bare.status_code == 401
    where = kitchen.resource.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
    assert f'resource_metadata="{where}"' in bare.headers["www-authenticate"]
    assert httpx2.get(where, trust_env=False).json()["resource"] == kitchen.resource
    more = _ask(kitchen, kitchen.reading, tool="burn_recipe")
    assert more.status_code == 403
    challenge = more.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="recipes:write"' in challenge
    assert f'resource_metadata="{where}"' in challenge


@requirement("mcp:kit:typescript")
def test_tokens_for_others_and_of_others_are_refused(kitchen: Kitchen, mandate: Live) -> None:
    forger = ThrowawayIssuer(mandate.issuer)
    claims: dict[str, Any] = {"user": "usr_ann", "agent": "agt_a", "scopes": ["recipes:read"]}
    bad = {
        "for another server": kitchen.other,
        "for the agent itself": kitchen.own,
        "of another key": forger.token(**claims, resource=kitchen.resource),
        "cut": kitchen.reading[:-4],
        "none": kitchen.reading.rpartition(".")[0] + ".",
    }
    for why, token in bad.items():
        answer = _ask(kitchen, token)
        assert answer.status_code == 401, why
        assert 'error="invalid_token"' in answer.headers["www-authenticate"], why
    query = _ask(kitchen, None, url=f"{kitchen.resource}?access_token={kitchen.reading}")
    assert query.status_code in {400, 401}
    rebound = _ask(kitchen, kitchen.reading, headers={"host": "evil.test"})
    assert rebound.status_code == 403
    foreign = _ask(kitchen, kitchen.reading, headers={"origin": "https://evil.test"})
    assert foreign.status_code == 403


@requirement("mcp:kit:typescript")
async def test_a_revoked_token_is_refused_at_the_next_call(kitchen: Kitchen, mandate: Live) -> None:
    async with _client(kitchen, kitchen.reading) as client:
        assert not (await client.call_tool("read_recipe", {"number": "1"})).is_error
        revoked = httpx2.post(
            f"{mandate.issuer}/revoke",
            data={"token": kitchen.reading},
            headers=kitchen.quill.basic,
            trust_env=False,
        )
        assert revoked.status_code == 200
        refused = await client.call_tool("read_recipe", {"number": "1"})
        assert refused.is_error
        assert "token_revoked" in refused.content[0].text  # type: ignore[union-attr]
