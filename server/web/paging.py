"""Places in long lists as part of a URL, and the links to the neighbouring pages."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request

from server.domain.audit import Cursor
from server.web.forms import BadForm, Form, parse_query
from server.web.views.frame import Paging

_PLACE: Final = re.compile(r"([0-9]{1,18})-([A-Za-z0-9_]{1,128})")


def query_of(request: Request) -> Form:
    """Return a page's query; a malformed one is as none."""
    query = parse_query(request)
    return Form({}, {}) if isinstance(query, BadForm) else query


def cursor_of(request: Request) -> Cursor | None:
    """Return the place that `before` names, or none for the first page."""
    found = _PLACE.fullmatch(query_of(request).get("before", ""))
    return (int(found[1]), found[2]) if found else None


def paging(
    path: str, older: Cursor | None, before: Cursor | None, filters: Mapping[str, str] | None = None
) -> Paging:
    """Link the next page, and the first one when this is a later one."""
    kept = {name: value for name, value in (filters or {}).items() if value}
    return Paging(
        newer_url=_url(path, kept) if before else None,
        older_url=_url(path, {**kept, "before": f"{older[0]}-{older[1]}"}) if older else None,
    )


def _url(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
