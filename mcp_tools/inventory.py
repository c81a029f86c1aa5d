"""What an `MCPServer` has and its guards: the one place that looks inside the SDK."""

from collections.abc import Iterator
from typing import Any, Final

from mcp.server import MCPServer
from mcp.server.mcpserver.resources import FunctionResource, Resource, ResourceTemplate
from mcp.server.mcpserver.resources.templates import ResourceSecurityError
from mcp.server.mcpserver.tools.base import Tool

from mcp_tools.errors import NotProtected
from mcp_tools.guard import rule_of
from mcp_tools.rule import ToolRule

_ADVICE: Final = "put @guard(scope=...) directly below @mcp.tool()"


class ServerInventory:
    """The guards of a server, as they are registered now (a tool may be added later)."""

    def __init__(self, mcp: MCPServer[Any]) -> None:
        self._name = mcp.name
        # The SDK's public lists do not give the functions. If these attributes move, the server
        # does not start (AttributeError), which is the safe way to learn of it.
        self._tools = mcp._tool_manager  # noqa: SLF001
        self._prompts = mcp._prompt_manager  # noqa: SLF001
        self._resources = mcp._resource_manager  # noqa: SLF001

    @property
    def name(self) -> str:
        """What the server calls itself."""
        return self._name

    def rule(self, method: str, name: str) -> ToolRule | None:
        """Return the rule of what a request names; None if it is unknown or unguarded."""
        if method == "tools/call":
            tool = self._tools.get_tool(name)
            return None if tool is None or _fault(tool) else rule_of(tool.fn)
        if method == "prompts/get":
            prompt = self._prompts.get_prompt(name)
            return None if prompt is None else rule_of(prompt.fn)
        if method == "resources/read":
            return self._resource(name)
        return None

    def entry(self, method: str, name: str) -> ToolRule | None:
        """Return the rule of an entry of a list, as `rule`."""
        if method == "tools/list":
            return self.rule("tools/call", name)
        if method == "prompts/list":
            return self.rule("prompts/get", name)
        if method == "resources/list":
            found = {str(each.uri): each for each in self._resources.list_resources()}.get(name)
            return None if found is None else _rule_of_resource(found)
        templates = {each.uri_template: each for each in self._resources.list_templates()}
        template = templates.get(name)
        return None if template is None else rule_of(template.fn)

    def scopes(self) -> tuple[str, ...]:
        """Return every scope that some guard needs, sorted."""
        return tuple(sorted({scope for rule in self._rules() if rule for scope in rule.scopes}))

    def require_guards(self) -> None:
        """Refuse to start with a tool that would not be decided; raises `NotProtected`."""
        faults = [
            f"{tool.name}: {fault}" for tool in self._tools.list_tools() if (fault := _fault(tool))
        ]
        if faults:
            raise NotProtected("; ".join(faults))

    def _rules(self) -> Iterator[ToolRule | None]:
        yield from (rule_of(tool.fn) for tool in self._tools.list_tools())
        yield from (rule_of(prompt.fn) for prompt in self._prompts.list_prompts())
        yield from (_rule_of_resource(each) for each in self._resources.list_resources())
        yield from (rule_of(template.fn) for template in self._resources.list_templates())

    def _resource(self, uri: str) -> ToolRule | None:
        """Find what the SDK will find: a resource, else the first template that matches."""
        for resource in self._resources.list_resources():
            if str(resource.uri) == uri:
                return _rule_of_resource(resource)
        for template in self._resources.list_templates():
            try:
                matched: ResourceTemplate | None = template if template.matches(uri) else None
            except ResourceSecurityError:
                return None
            if matched is not None:
                return rule_of(matched.fn)
        return None


def _rule_of_resource(resource: Resource) -> ToolRule | None:
    return rule_of(resource.fn) if isinstance(resource, FunctionResource) else None


def _fault(tool: Tool) -> str | None:
    rule = rule_of(tool.fn)
    if rule is None:
        return f"is not guarded; {_ADVICE}"
    if rule.tool != tool.name:
        return f"is guarded as {rule.tool!r}; say @guard(tool={tool.name!r})"
    if tool.resolved_params:
        return "has Resolve parameters, which the SDK runs before the guard"
    return None
