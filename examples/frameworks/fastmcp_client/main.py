"""FastMCP's client reads a document for the user. Run this file; its settings are in README.md."""

import asyncio
import os
import sys

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

from mcp_tools.client.credentials import ClientSecret
from mcp_tools.client.exchange_auth import TokenExchangeAuth


def signed_in() -> TokenExchangeAuth:
    """Act for the user whose token this agent was given, at one server and for one scope."""
    return TokenExchangeAuth(
        issuer=os.environ["AGENT_ISSUER"],
        credentials=ClientSecret(os.environ["AGENT_CLIENT_ID"], os.environ["AGENT_CLIENT_SECRET"]),
        subject_token=os.environ["AGENT_SUBJECT_TOKEN"],
        resource=os.environ["AGENT_RESOURCE"],
        scope="docs:read",
    )


async def main(document: str) -> None:
    """Print the document."""
    async with (
        signed_in() as auth,
        Client(StreamableHttpTransport(auth.resource, auth=auth)) as client,
    ):
        answer = await client.call_tool("read_document", {"document_id": document})
        print(answer.data)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
