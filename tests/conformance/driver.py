"""The program that the suite starts as the client under test: our helpers, in a few lines each.

The last argument is the server's address; MCP_CONFORMANCE_SCENARIO names what is tried, and
MCP_CONFORMANCE_CONTEXT brings the credentials.
"""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mcp_tools.client.agent_auth import AgentAuth
from mcp_tools.client.assertion_auth import AssertionAuth
from mcp_tools.client.connect import connect
from mcp_tools.client.credentials import ClientSecret, Credentials, PrivateKeyJwt
from mcp_tools.client.enterprise import IdentityAssertionAuth, IdentityProvider
from mcp_tools.client.find import find_issuer
from mcp_tools.client.workload import WorkloadAuth

CONTEXT: dict[str, Any] = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))


@dataclass(frozen=True)
class Named:
    """The suite's identity provider asks for the client's name alone."""

    client_id: str

    def apply(self, issuer: str, form: dict[str, str], headers: dict[str, str]) -> None:
        form["client_id"] = self.client_id


def _credentials() -> Credentials:
    client_id = CONTEXT.get("client_id", "pre-registered")
    if "private_key_pem" in CONTEXT:
        key: Any = load_pem_private_key(CONTEXT["private_key_pem"].encode(), None)
        return PrivateKeyJwt(client_id, key, "key-1")
    return ClientSecret(client_id, CONTEXT.get("client_secret", "made-up"))


def _auth(issuer: str, url: str) -> AgentAuth | AssertionAuth:
    scenario = os.environ.get("MCP_CONFORMANCE_SCENARIO", "")
    if scenario == "auth/enterprise-managed-authorization":
        idp = IdentityProvider(
            issuer=CONTEXT["idp_issuer"],
            credentials=Named(CONTEXT["idp_client_id"]),
            id_token=lambda: str(CONTEXT["idp_id_token"]),
        )
        return IdentityAssertionAuth(
            issuer=issuer, credentials=_credentials(), resource=url, assertion=idp.assertion
        )
    if scenario == "auth/wif-jwt-bearer":
        token = str(CONTEXT["valid_jwt"])
        return WorkloadAuth(issuer=issuer, token=lambda: token, resource=url)
    return AgentAuth(issuer=issuer, credentials=_credentials(), resource=url)


async def main() -> None:
    url = sys.argv[-1]
    async with _auth(await find_issuer(url), url) as auth, connect(auth) as mcp:
        for tool in (await mcp.list_tools()).tools:
            await mcp.call_tool(tool.name, {})


if __name__ == "__main__":
    asyncio.run(main())
