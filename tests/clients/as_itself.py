"""Run by the Python of a framework's environment: it calls the workshop with an agent's own token.

Its argument is the framework. CALLS brings the address, the credentials and the calls, as JSON; it
prints the answers as JSON. The MCP SDK's own provider obtains the tokens.
"""

import asyncio
import json
import os
import sys
from typing import Any

from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider

GIVEN: dict[str, Any] = json.loads(os.environ["CALLS"])


class Memory:
    """The SDK's storage of tokens."""

    tokens: Any = None

    async def get_tokens(self) -> Any:
        return self.tokens

    async def set_tokens(self, tokens: Any) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> Any:
        return None

    async def set_client_info(self, client_info: Any) -> None:
        raise AssertionError("nothing is registered here")


def provider() -> Any:
    """Give the credentials to the SDK of this environment, 1.x or 2.x."""
    issuer = {"issuer": GIVEN["issuer"]} if GIVEN["issuer"] else {}
    return ClientCredentialsOAuthProvider(
        server_url=GIVEN["url"],
        storage=Memory(),
        client_id=GIVEN["id"],
        client_secret=GIVEN["secret"],
        **issuer,
    )


async def fastmcp() -> list[str]:
    from fastmcp import Client
    from fastmcp.client.transports import StreamableHttpTransport

    async with Client(StreamableHttpTransport(GIVEN["url"], auth=provider())) as client:
        return [(await client.call_tool(*call)).content[0].text for call in GIVEN["calls"]]


async def openai_agents() -> list[str]:
    from agents.mcp import MCPServerStreamableHttp

    async with MCPServerStreamableHttp({"url": GIVEN["url"], "auth": provider()}) as server:
        return [(await server.call_tool(*call)).content[0].text for call in GIVEN["calls"]]


async def langchain() -> list[str]:
    from langchain_mcp_adapters.sessions import create_session

    connection = {"transport": "streamable_http", "url": GIVEN["url"], "auth": provider()}
    async with create_session(connection) as session:
        await session.initialize()
        return [(await session.call_tool(*call)).content[0].text for call in GIVEN["calls"]]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(globals()[sys.argv[1]]())))
