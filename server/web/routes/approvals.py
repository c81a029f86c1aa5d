"""`/approvals`: what waits for the person's yes or no, and answering it once."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.delegation.approval_standing import is_over
from server.services.approvals import (
    Answer,
    answer_approval,
    my_approval,
    my_approvals,
)
from server.services.escalation import MAX_DETAILS, Picked
from server.web.approval_views import approval_page, approval_rows
from server.web.front import Front, Visitor
from server.web.notices import NOTICES, notice_of
from server.web.views.approvals import REPEATABLE, ApprovalsPage
from server.web.views.frame import Notice

_PATH: Final = "/approvals"
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NUMBERS: Final = frozenset(str(number) for number in range(MAX_DETAILS))
_DONE: Final[Mapping[Answer, str]] = MappingProxyType(
    {
        Answer.APPROVED: "approved",
        Answer.DENIED: "not_approved",
        Answer.ANSWERED_BEFORE: "answered_before",
        Answer.EXPIRED: "too_late",
        Answer.ENDED: "ended",
    }
)

_AGAIN: Final = frozenset({Answer.NOT_HELD, Answer.NOTHING_PICKED})
"""Nothing was answered: the page comes again as it was left."""


def routes(front: Front) -> list[Route]:
    """Return the routes of one's own approvals."""
    one = f"{_PATH}/{{approval_id}}"
    return [
        Route(_PATH, front.guarded(lambda r: _list(front, r)), methods=["GET"]),
        Route(one, front.guarded(lambda r: _one(front, r)), methods=["GET"]),
        Route(one, front.guarded(lambda r: _answer(front, r)), methods=["POST"]),
    ]


async def _list(front: Front, request: Request) -> Response:
    visitor = await front.visitor(request)
    if visitor is None:
        return front.to_sign_in(_PATH)
    waiting, earlier = await my_approvals(front.core, visitor.user.id)
    path = front.base + _PATH
    view = ApprovalsPage(
        frame=front.frame(visitor, "approvals", notice_of(request)),
        waiting=approval_rows(waiting, path),
        earlier=approval_rows(earlier, path),
    )
    return front.pages.page("approvals", view)


async def _one(front: Front, request: Request) -> Response:
    approval_id = request.path_params["approval_id"]
    visitor = await front.visitor(request)
    if visitor is None:
        return front.to_sign_in(f"{_PATH}/{approval_id}")
    return await _page(front, visitor, approval_id, notice_of(request))


async def _page(
    front: Front,
    visitor: Visitor,
    approval_id: str,
    notice: Notice | None,
    picked: Picked | None = None,
) -> Response:
    """Show a question, at first or again with what was switched on."""
    found = await my_approval(front.core, approval_id, visitor.user.id)
    if found is None:
        return front.not_found()
    view = approval_page(
        found,
        front.frame(visitor, "approvals", notice),
        base=front.base,
        auth_time=visitor.session.auth_time,
        is_over=await is_over(front.core, found.rows[0]),
        picked=picked,
    )
    return front.pages.page("approval", view, status=200 if picked is None else 400)


async def _answer(front: Front, request: Request) -> Response:
    approval_id = request.path_params["approval_id"]
    if _ID.fullmatch(approval_id) is None:
        # What is none of our ids stands in no redirect.
        return front.not_found()
    own = f"{_PATH}/{approval_id}"
    visitor = await front.visitor(request)
    if visitor is None:
        return front.to_sign_in(own)
    form = await front.session_form(request, REPEATABLE)
    if isinstance(form, Response):
        return form
    decision = form.get("decision")
    if decision not in ("yes", "no"):
        # Neither is no answer: the page is shown again.
        return front.redirect(own)
    picked = Picked(_numbered(form.every("scope")), _numbered(form.every("object")))
    outcome = await answer_approval(
        front.core,
        approval_id,
        user_id=visitor.user.id,
        sid=visitor.session.id,
        yes=decision == "yes",
        picked=picked,
    )
    if outcome is Answer.UNKNOWN:
        return front.not_found()
    if outcome is Answer.SIGN_IN:
        return front.to_sign_in(own)
    if outcome in _AGAIN:
        return await _page(front, visitor, approval_id, NOTICES[outcome.value], picked)
    return front.redirect(f"{own}?done={_DONE[outcome]}")


def _numbered(posted: Iterable[str]) -> frozenset[tuple[int, str]]:
    """Read `number:name`; whatever else is posted picks nothing."""
    pairs = (value.partition(":") for value in posted)
    return frozenset((int(n), name) for n, _, name in pairs if n in _NUMBERS)
