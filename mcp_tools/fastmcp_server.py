"""A FastMCP 4 server under the same rules; imported only if `protect` is given one.

What FastMCP brings besides its own functions (mounted servers, proxies, OpenAPI, transforms) has no
guard that could be read, so such a server does not start; what is added later closes it.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from fastmcp import FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.prompts.base import Prompt
from fastmcp.resources.base import Resource
from fastmcp.resources.template import ResourceTemplate
from fastmcp.server.providers import LocalProvider
from fastmcp.tools.base import Tool

from mcp_tools.errors import NotProtected
from mcp_tools.guard import rule_of
from mcp_tools.refusals import protocol_error, refused_within
from mcp_tools.rule import ToolRule

_ADVICE: Final = "put @guard(scope=...) directly below @mcp.tool"


class FastMCPInventory:
    """The guards of a FastMCP server, as they are registered now."""

    def __init__(self, mcp: FastMCP[Any]) -> None:
        self._mcp = mcp

    @property
    def name(self) -> str:
        """What the server calls itself."""
        return str(self._mcp.name)

    def require_guards(self) -> None:
        """Refuse to start with a tool that would not be decided; raises `NotProtected`."""
        if self._mcp.auth is not None:
            raise NotProtected("FastMCP(auth=...) must be left out: protect is the authorization")
        if (foreign := self._foreign()) is not None:
            raise NotProtected(f"{foreign} brings tools without guards; protect it as a server")
        faults = [f"{each.name}: {fault}" for each in self._all(Tool) if (fault := _fault(each))]
        if faults:
            raise NotProtected("; ".join(faults))

    def rule(self, method: str, name: str) -> ToolRule | None:
        """Return the rule of what a request names; None if it is unknown or unguarded."""
        if method == "tools/call":
            found = [each for each in self._all(Tool) if each.name == name]
            return None if any(_fault(each) for each in found) else self._one(found)
        if method == "prompts/get":
            return self._one([each for each in self._all(Prompt) if each.name == name])
        if method == "resources/read":
            exact = [each for each in self._all(Resource) if str(each.uri) == name]
            # Any template that matches might be the one that answers.
            return self._one(
                exact or [t for t in self._all(ResourceTemplate) if t.matches(name) is not None]
            )
        return None

    def entry(self, method: str, name: str) -> ToolRule | None:
        """Return the rule of an entry of a list, as `rule`."""
        if method == "tools/list":
            return self.rule("tools/call", name)
        if method == "prompts/list":
            return self.rule("prompts/get", name)
        if method == "resources/list":
            return self._one([each for each in self._all(Resource) if str(each.uri) == name])
        return self._one([t for t in self._all(ResourceTemplate) if t.uri_template == name])

    def scopes(self) -> tuple[str, ...]:
        """Return every scope that some guard needs, sorted."""
        rules = [_rule(each) for kind in _KINDS for each in self._all(kind)]
        return tuple(sorted({scope for rule in rules if rule for scope in rule.scopes}))

    def _one(self, found: list[Any]) -> ToolRule | None:
        """All versions of a component must have one and the same guard."""
        rules = {_rule(each) for each in found}
        return rules.pop() if len(rules) == 1 and self._foreign() is None else None

    def _all(self, kind: type) -> Iterator[Any]:
        for provider in self._mcp.providers:
            if isinstance(provider, LocalProvider):
                # The public lists are coroutines; if this attribute moves, nothing starts.
                components = provider._components  # noqa: SLF001
                yield from (each for each in list(components.values()) if isinstance(each, kind))

    def _foreign(self) -> str | None:
        transforms = [*self._mcp.transforms]
        for provider in self._mcp.providers:
            if not isinstance(provider, LocalProvider):
                return type(provider).__name__
            transforms += provider.transforms
        return type(transforms[0]).__name__ if transforms else None


_KINDS: Final = (Tool, Prompt, Resource, ResourceTemplate)


def _rule(component: Any) -> ToolRule | None:
    fn = getattr(component, "fn", None)
    return None if fn is None else rule_of(fn)


def _fault(tool: Any) -> str | None:
    rule = _rule(tool)
    if rule is None:
        return f"is not guarded; {_ADVICE}"
    if rule.tool != tool.name:
        return f"is guarded as {rule.tool!r}; say @guard(tool={tool.name!r})"
    return None


async def speak(context: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
    """FastMCP middleware: a refusal arrives in its own words, not as a crash."""
    try:
        return await call_next(context)
    except Exception as error:
        refused = refused_within(error)
        if refused is None:
            raise
        if context.method == "tools/call":
            raise ToolError(str(refused)) from error
        raise protocol_error(refused) from error
