"""`/admin/agents`: every agent; its owner; suspend, resume and retire with a preview."""

from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.domain.registry import Status
from server.identity.accounts import NotAllowed
from server.services.agents import SHOWN, search_agents, set_agent_status
from server.services.review import PAGE
from server.web.agent_views import agent_rows
from server.web.delegation_views import emails, rows
from server.web.front import Front
from server.web.paging import cursor_of, paging, query_of
from server.web.routes.console.entrance import admin_form, admin_of, reason_of
from server.web.routes.console.one_agent import PATH, any_agent
from server.web.views.admin import AdminAgentsPage
from server.web.views.delegation import PreviewPage

_Status = Literal["", "active", "suspended", "retired"]


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of an agent's status, in words."""

    status: Status
    heading: str
    sentence: str
    confirm: str
    done: str
    option: tuple[tuple[str, str], ...] = ()


_CHANGES: Final = {
    "suspend": _Change(
        Status.SUSPENDED, "Suspend this agent?",
        "Nothing that it asks for is allowed from now on, for anybody, until it is resumed.",
        "Suspend", "suspended",
    ),
    "resume": _Change(
        Status.ACTIVE, "Resume this agent?",
        "What people allowed it works again.", "Resume", "resumed",
        (("kill_tokens", "Keep the tokens dead that it got before now"),),
    ),
    "retire": _Change(
        Status.RETIRED, "Retire this agent?",
        "Nothing that it asks for is allowed any more. This cannot be taken back.",
        "Retire", "retired",
    ),
}  # fmt: skip


def routes(front: Front) -> list[Route]:
    """Return the routes of all agents."""
    one = f"{PATH}/{{agent_id}}"
    changes = [
        Route(f"{one}/{name}", endpoint, methods=[method])
        for name in _CHANGES
        for method, endpoint in (
            ("GET", front.guarded(partial(_preview, front, name))),
            ("POST", front.guarded(partial(_change, front, name))),
        )
    ]
    return [
        Route(PATH, front.guarded(lambda r: _list(front, r)), methods=["GET"]),
        *changes,
    ]


async def _list(front: Front, request: Request) -> Response:
    visitor = await admin_of(front, request)
    if isinstance(visitor, Response):
        return visitor
    query = query_of(request)
    text = query.get("q", "")[:120]
    status = query.get("status", "")
    status = status if status in set(Status) else ""
    before = cursor_of(request)
    found = await search_agents(front.core, text, status=status, before=before, limit=PAGE)
    last = found[-1].agent if len(found) == PAGE else None
    path = front.base + PATH
    view = AdminAgentsPage(
        frame=front.frame(visitor, "admin_agents"),
        action=path,
        rows=agent_rows(found, path),
        query=text,
        status=cast("_Status", status),
        paging=paging(
            path,
            (last.created_at, last.id) if last else None,
            before,
            {"q": text, "status": status},
        ),
    )
    return front.pages.page("admin/agents", view)


async def _preview(front: Front, name: str, request: Request) -> Response:
    found = await any_agent(front, request)
    if isinstance(found, Response):
        return found
    visitor, review = found
    change = _CHANGES[name]
    own = f"{front.base}{PATH}/{review.agent.id}"
    view = PreviewPage(
        frame=front.frame(visitor, "admin_agents"),
        heading=change.heading,
        sentence=change.sentence,
        action=f"{own}/{name}",
        confirm=change.confirm,
        cancel_url=own,
        facts=(
            ("Agent", review.agent.name),
            ("Delegations", str(review.standing)),
            ("Live tokens of those below", str(review.live_tokens)),
        ),
        affected=rows(
            review.delegations, f"{front.base}/admin/delegations",
            people=emails(review.delegations.names),
        ),
        affected_hidden=max(0, review.standing - SHOWN),
        asks_reason=True,
        options=change.option,
        harmless=change.status is Status.ACTIVE,
    )  # fmt: skip
    return front.pages.page("preview", view)


async def _change(front: Front, name: str, request: Request) -> Response:
    posted = await admin_form(front, request)
    if isinstance(posted, Response):
        return posted
    visitor, form = posted
    change = _CHANGES[name]
    agent_id = request.path_params["agent_id"]
    outcome = await set_agent_status(
        front.core,
        agent_id,
        change.status,
        admin=visitor.user,
        kill_tokens=form.get("kill_tokens") == "yes",
        reason=reason_of(form),
    )
    if isinstance(outcome, NotAllowed):
        return front.not_found()
    return front.redirect(f"{PATH}/{agent_id}?done={change.done if outcome else 'nothing'}")
