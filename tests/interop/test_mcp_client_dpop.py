"""The `mcp` client with every token bound to a key: its own OAuth flow, in one wrapper."""

from typing import Any

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata
from pydantic import AnyUrl

from authz.jose import split
from mcp_tools.client.dpop import DPoPAuth, DPoPKey, Prover
from mcp_tools.client.dpop_oauth import DPoPOAuth
from tests.interop.scene import EVERY, Scene
from tests.interop.test_mcp_client import App, _result, documents
from tests.mcp_kit.archive import rpc
from tests.requirements import requirement
from tests.support.live import CALLBACK, Live
from tests.support.person import Person

__all__ = ["documents"]


class BoundApp(App):
    """The SDK's client, inside `DPoPOAuth`."""

    key = DPoPKey.generate()

    async def call(self, resource: str, tool: str, **arguments: str) -> Any:
        flow = OAuthClientProvider(
            server_url=resource,
            client_metadata=OAuthClientMetadata(redirect_uris=[AnyUrl(CALLBACK)]),
            storage=self.storage,
            redirect_handler=self.go,
            callback_handler=self.come_back,
        )
        async with (
            httpx2.AsyncClient(auth=DPoPOAuth(flow, self.key), trust_env=False, timeout=30) as http,
            Client(streamable_http_client(resource, http_client=http)) as client,
        ):
            return _result(await client.call_tool(tool, arguments))


@requirement("rfc9449:7.1:scheme", "rfc9449:5:refresh-public")
async def test_the_flow_of_the_sdk_gets_bound_tokens_and_proves_them(
    mandate: Live, scene: Scene, ada: Person, documents: str
):
    app = BoundApp(scene.own, mandate, ada, scope=EVERY)
    folder = (await app.call(documents, "create_folder", name="Letters"))["folder_id"]
    assert folder
    stored = app.storage.tokens
    assert stored
    claims = split(stored.access_token).unverified_payload()
    assert claims["cnf"] == {"jkt": app.key.jkt}
    # A refresh with the same key goes on; a copy of the refresh token alone does not.
    form = {
        "grant_type": "refresh_token", "refresh_token": stored.refresh_token,
        "client_id": scene.own.client.id, "resource": documents,
    }  # fmt: skip
    async with httpx2.AsyncClient(trust_env=False) as http:
        stolen = await http.post(f"{mandate.issuer}/token", data=form)
        assert stolen.json()["reason"] == "proof_required"
        thief = DPoPAuth(DPoPKey.generate(), stored.access_token)
        refused = await http.post(documents, json=rpc("ping"), auth=thief)
        assert refused.json()["error"]["data"]["reason"] == "proof_key"
        bare = {"authorization": f"Bearer {stored.access_token}"}
        refused = await http.post(documents, json=rpc("ping"), headers=bare)
        assert refused.json()["error"]["data"]["reason"] == "proof_required"
        url = f"{mandate.issuer}/token"
        proof = {"DPoP": Prover(app.key).proof("POST", url)}
        assert (await http.post(url, data=form, headers=proof)).json()["token_type"] == "DPoP"
    # The same storage and key after a restart: the token is still good.
    again = await app.call(documents, "list_folder", folder_id=folder)
    assert again == {"folders": [], "documents": []}
    assert app.storage.tokens == stored
