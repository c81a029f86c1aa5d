"""The question of a search (AuthZEN 1.0 §8): an evaluation without what is searched for."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from authz.calls.continuation import give, take
from authz.calls.refusals import InvalidContinuation
from server.domain.refusal import Refused, invalid_request
from server.protocol.question import Question, parse

MAX_PAGE: Final = 50
"""What one page looks at: each of it is decided like an evaluation."""
_UNNAMED: Final = {"name": "-"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A parsed search. `asked` is the question without what is searched for."""

    kind: str
    asked: Question
    type: str
    """The type of the resources that are searched, empty in a search of actions."""
    limit: int
    after: str
    """The last that the page before looked at, empty on the first page."""
    query: str
    """Binds page tokens to this very search (§8.2.1)."""

    def next_token(self, resource: str, last: str) -> str:
        """Return the token of the page behind `last`, for the server of `resource` alone."""
        return give(self.kind, (resource, self.query), (last,))


def parse_resource_search(body: Mapping[str, Any], caller: str) -> Search | Refused:
    """Check a search of resources (§8.5); the id of the resource is ignored, as it must be."""
    kind = _type(body.get("resource"))
    if not kind or "resources" in body:
        return _malformed("resource")
    asked = parse({name: part for name, part in body.items() if name != "resource"})
    if isinstance(asked, Refused):
        return asked
    if asked.call.relation is None:
        return _malformed("action.properties.relation")
    return _search("resources", body, asked, kind, caller)


def parse_action_search(body: Mapping[str, Any], caller: str) -> Search | Refused:
    """Check a search of actions (§8.6); it names none, and one resource."""
    if "resource" not in body or "resources" in body:
        return _malformed("resource")
    asked = parse({**body, "action": _UNNAMED})
    if isinstance(asked, Refused):
        return asked
    return _search("actions", body, asked, "", caller)


def _search(
    what: str, body: Mapping[str, Any], asked: Question, kind: str, caller: str
) -> Search | Refused:
    page = body.get("page", {})
    if type(page) is not dict:
        return _malformed("page")
    limit, token = page.get("limit", MAX_PAGE), page.get("token", "")
    if type(limit) is not int or limit < 1 or type(token) is not str:
        return _malformed("page")
    parts = {name: body.get(name) for name in ("subject", "action", "resource", "context")}
    content = orjson.dumps([parts, page.get("limit")], option=orjson.OPT_SORT_KEYS)
    query = hashlib.sha256(content).hexdigest()
    after = ""
    if token:
        try:
            after = str(take(what, (caller, query), token, (str,))[0])
        except InvalidContinuation:
            return _malformed("page.token")
    return Search(
        kind=what, asked=asked, type=kind, limit=min(limit, MAX_PAGE), after=after, query=query
    )


def _type(resource: object) -> str:
    kind = resource.get("type") if isinstance(resource, dict) else None
    fits = isinstance(kind, str) and len(kind) <= 254 and ":" not in kind
    return kind if isinstance(kind, str) and fits and not any(c.isspace() for c in kind) else ""


def _malformed(where: str) -> Refused:
    return invalid_request("malformed", f"The request is malformed ({where}).")
