"""An agent of LangChain reads a document for the user. Settings: README.md."""

import asyncio
import os
import sys

from langchain.agents import create_agent
from langchain_mcp_adapters.client import MultiServerMCPClient
from scripted import Scripted

from mcp_tools.client.credentials import ClientSecret
from mcp_tools.client.exchange_auth import TokenExchangeAuth
from mcp_tools.client.httpx_auth import HttpxAuth


def signed_in() -> TokenExchangeAuth:
    """Act for the user whose token this agent was given, at one server and for one scope."""
    return TokenExchangeAuth(
        issuer=os.environ["AGENT_ISSUER"],
        credentials=ClientSecret(os.environ["AGENT_CLIENT_ID"], os.environ["AGENT_CLIENT_SECRET"]),
        subject_token=os.environ["AGENT_SUBJECT_TOKEN"],
        resource=os.environ["AGENT_RESOURCE"],
        scope="docs:read",
    )


async def main(task: str) -> None:
    """Give the agent a task and print what it answers."""
    async with signed_in() as auth:
        connection = {"transport": "streamable_http", "url": auth.resource, "auth": HttpxAuth(auth)}
        tools = await MultiServerMCPClient({"documents": connection}).get_tools()
        # The name of a model, or one that plays a script: then nothing leaves this machine.
        agent = create_agent(os.environ.get("AGENT_MODEL") or Scripted(), tools)
        told = await agent.ainvoke({"messages": [{"role": "user", "content": task}]})
        print(told["messages"][-1].text)


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:])))
