"""A program that the MCP conformance suite drives: the `mcp` client inside `DPoPOAuth`.

Its last argument is the address of a server; it lists the tools there and calls the first.
"""

import asyncio
import sys
from urllib.parse import parse_qsl, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl

from mcp_tools.client.dpop import DPoPKey
from mcp_tools.client.dpop_oauth import DPoPOAuth


class Memory:
    """The SDK's storage; the client registers itself."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Browser:
    """Follows the one redirect of a server that asks nobody."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}

    async def go(self, url: str) -> None:
        async with httpx2.AsyncClient(trust_env=False) as http:
            answer = await http.get(url)
        self.told = dict(parse_qsl(urlsplit(answer.headers["location"]).query))

    async def come_back(self) -> AuthorizationCodeResult:
        told = self.told
        return AuthorizationCodeResult(
            code=told["code"], state=told.get("state"), iss=told.get("iss")
        )


async def main(url: str) -> None:
    """List the tools of a server and call the first."""
    browser = Browser()
    flow = OAuthClientProvider(
        server_url=url,
        client_metadata=OAuthClientMetadata(
            client_name="dpop", redirect_uris=[AnyUrl("http://127.0.0.1:9/callback")]
        ),
        storage=Memory(),
        redirect_handler=browser.go,
        callback_handler=browser.come_back,
    )
    auth = DPoPOAuth(flow, DPoPKey.generate())
    async with (
        httpx2.AsyncClient(auth=auth, trust_env=False, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        tools = (await client.list_tools()).tools
        await client.call_tool(tools[0].name, {})


if __name__ == "__main__":
    asyncio.run(main(sys.argv[-1]))
