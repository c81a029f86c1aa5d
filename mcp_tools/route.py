"""What a route of an HTTP API needs: `GET /documents/{document_id}` and its rule."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from mcp_tools.rule import ObjectTemplate, Principal, ToolRule

_METHOD: Final = re.compile(r"[A-Z]{3,20}")
_SEGMENT: Final = re.compile(
    r"\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<text>[A-Za-z0-9._~!$&'()+,;=@-]+)"
)
_STRANGE: Final = re.compile(r"[\\\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Route:
    """One method and path, and what a call needs. Make it with `route`."""

    method: str
    segments: tuple[tuple[str, bool], ...]
    """Texts, and whether each is the name of a parameter."""
    rule: ToolRule

    def arguments(self, method: str, path: Sequence[str]) -> dict[str, str] | None:
        """Return the parameters of a request that is for this route, None for any other."""
        if method != self.method or len(path) != len(self.segments):
            return None
        found: dict[str, str] = {}
        for (text, is_parameter), given in zip(self.segments, path, strict=True):
            if is_parameter:
                found[text] = given
            elif text != given:
                return None
        return found

    def overlaps(self, other: "Route") -> bool:
        """Whether some request would be for both."""
        return (
            self.method == other.method
            and len(self.segments) == len(other.segments)
            and all(
                mine[1] or theirs[1] or mine[0] == theirs[0]
                for mine, theirs in zip(self.segments, other.segments, strict=True)
            )
        )


def route(
    method: str,
    path: str,
    *,
    scope: str,
    relation: str | None = None,
    object: str | Iterable[str] = (),
    principal: Principal = "delegated",
) -> Route:
    """Describe a route: `route("GET", "/documents/{document_id}", scope="docs:read", …)`.

    A parameter is one whole segment. `scope`, `relation`, `object` and `principal` are as in
    `guard`; the arguments are the parameters of the path. Raises `ValueError` for a route that
    could not be told apart or decided.
    """
    if _METHOD.fullmatch(method) is None or not path.startswith("/"):
        raise ValueError("a route is a method in capitals and a path that begins with a slash")
    segments = []
    for text in path[1:].split("/") if path != "/" else []:
        match = _SEGMENT.fullmatch(text)
        if match is None or text in {".", ".."}:
            raise ValueError(f"{text!r} is no segment of a route")
        segments.append((match["name"] or match["text"], match["name"] is not None))
    names = [text for text, is_parameter in segments if is_parameter]
    if len(set(names)) != len(names):
        raise ValueError(f"{path} names a parameter twice")
    given = [object] if isinstance(object, str) else list(object)
    templates = tuple(ObjectTemplate.parse(each) for each in given)
    for template in templates:
        if template.argument is not None and template.argument not in names:
            raise ValueError(f"{path} has no parameter {template.argument!r}")
    # What the audit calls it, within the length that Mandate takes.
    rule = ToolRule(f"{method} {path}"[:128], tuple(scope.split()), relation, templates, principal)
    return Route(method, tuple(segments), rule)


def path_of(scope: Mapping[str, Any]) -> list[str] | None:
    """Return the segments of a request's path, None if it has more than one reading.

    An encoded slash, a dot segment or an empty one is read differently by proxies, frameworks and
    this file, so a decision could be about another object than the application's.
    """
    path = scope["path"]
    if not path.startswith("/"):
        return None
    segments = path[1:].split("/") if path != "/" else []
    if any(each in {"", ".", ".."} or _STRANGE.search(each) for each in segments):
        return None
    raw = scope.get("raw_path")
    if raw is not None:
        sent = raw.partition(b"?")[0]
        split = sent[1:].split(b"/") if sent != b"/" else []
        if [unquote_to_bytes(each) for each in split] != [each.encode() for each in segments]:
            return None
    return segments


class RouteInventory:
    """The routes of one application, as the policy of an edge sees them: nothing of MCP."""

    def __init__(self, name: str, routes: Sequence[Route]) -> None:
        for number, each in enumerate(routes):
            if any(each.overlaps(other) for other in routes[number + 1 :]):
                raise ValueError(f"two routes are for the same requests: {each.rule.tool}")
        self.name = name
        self._routes = tuple(routes)

    def find(self, method: str, path: Sequence[str]) -> tuple[ToolRule, dict[str, str]] | None:
        """Return the rule of a request and its arguments; None if no route is for it."""
        for each in self._routes:
            arguments = each.arguments(method, path)
            if arguments is not None:
                return each.rule, arguments
        return None

    def require_guards(self) -> None:
        """Every route has a rule; what is no route is closed."""

    def rule(self, method: str, name: str) -> ToolRule | None:
        """Return None: there are no tools."""
        return None

    def entry(self, method: str, name: str) -> ToolRule | None:
        """Return None: there are no lists."""
        return None

    def scopes(self) -> tuple[str, ...]:
        """Return every scope that some route needs, sorted."""
        return tuple(sorted({scope for each in self._routes for scope in each.rule.scopes}))
