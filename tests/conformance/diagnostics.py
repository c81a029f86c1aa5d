"""The tools, prompts and resources by which the suite looks into a server, each under a guard."""

import warnings
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import Prompt
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    ElicitRequest,
    ElicitRequestFormParams,
    InputRequiredResult,
)

from mcp_tools.edge import Edge
from mcp_tools.guard import guard
from mcp_tools.protect import protect

READ = "docs:read"
METHODS = (
    "prompts/list", "prompts/get", "resources/list", "resources/templates/list", "resources/read",
    "subscriptions/listen",
)  # fmt: skip
_ASKED: dict[str, Any] = {"type": "object", "properties": {"name": {"type": "string"}}}


def build(*, issuer: str, resource: str, client_id: str, client_secret: str) -> Edge:
    """Make the server as a resource of `issuer`; every method that it opens needs a scope."""
    return protect(
        _server(),
        issuer=issuer,
        resource=resource,
        client_id=client_id,
        client_secret=client_secret,
        methods=dict.fromkeys(METHODS, READ),
    )


def _server() -> MCPServer[Any]:
    mcp: MCPServer[Any] = MCPServer("diagnostics", version="1.0.0", log_level="ERROR")

    @mcp.tool()
    @guard(scope=READ, principal="agent")
    async def test_missing_capability(ctx: Context[Any, Any]) -> str:
        """Need a client that can sample."""
        capabilities = ctx.client_capabilities
        if capabilities is None or capabilities.sampling is None:
            raise MCPError(
                MISSING_REQUIRED_CLIENT_CAPABILITY,
                "the client declared no sampling",
                {"requiredCapabilities": {"sampling": {}}},
            )
        return "sampling is there"

    @mcp.tool()
    @guard(scope=READ, principal="agent")
    async def test_streaming_elicitation() -> InputRequiredResult:
        """Ask the client for more, in the result."""
        params = ElicitRequestFormParams(message="Who?", requested_schema=_ASKED)
        return InputRequiredResult(input_requests={"name": ElicitRequest(params=params)})

    @mcp.tool()
    @guard(scope=READ, principal="agent")
    async def test_logging_tool(ctx: Context[Any, Any]) -> str:
        """Log, which reaches a client that asked for it alone."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MCPDeprecationWarning)
            await ctx.info("working")
        return "done"

    @mcp.tool()
    @guard(scope=READ, principal="agent")
    async def test_trigger_tool_change(ctx: Context[Any, Any]) -> str:
        """Change the tools, and say so to who listens."""
        await ctx.notify_tools_changed()
        return "changed"

    @mcp.tool()
    @guard(scope=READ, principal="agent")
    async def test_trigger_prompt_change(ctx: Context[Any, Any]) -> str:
        """Change the prompts, and say so to who listens."""
        await ctx.notify_prompts_changed()
        return "changed"

    @mcp.resource("notes://all", name="all", description="Every note")
    def every_note() -> str:
        return "nothing yet"

    mcp.add_prompt(Prompt.from_function(lambda: "Summarize.", name="summarize", description="Sum"))
    return mcp
