"""The tools of an `MCPServer` and their guards: the one place that looks inside the SDK."""

from typing import Any, Final

from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver.tools.base import Tool

from mcp_tools.call import admitted
from mcp_tools.errors import NotProtected
from mcp_tools.guard import rule_of
from mcp_tools.rule import ToolRule

_ADVICE: Final = "put @guard(scope=...) directly below @mcp.tool()"


class Inventory:
    """The guarded tools of a server, as they are registered now (a tool may be added later)."""

    def __init__(self, mcp: MCPServer[Any]) -> None:
        # The SDK's public list does not give the functions. If this attribute moves, the server
        # does not start (AttributeError), which is the safe way to learn of it.
        self._tools = mcp._tool_manager  # noqa: SLF001

    def rule(self, tool: str) -> ToolRule | None:
        """Return a tool's rule; None for an unknown or unguarded tool."""
        found = self._tools.get_tool(tool)
        return None if found is None or _fault(found) else rule_of(found.fn)

    def scopes(self) -> tuple[str, ...]:
        """Return every scope that some guarded tool needs, sorted."""
        rules = [rule_of(tool.fn) for tool in self._tools.list_tools()]
        return tuple(sorted({scope for rule in rules if rule for scope in rule.scopes}))

    def require_guards(self) -> None:
        """Refuse to start with a tool that would not be decided; raises `NotProtected`."""
        faults = [
            f"{tool.name}: {fault}" for tool in self._tools.list_tools() if (fault := _fault(tool))
        ]
        if faults:
            raise NotProtected("; ".join(faults))

    async def filter_list(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """MCP middleware: `tools/list` shows the tools that the caller's scopes could call.

        Convenience, not protection: the edge refuses a hidden tool all the same.
        """
        result = await call_next(ctx)
        if ctx.method != "tools/list" or not isinstance(result, dict):
            return result
        tools = [tool for tool in result.get("tools", []) if self._shows(tool.get("name", ""))]
        shown = {**result, "tools": tools}
        if "cacheScope" in shown:
            # Each caller sees another list, so no cache may share it.
            shown["cacheScope"] = "private"
        return shown

    def _shows(self, name: str) -> bool:
        rule, request = self.rule(name), admitted()
        if rule is None or request is None:
            return False
        token = request.token
        return token.scopes.issuperset(rule.scopes) and rule.accepts(
            is_agent_itself=token.is_agent_itself, has_actor=bool(token.agents)
        )


def _fault(tool: Tool) -> str | None:
    rule = rule_of(tool.fn)
    if rule is None:
        return f"is not guarded; {_ADVICE}"
    if rule.tool != tool.name:
        return f"is guarded as {rule.tool!r}; say @guard(tool={tool.name!r})"
    if tool.resolved_params:
        return "has Resolve parameters, which the SDK runs before the guard"
    return None
