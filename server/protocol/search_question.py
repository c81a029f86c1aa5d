"""The question of a search (AuthZEN 1.0 §8): an evaluation without what is searched for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from server.domain.refusal import Refused, invalid_request
from server.protocol.page_token import PageTokens
from server.protocol.question import Question, parse

MAX_PAGE: Final = 50
"""What one page looks at: each of it is decided like an evaluation."""
_UNNAMED: Final = {"name": "-"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A parsed search. `asked` is the question without what is searched for."""

    asked: Question
    type: str
    """The type of the resources that are searched, empty in a search of actions."""
    limit: int
    after: str
    """The last that the page before looked at, empty on the first page."""
    bound: tuple[str, ...]
    """What page tokens are good for: this very search of this server alone (§8.2)."""


def parse_resource_search(
    body: Mapping[str, Any], caller: str, pages: PageTokens
) -> Search | Refused:
    """Check a search of resources (§8.5); the id of the resource is ignored, as it must be."""
    kind = _type(body.get("resource"))
    if not kind or "resources" in body:
        return _malformed("resource")
    asked = parse({name: part for name, part in body.items() if name != "resource"})
    if isinstance(asked, Refused):
        return asked
    if asked.call.relation is None:
        return _malformed("action.properties.relation")
    return _search("resources", body, asked, kind, caller, pages)


def parse_action_search(
    body: Mapping[str, Any], caller: str, pages: PageTokens
) -> Search | Refused:
    """Check a search of actions (§8.6); it names none, and one resource."""
    if "resource" not in body or "resources" in body:
        return _malformed("resource")
    asked = parse({**body, "action": _UNNAMED})
    if isinstance(asked, Refused):
        return asked
    return _search("actions", body, asked, "", caller, pages)


def _search(
    what: str,
    body: Mapping[str, Any],
    asked: Question,
    kind: str,
    caller: str,
    pages: PageTokens,
) -> Search | Refused:
    page = body.get("page", {})
    if type(page) is not dict:
        return _malformed("page")
    limit, token = page.get("limit"), page.get("token", "")
    if ("limit" in page and (type(limit) is not int or limit < 1)) or type(token) is not str:
        return _malformed("page")
    size = MAX_PAGE if limit is None else min(limit, MAX_PAGE)
    parts = {name: body.get(name) for name in ("subject", "action", "resource", "context")}
    # Not by orjson: what a search carries along may have numbers of any length.
    bound = (what, caller, json.dumps(parts, sort_keys=True))
    after = ""
    if token:
        place = pages.take(bound, token)
        # A later page may leave the limit out, as in the example of §8.2.3: that of the first one
        # stays.
        if place is None or (limit is not None and size != place[0]):
            return _malformed("page.token")
        size, after = place
    return Search(asked=asked, type=kind, limit=size, after=after, bound=bound)


def _type(resource: object) -> str:
    kind = resource.get("type") if isinstance(resource, dict) else None
    fits = isinstance(kind, str) and len(kind) <= 254 and ":" not in kind
    return kind if isinstance(kind, str) and fits and not any(c.isspace() for c in kind) else ""


def _malformed(where: str) -> Refused:
    return invalid_request("malformed", f"The request is malformed ({where}).")
