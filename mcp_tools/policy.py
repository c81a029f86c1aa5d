"""What a request needs: the guard's rule of what it names, a method's scopes, or nothing.

Whatever is neither guarded nor opened is closed.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from mcp_types import INVALID_PARAMS, METHOD_NOT_FOUND

from mcp_tools.messages import Asked, BadRequest
from mcp_tools.rule import ToolRule

LISTS: Final[Mapping[str, tuple[str, str]]] = {
    "tools/list": ("tools", "name"),
    "resources/list": ("resources", "uri"),
    "resources/templates/list": ("resourceTemplates", "uriTemplate"),
    "prompts/list": ("prompts", "name"),
}
"""Methods that list: the member of the result that is the list, and what names an entry of it."""

READS: Final[Mapping[str, str]] = {
    "resources/list": "resources/read",
    "resources/templates/list": "resources/read",
    "prompts/list": "prompts/get",
}
"""By list: the method that an unguarded entry is opened by."""

OPEN_METHODS: Final = frozenset(
    {"initialize", "ping", "server/discover", "logging/setLevel", *LISTS}
)
"""What any token of this resource may ask; lists show what is decided. All else is closed."""


class Inventory(Protocol):
    """The guarded tools, resources and prompts that a server has now."""

    @property
    def name(self) -> str:
        """What the server calls itself."""
        ...

    def require_guards(self) -> None:
        """Refuse to start with a tool that would not be decided; raises `NotProtected`."""
        ...

    def rule(self, method: str, name: str) -> ToolRule | None:
        """Return the rule of what a request names; None if it is unknown or unguarded."""
        ...

    def entry(self, method: str, name: str) -> ToolRule | None:
        """Return the rule of an entry of a list, as `rule`."""
        ...

    def scopes(self) -> tuple[str, ...]:
        """Return every scope that some guard needs, sorted."""
        ...


class Policy:
    """The rules of one server."""

    def __init__(self, inventory: Inventory, methods: Mapping[str, str] | None = None) -> None:
        self._inventory = inventory
        # Whoever may come to an opened method is the scope's question alone.
        self._methods = {
            method: ToolRule(method, tuple(scope.split()), None, (), "agent user")
            for method, scope in (methods or {}).items()
        }

    def needed(self, request: Asked, *, modern: bool) -> ToolRule | None:
        """Return what a message needs, None if any token will do.

        Raises `BadRequest` for what is not open here.
        """
        if request.method is None:
            return None
        if request.method == "tools/call":
            rule = self._inventory.rule(request.method, request.name or "")
            if rule is None:
                # Default deny: an unguarded tool does not exist for anybody.
                raise BadRequest(INVALID_PARAMS, "unknown tool")
            return rule
        if request.name is not None:
            rule = self._inventory.rule(request.method, request.name)
            if rule is not None:
                return rule
        opened = self._methods.get(request.method)
        if opened is not None:
            return opened
        if request.method in OPEN_METHODS or request.method.startswith("notifications/"):
            return None
        # With sessions a 404 would say that the session is gone (2025-11-25, Session management).
        status = 404 if modern else 403
        raise BadRequest(METHOD_NOT_FOUND, "this method is not open here", status)

    def opened(self, method: str) -> ToolRule | None:
        """Return the rule of a method that the author opened, whatever it names."""
        return self._methods.get(method)

    def guarded(self, method: str, name: str) -> ToolRule | None:
        """Return the guard's rule of what a request names."""
        return self._inventory.rule(method, name)

    def entry(self, method: str, name: str) -> ToolRule | None:
        """Return the rule of an entry of a list; None: nobody can call it."""
        rule = self._inventory.entry(method, name)
        return rule if rule is not None else self._methods.get(READS.get(method, ""))

    def scopes(self) -> tuple[str, ...]:
        """Return every scope that something here needs, sorted."""
        methods = {scope for rule in self._methods.values() for scope in rule.scopes}
        return tuple(sorted(methods.union(self._inventory.scopes())))
