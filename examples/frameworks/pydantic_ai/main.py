"""An agent of Pydantic AI reads a document for the user. Settings: README.md."""

import asyncio
import os
import re
import sys

from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

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


def scripted(messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
    """Play a script in a model's place: read the document of the task, then tell what it says."""
    for part in messages[-1].parts:
        if isinstance(part, ToolReturnPart):
            return ModelResponse(parts=[TextPart(str(part.content))])
    (document,) = re.findall(r"doc_\w+", str(messages[0]))
    return ModelResponse(parts=[ToolCallPart("read_document", {"document_id": document})])


async def main(task: str) -> None:
    """Give the agent a task and print what it answers."""
    async with signed_in() as auth:
        agent = Agent(
            # The name of a model, or the script: then nothing leaves this machine.
            os.environ.get("AGENT_MODEL") or FunctionModel(scripted),
            instructions="Read the document that you are asked for, and tell what it says.",
            toolsets=[MCPToolset(auth.resource, auth=auth, tool_error_behavior="failed")],
        )
        async with agent:
            print((await agent.run(task)).output)


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:])))
