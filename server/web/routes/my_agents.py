"""`/agents`: what agents may do for the person who is signed in, and taking it back."""

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.services.review import Review, my_delegations, review_delegation
from server.services.withdraw import (
    By,
    Keep,
    NotYours,
    allow_again,
    narrow,
    revoke,
    undo_effect,
)
from server.web.delegation_views import delegation_page, effect_rows, node, rows
from server.web.forms import Form
from server.web.front import Front, Visitor
from server.web.notices import notice_of
from server.web.paging import cursor_of, paging
from server.web.views.delegation import MyAgentsPage, PreviewPage

KEEPS: Final = ("keep_scope", "keep_object", "keep_hand_over", "keep_downstream")
_SECONDS: Final = re.compile(r"[0-9]{1,8}")


def routes(front: Front) -> list[Route]:
    """Return the routes of one's own delegations."""
    one = "/agents/{grant_id}"
    return [
        Route("/agents", front.guarded(lambda r: _list(front, r)), methods=["GET"]),
        Route(one, front.guarded(lambda r: _one(front, r)), methods=["GET"]),
        Route(f"{one}/revoke", front.guarded(lambda r: _preview(front, r)), methods=["GET"]),
        Route(f"{one}/revoke", front.guarded(lambda r: _revoke(front, r)), methods=["POST"]),
        Route(f"{one}/narrow", front.guarded(lambda r: _narrow(front, r)), methods=["POST"]),
        Route(f"{one}/allow-again", front.guarded(lambda r: _again(front, r)), methods=["POST"]),
        Route(f"{one}/undo", front.guarded(lambda r: _undo(front, r)), methods=["POST"]),
    ]


async def _list(front: Front, request: Request) -> Response:
    visitor = await front.visitor(request)
    if visitor is None:
        return front.to_sign_in("/agents")
    before = cursor_of(request)
    live, ended = await my_delegations(front.core, visitor.user.id, before)
    view = MyAgentsPage(
        frame=front.frame(visitor, "agents", notice_of(request)),
        live=rows(live, f"{front.base}/agents"),
        ended=rows(ended, f"{front.base}/agents"),
        paging=paging(f"{front.base}/agents", ended.older, before),
    )
    return front.pages.page("my_agents", view)


async def _one(front: Front, request: Request) -> Response:
    found = await _own(front, request)
    if isinstance(found, Response):
        return found
    visitor, review = found
    frame = front.frame(visitor, "agents", notice_of(request))
    view = delegation_page(review, frame, base=front.base, as_admin=False)
    return front.pages.page("delegation", view)


async def _preview(front: Front, request: Request) -> Response:
    found = await _own(front, request)
    if isinstance(found, Response):
        return found
    visitor, review = found
    path = f"{front.base}/agents"
    view = revoke_preview(review, front, visitor, path=path, asks_reason=False, section_admin=False)
    return front.pages.page("preview", view)


def revoke_preview(
    review: Review,
    front: Front,
    visitor: Visitor,
    *,
    path: str,
    asks_reason: bool,
    section_admin: bool,
) -> PreviewPage:
    """Say what dies with a delegation: helpers below it and live tokens; and what stays."""
    value = review.delegation
    helpers = len([row for row in review.below if row.revoked_at is None]) - 1
    own = f"{path}/{value.id}"
    return PreviewPage(
        frame=front.frame(visitor, "admin_delegations" if section_admin else "agents"),
        heading="Revoke this delegation?",
        sentence="Everything that it allows stops at once, for every helper below it as well. "
        + (
            "The identity provider cannot allow it again until that is lifted here."
            if value.origin
            else "This cannot be taken back: the agent would have to ask again."
        ),
        facts=(
            ("Helpers that stop with it", str(max(helpers, 0))),
            ("Live tokens", str(review.live_tokens)),
        ),
        tree_nodes=(node(review, value, path),),
        effects=effect_rows(review),
        action=f"{own}/revoke",
        confirm="Revoke",
        cancel_url=own,
        asks_reason=asks_reason,
    )


async def _revoke(front: Front, request: Request) -> Response:
    posted = await _posted(front, request, ("undo",))
    if isinstance(posted, Response):
        return posted
    visitor, form, grant_id = posted
    by = By(user=visitor.user)
    outcome = await revoke(front.core, grant_id, by, undo=form.every("undo"))
    if isinstance(outcome, NotYours):
        return front.not_found()
    done = "revoked" if outcome.closed else "already"
    return front.redirect(f"/agents/{grant_id}?done={done}")


async def _narrow(front: Front, request: Request) -> Response:
    posted = await _posted(front, request, KEEPS)
    if isinstance(posted, Response):
        return posted
    visitor, form, grant_id = posted
    ends_in = form.get("ends_in", "")
    keep = Keep(
        scopes=form.every("keep_scope"),
        objects=form.every("keep_object"),
        hand_over=form.every("keep_hand_over"),
        downstream=form.every("keep_downstream"),
        sharing=form.get("keep_sharing") == "yes",
        expires_at=front.core.clock.now() + int(ends_in) * 1000
        if _SECONDS.fullmatch(ends_in)
        else None,
    )
    outcome = await narrow(front.core, grant_id, keep, By(user=visitor.user))
    if isinstance(outcome, NotYours):
        return front.not_found()
    return front.redirect(f"/agents/{grant_id}?done={'narrowed' if outcome else 'nothing'}")


async def _again(front: Front, request: Request) -> Response:
    posted = await _posted(front, request)
    if isinstance(posted, Response):
        return posted
    visitor, _, grant_id = posted
    outcome = await allow_again(front.core, grant_id, By(user=visitor.user))
    if isinstance(outcome, NotYours):
        return front.not_found()
    return front.redirect(f"/agents/{grant_id}?done={'lifted' if outcome else 'nothing'}")


async def _undo(front: Front, request: Request) -> Response:
    posted = await _posted(front, request)
    if isinstance(posted, Response):
        return posted
    visitor, form, grant_id = posted
    effect_id = form.get("effect", "")
    outcome = await undo_effect(front.core, grant_id, effect_id, By(user=visitor.user))
    if isinstance(outcome, NotYours):
        return front.not_found()
    return front.redirect(f"/agents/{grant_id}?done={'undone' if outcome else 'nothing'}")


async def _own(front: Front, request: Request) -> tuple[Visitor, Review] | Response:
    grant_id = request.path_params["grant_id"]
    visitor = await front.visitor(request)
    if visitor is None:
        return front.to_sign_in(f"/agents/{grant_id}")
    review = await review_delegation(front.core, grant_id, reader=visitor.user, as_admin=False)
    return front.not_found() if review is None else (visitor, review)


async def _posted(
    front: Front, request: Request, repeatable: tuple[str, ...] = ()
) -> tuple[Visitor, Form, str] | Response:
    grant_id = request.path_params["grant_id"]
    visitor = await front.visitor(request)
    if visitor is None:
        return front.to_sign_in(f"/agents/{grant_id}")
    form = await front.session_form(request, repeatable)
    return form if isinstance(form, Response) else (visitor, form, grant_id)
