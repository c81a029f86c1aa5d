"""`/admin/agents/{id}`: one agent, and who answers for it."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.domain.people import User
from server.domain.registry import Status
from server.identity.accounts import NotAllowed
from server.identity.addresses import email_key
from server.services.agents import AgentReview, review_agent, set_owner
from server.web.agent_views import agent_page
from server.web.delegation_views import emails
from server.web.front import Front, Visitor
from server.web.notices import notice_of
from server.web.routes.console.entrance import admin_form, admin_of
from server.web.views.frame import Frame

PATH: Final = "/admin/agents"


def routes(front: Front) -> list[Route]:
    """Return the routes of one agent."""
    one = f"{PATH}/{{agent_id}}"
    return [
        Route(one, front.guarded(lambda r: _one(front, r)), methods=["GET"]),
        Route(f"{one}/owner", front.guarded(lambda r: _owner(front, r)), methods=["POST"]),
    ]


async def _one(front: Front, request: Request) -> Response:
    found = await any_agent(front, request)
    if isinstance(found, Response):
        return found
    visitor, review = found
    frame = front.frame(visitor, "admin_agents", notice_of(request))
    return await show(front, review, frame=frame)


async def show(
    front: Front, review: AgentReview, *, frame: Frame, problem: str | None = None
) -> Response:
    """Render the page of one agent for an administrator."""
    agent = review.agent
    own = f"{front.base}{PATH}/{agent.id}"
    changes = {
        "suspend_url": f"{own}/suspend" if agent.status is Status.ACTIVE else None,
        "resume_url": f"{own}/resume" if agent.status is Status.SUSPENDED else None,
        "retire_url": f"{own}/retire" if agent.status is not Status.RETIRED else None,
        "owner_action": f"{own}/owner",
        "delegations_url": f"{front.base}/admin/delegations?q={agent.id}",
        "audit_url": f"{front.base}/admin/audit?agent={agent.id}",
    }
    owner = await front.core.snapshot.user(agent.owner_id) if agent.owner_id else None
    view = agent_page(
        review,
        frame,
        issuer=front.core.policy.issuer,
        path=front.base + PATH,
        delegations=f"{front.base}/admin/delegations",
        people=emails(review.delegations.names),
        urls=changes,
        owner_email=owner.email if owner else "",
        problem=problem,
    )
    return front.pages.page("admin/agent", view, status=400 if problem else 200)


async def _owner(front: Front, request: Request) -> Response:
    posted = await admin_form(front, request)
    if isinstance(posted, Response):
        return posted
    visitor, form = posted
    wanted = form.get("owner", "")
    owner = await _person(front, wanted)
    agent_id = request.path_params["agent_id"]
    if wanted and owner is None:
        review = await review_agent(front.core, agent_id)
        if review is None:
            return front.not_found()
        frame = front.frame(visitor, "admin_agents")
        return await show(front, review, frame=frame, problem="There is no such person.")
    outcome = await set_owner(front.core, agent_id, owner.id if owner else None, admin=visitor.user)
    if isinstance(outcome, NotAllowed):
        return front.not_found()
    return front.redirect(f"{PATH}/{agent_id}?done=owner")


async def _person(front: Front, wanted: str) -> User | None:
    users = front.core.rows.users
    return await front.core.store.read(
        lambda tx: users.get(tx, wanted) or users.by_email(tx, email_key(wanted))
    )


async def any_agent(front: Front, request: Request) -> tuple[Visitor, AgentReview] | Response:
    """Return the administrator and the agent that the path names, or the answer to give."""
    visitor = await admin_of(front, request)
    if isinstance(visitor, Response):
        return visitor
    review = await review_agent(front.core, request.path_params["agent_id"])
    return front.not_found() if review is None else (visitor, review)
