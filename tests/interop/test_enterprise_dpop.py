"""The helpers of enterprises and workloads with a key, at Mandates that demand one and a nonce."""

from collections.abc import Iterator

import httpx2
import pytest

from authz.jose import split
from mcp_tools.client.connect import connect
from mcp_tools.client.credentials import ClientSecret
from mcp_tools.client.dpop import DPoPAuth, DPoPKey
from mcp_tools.client.enterprise import IdentityAssertionAuth, IdentityProvider
from mcp_tools.client.errors import NotGranted
from mcp_tools.client.workload import WorkloadAuth
from server.domain.registry import ClientAuth
from tests.interop.enterprise_scene import Enterprise, enterprise_scene
from tests.mcp_kit.archive import rpc
from tests.requirements import requirement
from tests.support.world import Party


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enterprise]:
    """Run everything, and give none of the clients a token without a proof."""
    settings = {"MANDATE_DPOP_NONCE": "true"}
    with enterprise_scene(tmp_path_factory.mktemp("bound"), settings) as running:
        for party in (running.at.assistant, running.at.robot):
            running.command("client", "dpop", party.client.id)
        running.idp_command("client", "dpop", running.client(ClientAuth.BASIC)[0].client.id)
        yield running


def provider(scene: Enterprise, key: DPoPKey | None) -> IdentityProvider:
    party, id_token = scene.client(ClientAuth.BASIC)
    return IdentityProvider(
        issuer=scene.idp.issuer, credentials=secret(party), id_token=lambda: id_token, dpop=key
    )


def presenter(
    scene: Enterprise, idp: IdentityProvider, key: DPoPKey | None
) -> IdentityAssertionAuth:
    at = scene.at
    return IdentityAssertionAuth(
        issuer=scene.there.issuer, credentials=secret(at.assistant), resource=at.resource,
        scope="docs:read", assertion=idp.assertion, dpop=key,
    )  # fmt: skip


def secret(party: Party) -> ClientSecret:
    return ClientSecret(party.client.id, party.secret or "")


async def is_worth_nothing_without(key: DPoPKey, token: str, resource: str) -> None:
    """The token names the key, and a copy of it is refused whatever it comes with."""
    assert split(token).unverified_payload()["cnf"] == {"jkt": key.jkt}
    async with httpx2.AsyncClient(trust_env=False) as http:
        bare = {"authorization": f"Bearer {token}"}
        refused = await http.post(resource, json=rpc("ping"), headers=bare)
        assert refused.json()["error"]["data"]["reason"] == "proof_required"
        thief = DPoPAuth(DPoPKey.generate(), token)
        refused = await http.post(resource, json=rpc("ping"), auth=thief)
        assert refused.json()["error"]["data"]["reason"] == "proof_key"


@requirement("ema:accepted", "rfc9449:5.2:required", "rfc9449:7.1:scheme")
async def test_both_legs_prove_their_key(scene: Enterprise):
    at, key = scene.at, DPoPKey.generate()
    # Each leg has a key of its own: they are requests to two servers.
    async with (
        provider(scene, DPoPKey.generate()) as idp,
        presenter(scene, idp, key) as auth,
        connect(auth) as mcp,
    ):
        told = (await mcp.call_tool("whoami", {})).structured_content or {}
        assert told["principal"] == f"user:{at.ada}"
        assert told["agents"] == [at.assistant.agent.id]
        await is_worth_nothing_without(key, (await auth.token()).value, at.resource)
        async with presenter(scene, idp, None) as unbound:
            with pytest.raises(NotGranted, match="proof_missing"):
                await unbound.token()
    async with provider(scene, None) as bare, presenter(scene, bare, key) as auth:
        with pytest.raises(NotGranted, match="proof_missing"):
            await auth.token()


@requirement("wif:accepted", "rfc9449:5.2:required", "rfc9449:7.1:scheme")
async def test_a_workload_proves_its_key(scene: Enterprise):
    at, key = scene.at, DPoPKey.generate()
    _, platform_token = scene.trust_cluster()

    def auth(dpop: DPoPKey | None) -> WorkloadAuth:
        return WorkloadAuth(
            issuer=scene.there.issuer, token=lambda: platform_token, resource=at.resource,
            scope="docs:read", dpop=dpop,
        )  # fmt: skip

    async with auth(key) as own, connect(own) as mcp:
        told = (await mcp.call_tool("whoami", {})).structured_content or {}
        assert told["principal"] == f"agent:{at.robot.agent.id}"
        await is_worth_nothing_without(key, (await own.token()).value, at.resource)
    async with auth(None) as unbound:
        with pytest.raises(NotGranted, match="proof_missing"):
            await unbound.token()
