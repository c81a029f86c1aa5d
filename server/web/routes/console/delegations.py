"""`/admin/delegations`: who allowed which agent what; revoke with a preview of what dies."""

from typing import Final, Literal, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.domain.delegation import DelegationQuery, State
from server.services.review import Review, review_delegation, search_delegations
from server.services.withdraw import By, NotYours, revoke, undo_effect
from server.web.delegation_views import delegation_page, emails, rows
from server.web.front import Front, Visitor
from server.web.notices import notice_of
from server.web.paging import cursor_of, paging, query_of
from server.web.routes.console.entrance import admin_form, admin_of, reason_of
from server.web.routes.my_agents import revoke_preview
from server.web.views.admin import AdminDelegationsPage

_PATH: Final = "/admin/delegations"
_STATES: Final = {"", "live", "paused", "expired", "revoked"}
_Status = Literal["", "live", "paused", "expired", "revoked"]


def routes(front: Front) -> list[Route]:
    """Return the routes of everyone's delegations."""
    one = f"{_PATH}/{{grant_id}}"
    return [
        Route(_PATH, front.guarded(lambda r: _list(front, r)), methods=["GET"]),
        Route(one, front.guarded(lambda r: _one(front, r)), methods=["GET"]),
        Route(f"{one}/revoke", front.guarded(lambda r: _preview(front, r)), methods=["GET"]),
        Route(f"{one}/revoke", front.guarded(lambda r: _revoke(front, r)), methods=["POST"]),
        Route(f"{one}/undo", front.guarded(lambda r: _undo(front, r)), methods=["POST"]),
    ]


async def _list(front: Front, request: Request) -> Response:
    visitor = await admin_of(front, request)
    if isinstance(visitor, Response):
        return visitor
    query = query_of(request)
    text = query.get("q", "")[:120]
    status = query.get("status", "")
    status = status if status in _STATES else ""
    before = cursor_of(request)
    found = await search_delegations(
        front.core, DelegationQuery(text=text, state=State(status), before=before)
    )
    path = front.base + _PATH
    view = AdminDelegationsPage(
        frame=front.frame(visitor, "admin_delegations"),
        action=path,
        rows=rows(found, path, people=emails(found.names)),
        query=text,
        status=cast("_Status", status),
        paging=paging(path, found.older, before, {"q": text, "status": status}),
    )
    return front.pages.page("admin/delegations", view)


async def _one(front: Front, request: Request) -> Response:
    found = await _any(front, request)
    if isinstance(found, Response):
        return found
    visitor, review = found
    frame = front.frame(visitor, "admin_delegations", notice_of(request))
    view = delegation_page(review, frame, base=front.base, as_admin=True)
    return front.pages.page("delegation", view)


async def _preview(front: Front, request: Request) -> Response:
    found = await _any(front, request)
    if isinstance(found, Response):
        return found
    visitor, review = found
    path = front.base + _PATH
    view = revoke_preview(review, front, visitor, path=path, asks_reason=True, section_admin=True)
    return front.pages.page("preview", view)


async def _revoke(front: Front, request: Request) -> Response:
    posted = await admin_form(front, request, ("undo",))
    if isinstance(posted, Response):
        return posted
    visitor, form = posted
    grant_id = request.path_params["grant_id"]
    by = By(user=visitor.user, as_admin=True, reason=reason_of(form))
    outcome = await revoke(front.core, grant_id, by, undo=form.every("undo"))
    if isinstance(outcome, NotYours):
        return front.not_found()
    done = "revoked" if outcome.closed else "already"
    return front.redirect(f"{_PATH}/{grant_id}?done={done}")


async def _undo(front: Front, request: Request) -> Response:
    posted = await admin_form(front, request)
    if isinstance(posted, Response):
        return posted
    visitor, form = posted
    grant_id = request.path_params["grant_id"]
    by = By(user=visitor.user, as_admin=True)
    outcome = await undo_effect(front.core, grant_id, form.get("effect", ""), by)
    if isinstance(outcome, NotYours):
        return front.not_found()
    return front.redirect(f"{_PATH}/{grant_id}?done={'undone' if outcome else 'nothing'}")


async def _any(front: Front, request: Request) -> tuple[Visitor, Review] | Response:
    visitor = await admin_of(front, request)
    if isinstance(visitor, Response):
        return visitor
    review = await review_delegation(
        front.core, request.path_params["grant_id"], reader=visitor.user, as_admin=True
    )
    return front.not_found() if review is None else (visitor, review)
