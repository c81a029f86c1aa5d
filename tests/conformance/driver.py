"""The program that the suite starts as the client under test: our helper, in a few lines.

The last argument is the server's address; MCP_CONFORMANCE_CONTEXT brings the credentials.
"""

import asyncio
import json
import os
import sys
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mcp_tools.client.agent_auth import AgentAuth
from mcp_tools.client.connect import connect
from mcp_tools.client.credentials import ClientSecret, Credentials, PrivateKeyJwt
from mcp_tools.client.find import find_issuer


def _credentials(context: dict[str, Any]) -> Credentials:
    client_id = context.get("client_id", "pre-registered")
    if "private_key_pem" in context:
        key: Any = load_pem_private_key(context["private_key_pem"].encode(), None)
        return PrivateKeyJwt(client_id, key, "key-1")
    return ClientSecret(client_id, context.get("client_secret", "made-up"))


async def main() -> None:
    url = sys.argv[-1]
    context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
    auth = AgentAuth(issuer=await find_issuer(url), credentials=_credentials(context), resource=url)
    async with auth, connect(auth) as mcp:
        for tool in (await mcp.list_tools()).tools:
            await mcp.call_tool(tool.name, {})


if __name__ == "__main__":
    asyncio.run(main())
