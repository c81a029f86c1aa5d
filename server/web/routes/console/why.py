"""`/admin/why`: why a relation holds or not, as the graph stands now.

It tells what exists, so it is for administrators only. It is asked by GET: nothing changes.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.services.why import Unasked, why
from server.web.front import Front
from server.web.paging import query_of
from server.web.routes.console.entrance import admin_of
from server.web.views.why import AdminWhyPage, WhyAnswer
from server.web.why_link import PATH
from server.web.why_view import answer_of

_ASKED: Final = ("user", "relation", "object")


def routes(front: Front) -> list[Route]:
    """Return the routes of the reasons."""
    return [Route(PATH, front.guarded(lambda r: _show(front, r)), methods=["GET"])]


async def _show(front: Front, request: Request) -> Response:
    visitor = await admin_of(front, request)
    if isinstance(visitor, Response):
        return visitor
    query = query_of(request)
    # Never shortened: it would be another question.
    asked = {name: query.get(name, "").strip() for name in _ASKED}
    problem: str | None = None
    answer: WhyAnswer | None = None
    if all(asked.values()):
        found = await why(front.core, asked["user"], asked["relation"], asked["object"])
        if isinstance(found, Unasked):
            problem = f"This cannot be asked: {found.why}."
        else:
            answer = answer_of(found)
    elif any(asked.values()):
        problem = "Say all three: who, which relation, and on what."
    view = AdminWhyPage(
        frame=front.frame(visitor, "admin_why"),
        action=front.base + PATH,
        user=asked["user"],
        relation=asked["relation"],
        object=asked["object"],
        problem=problem,
        answer=answer,
    )
    return front.pages.page("admin/why", view, status=400 if problem else 200)
