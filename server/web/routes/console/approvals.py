"""`/admin/approvals`: what agents asked of people, and what people answered."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.services.approvals import search_approvals
from server.web.approval_views import approval_rows
from server.web.front import Front
from server.web.paging import cursor_of, paging, query_of
from server.web.routes.console.entrance import admin_of
from server.web.views.approvals import AdminApprovalsPage

_PATH: Final = "/admin/approvals"


def routes(front: Front) -> list[Route]:
    """Return the route of everybody's approvals."""
    return [Route(_PATH, front.guarded(lambda r: _list(front, r)), methods=["GET"])]


async def _list(front: Front, request: Request) -> Response:
    visitor = await admin_of(front, request)
    if isinstance(visitor, Response):
        return visitor
    pending = query_of(request).get("status") == "pending"
    before = cursor_of(request)
    found = await search_approvals(front.core, pending_only=pending, before=before)
    path = front.base + _PATH
    view = AdminApprovalsPage(
        frame=front.frame(visitor, "admin_delegations"),
        action=path,
        rows=approval_rows(found, None, as_admin=True),
        pending_only=pending,
        paging=paging(path, found.older, before, {"status": "pending" if pending else ""}),
    )
    return front.pages.page("admin/approvals", view)
