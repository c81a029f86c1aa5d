"""An agent of openai-agents reads a document for the user. Settings: README.md."""

import asyncio
import os
import sys

from agents import Agent, RunConfig, Runner
from agents.mcp import MCPServerStreamableHttp
from scripted import Scripted

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


async def main(task: str) -> None:
    """Give the agent a task and print what it answers."""
    async with (
        signed_in() as auth,
        MCPServerStreamableHttp(params={"url": auth.resource, "auth": auth}) as documents,
    ):
        agent = Agent(
            name="Reader",
            instructions="Read the document that you are asked for, and tell what it says.",
            mcp_servers=[documents],
            # The name of a model, or one that plays a script: then nothing leaves this machine.
            model=os.environ.get("AGENT_MODEL") or Scripted(),
        )
        answer = await Runner.run(agent, task, run_config=RunConfig(tracing_disabled=True))
        print(answer.final_output)


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:])))
