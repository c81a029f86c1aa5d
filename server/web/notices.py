"""What a page says on top after a 303: one of these sentences, named by `?done=`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from starlette.requests import Request

from server.web.forms import BadForm, parse_query
from server.web.views.frame import Notice

NOTICES: Final[Mapping[str, Notice]] = MappingProxyType(
    {
        "revoked": Notice(text="Revoked. Nothing that it allowed works any more.", tone="good"),
        "already": Notice(text="It was revoked before."),
        "removed": Notice(
            text="Removed. What it held does not work any more, and it has to ask you again.",
            tone="good",
        ),
        "removed_before": Notice(text="It was removed before."),
        "approved": Notice(text="Approved.", tone="good"),
        "not_approved": Notice(text="Denied. Nothing was allowed."),
        "answered_before": Notice(text="It was answered before. Nothing was changed."),
        "too_late": Notice(text="Its time was over. Nothing was allowed."),
        "ended": Notice(
            text="Nothing was allowed: the agent's permission has ended, or it is stopped.",
            tone="bad",
        ),
        "not_held": Notice(
            text="Nothing was allowed: you cannot give all of this now.", tone="bad"
        ),
        "nothing_picked": Notice(
            text="Nothing was allowed: switch on what the agent may have, or deny.", tone="bad"
        ),
        "narrowed": Notice(text="Taken away, here and for every helper below.", tone="good"),
        "nothing": Notice(text="Nothing was changed."),
        "lifted": Notice(
            text="Your organisation's identity provider may allow it again.", tone="good"
        ),
        "undone": Notice(text="Undone.", tone="good"),
        "suspended": Notice(text="Suspended. Nothing it asks for is allowed.", tone="good"),
        "resumed": Notice(text="Resumed.", tone="good"),
        "retired": Notice(text="Retired for good.", tone="good"),
        "owner": Notice(text="The owner was changed.", tone="good"),
        "disabled": Notice(text="Disabled. Nothing works for this person any more.", tone="good"),
        "decided": Notice(text="Decided. It counts from now on.", tone="good"),
        "enabled": Notice(text="Enabled.", tone="good"),
        "registered": Notice(
            text="Registered. An administrator says what it may ever hold.", tone="good"
        ),
    }
)


def notice_of(request: Request) -> Notice | None:
    """Return the sentence that the query names, or none."""
    query = parse_query(request)
    return None if isinstance(query, BadForm) else NOTICES.get(query.get("done", ""))
