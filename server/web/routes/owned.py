"""`/owned`: agents that the signed-in person answers for; people stay pseudonymous (X10)."""

from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.identity.accounts import NotAllowed
from server.identity.addresses import good_name
from server.services.agents import agents_of_owner, register_agent, review_agent
from server.services.review import pseudonym
from server.web.agent_views import agent_page, agent_rows
from server.web.front import Front
from server.web.notices import notice_of
from server.web.paging import query_of
from server.web.views.admin import AdminAgentsPage

_PATH: Final = "/owned"
_LONGEST: Final = 300


def routes(front: Front) -> list[Route]:
    """Return the routes of one's own agents."""
    return [
        Route(_PATH, front.guarded(lambda r: _list(front, r)), methods=["GET"]),
        Route(_PATH, front.guarded(lambda r: _register(front, r)), methods=["POST"]),
        Route(f"{_PATH}/{{agent_id}}", front.guarded(lambda r: _one(front, r)), methods=["GET"]),
    ]


async def _list(front: Front, request: Request) -> Response:
    visitor = await front.visitor(request)
    if visitor is None:
        return front.to_sign_in(_PATH)
    query = query_of(request)
    text, status = query.get("q", "")[:120], query.get("status", "")
    found = [
        line
        for line in await agents_of_owner(front.core, visitor.user.id)
        if text.casefold() in line.agent.name.casefold() and status in ("", line.agent.status.value)
    ]
    path = front.base + _PATH
    may_register = front.core.policy.user_agents
    view = AdminAgentsPage(
        frame=front.frame(visitor, "agents", notice_of(request)),
        action=path,
        rows=agent_rows(found, path),
        query=text,
        register_action=path if may_register else None,
    )
    return front.pages.page("admin/agents", view)


async def _one(front: Front, request: Request) -> Response:
    agent_id = request.path_params["agent_id"]
    visitor = await front.visitor(request)
    if visitor is None:
        return front.to_sign_in(f"{_PATH}/{agent_id}")
    review = await review_agent(front.core, agent_id, owned_by=visitor.user.id)
    if review is None:
        return front.not_found()
    own = f"{front.base}{_PATH}/{agent_id}"
    names = {
        row.user_id: pseudonym(front.pseudonym_key, agent_id, row.user_id)
        for row in review.delegations.rows
    }
    view = agent_page(
        review,
        front.frame(visitor, "agents", notice_of(request)),
        issuer=front.core.policy.issuer,
        path=front.base + _PATH,
        delegations=own,
        people=names,
        urls={},
    )
    # The page of a delegation is its person's and the administrator's alone.
    hops = tuple(replace(row, url=own) for row in view.delegations)
    return front.pages.page("admin/agent", replace(view, delegations=hops))


async def _register(front: Front, request: Request) -> Response:
    visitor = await front.visitor(request)
    if visitor is None:
        return front.to_sign_in(_PATH)
    form = await front.session_form(request)
    if isinstance(form, Response):
        return form
    name = form.get("name", "").strip()
    if not good_name(name):
        return front.error(
            "This name cannot be used", "An agent needs a name of at most 120 characters.",
            "Go back and give it another name.", 400,
        )  # fmt: skip
    purpose = form.get("purpose", "")[:_LONGEST]
    outcome = await register_agent(front.core, user=visitor.user, name=name, purpose=purpose)
    if isinstance(outcome, NotAllowed):
        return front.not_found()
    return front.redirect(f"{_PATH}/{outcome.id}?done=registered")
