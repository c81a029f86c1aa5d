"""An employer's identity across two Mandates: our helper, the `mcp` client and the npm client.

And a workload that has nothing but its platform's token.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.auth.extensions.identity_assertion import IdentityAssertionOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

from mcp_tools.client.connect import connect
from mcp_tools.client.credentials import ClientSecret
from mcp_tools.client.enterprise import IdentityAssertionAuth, IdentityProvider
from mcp_tools.client.errors import NotGranted
from mcp_tools.client.workload import TokenFile, WorkloadAuth
from server.domain.registry import ClientAuth
from tests.compatibility.record import Flow, passed
from tests.interop.enterprise_scene import Enterprise, enterprise_scene
from tests.requirements import requirement
from tests.support.missing import missing
from tests.support.world import Party

SCRIPT = Path(__file__).parents[1] / "node" / "cross_app_access.mjs"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enterprise]:
    """Run both Mandates and the MCP server."""
    with enterprise_scene(tmp_path_factory.mktemp("enterprise")) as running:
        yield running


def secret(party: Party) -> ClientSecret:
    return ClientSecret(party.client.id, party.secret or "")


def provider(scene: Enterprise) -> IdentityProvider:
    party, id_token = scene.client(ClientAuth.BASIC)
    return IdentityProvider(
        issuer=scene.idp.issuer, credentials=secret(party), id_token=lambda: id_token
    )


@requirement("ema:accepted", "ema:idp-response")
async def test_our_helper_goes_both_legs_until_ada_revokes_it(scene: Enterprise):
    at = scene.at

    def auth(idp: IdentityProvider) -> IdentityAssertionAuth:
        return IdentityAssertionAuth(
            issuer=scene.there.issuer, credentials=secret(at.assistant), resource=at.resource,
            scope="docs:read", assertion=idp.assertion,
        )  # fmt: skip

    async with provider(scene) as idp, auth(idp) as own, connect(own) as mcp:
        told = (await mcp.call_tool("whoami", {})).structured_content or {}
        assert told["principal"] == f"user:{at.ada}"
        assert told["agents"] == [at.assistant.agent.id]
        grant_id = (await own.token()).grant_id or ""
        shown = scene.command("delegation", "show", grant_id)
        assert (shown["origin"], shown["condition"]) == (scene.idp.issuer, "live")
        scene.command("delegation", "revoke", grant_id, "--yes")
        assert (await mcp.call_tool("whoami", {})).is_error
        async with auth(idp) as again:
            with pytest.raises(NotGranted, match="delegation_revoked"):
                await again.token()
    assert scene.command("delegation", "lift", grant_id)["changed"] is True


class Memory:
    """The SDK's storage."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        raise AssertionError("nothing is registered here")


@requirement("ema:accepted")
async def test_the_mcp_client_presents_an_assertion_that_our_helper_got(scene: Enterprise):
    at, storage = scene.at, Memory()
    async with provider(scene) as idp:
        auth = IdentityAssertionOAuthProvider(
            server_url=at.resource, storage=storage, client_id=at.assistant.client.id,
            client_secret=at.assistant.secret or "", issuer=scene.there.issuer,
            assertion_provider=idp.assertion, token_endpoint_auth_method="client_secret_basic",
        )  # fmt: skip
        async with (
            httpx2.AsyncClient(auth=auth, trust_env=False, timeout=30) as http,
            Client(streamable_http_client(at.resource, http_client=http)) as client,
        ):
            told = (await client.call_tool("whoami", {})).structured_content or {}
    assert told["principal"] == f"user:{at.ada}"
    assert storage.tokens
    assert storage.tokens.scope == "docs:read"
    assert storage.tokens.refresh_token is None
    passed("python-mcp", Flow.ID_JAG)


@pytest.mark.node
@requirement("ema:accepted", "ema:idp-response")
def test_the_npm_client_goes_both_legs(
    scene: Enterprise, node: Path, node_packages: Path, tmp_path: Path
):
    if not (node_packages / "node_modules" / "@modelcontextprotocol" / "client").exists():
        missing("@modelcontextprotocol/client", "make node")
    party, id_token = scene.client(ClientAuth.POST)
    settings = {
        "url": scene.at.resource, "issuer": scene.there.issuer, "idp": scene.idp.issuer,
        "clientId": scene.at.assistant.client.id, "clientSecret": scene.at.assistant.secret,
        "idpClientId": party.client.id, "idpClientSecret": party.secret, "idToken": id_token,
    }  # fmt: skip
    # A module is looked for from where the script is.
    (tmp_path / "node_modules").symlink_to(node_packages / "node_modules")
    script = tmp_path / SCRIPT.name
    script.write_text(SCRIPT.read_text())
    done = subprocess.run(
        [node, script],
        env={**os.environ, "SCENE": json.dumps(settings)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["told"]["principal"] == f"user:{scene.at.ada}"
    assert found["asserted"] == [
        {"audience": scene.there.issuer, "resource": scene.at.resource, "scope": "docs:read"}
    ]
    passed("npm-client", Flow.ID_JAG)


@requirement("wif:accepted")
async def test_a_workload_calls_as_its_agent_with_the_token_of_a_file(
    scene: Enterprise, tmp_path: Path
):
    at = scene.at
    issuer, token = scene.trust_cluster()
    file = tmp_path / "token"
    file.write_text(f"{token}\n")

    def auth() -> WorkloadAuth:
        return WorkloadAuth(
            issuer=scene.there.issuer, token=TokenFile(file), resource=at.resource,
            scope="docs:read",
        )  # fmt: skip

    for _ in range(2):
        async with aclosing(auth()) as own, connect(own) as mcp:
            told = (await mcp.call_tool("whoami", {})).structured_content or {}
            assert told["principal"] == f"agent:{at.robot.agent.id}"
    scene.command("issuer", "remove", issuer, "--yes")
    async with aclosing(auth()) as own:
        with pytest.raises(NotGranted, match="assertion_refused"):
            await own.token()
