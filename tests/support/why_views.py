"""Explanations as the console shows them, made by the engine from a small world."""

from authz.engine.query import Query
from authz.engine.why.explain import explain
from server.web.views import Page
from server.web.views.why import AdminWhyPage
from server.web.why_view import answer_of
from tests.engine.world import World, tuple_of
from tests.support.page_views import console

_MODEL = """
type user
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define parent: [folder]
    define viewer: [user, group#member] or viewer from parent
type document
  relations
    define parent: [folder]
    define blocked: [user, group#member]
    define viewer: [user with in_time, group#member] or viewer from parent
    define reader: viewer but not blocked
condition in_time(current_time: timestamp, expires_at: timestamp) {
  current_time < expires_at
}
"""
_USER = "user:usr_7m4q2xk9c3vbn8wj5tfr6hysda"
_TUPLES = (
    "document:budget-2026#parent@folder:plans",
    "folder:plans#parent@folder:home",
    "folder:home#viewer@group:finance#member",
    f"group:finance#member@{_USER}",
    "document:budget-2026#viewer@group:board-of-directors-and-guests#member",
    "group:board-of-directors-and-guests#member@user:usr_ben",
)
_EXPIRED = tuple_of(
    f"document:budget-2026#viewer@{_USER}", "in_time", expires_at="2025-12-31T00:00:00Z"
)
_NOW = {"current_time": "2026-01-01T00:00:00Z"}


def _page(relation: str, *tuples: object) -> AdminWhyPage:
    world = World(_MODEL, *tuples)  # type: ignore[arg-type]
    query = Query(_USER, relation, "document:budget-2026", _NOW)
    return AdminWhyPage(
        frame=console("admin_why"),
        action="/admin/why",
        user=_USER,
        relation=relation,
        object="document:budget-2026",
        answer=answer_of(explain(world.model, world.store, query)),
    )


WHY_EXAMPLES: dict[str, tuple[str, Page, str | None]] = {
    "admin_why": ("admin/why", _page("reader", *_TUPLES), None),
    "admin_why_no": ("admin/why", _page("reader", *_TUPLES[:3], *_TUPLES[4:], _EXPIRED), None),
    "admin_why_problem": (
        "admin/why",
        AdminWhyPage(
            frame=console("admin_why"),
            action="/admin/why",
            user="nobody@example.org",
            relation="viewer",
            object="document:42",
            problem="This cannot be asked: there is nobody with this address or id.",
        ),
        None,
    ),
    "admin_why_none": (
        "admin/why",
        AdminWhyPage(frame=console("admin_why"), action="/admin/why"),
        None,
    ),
}
