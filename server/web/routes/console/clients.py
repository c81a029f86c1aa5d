"""`/admin/clients`: which hosts' metadata documents may be clients, and who waits for one."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.domain.self_registration import Trust
from server.services.client_trust import NotAdministrator, remove_trust, set_trust, trust_policy
from server.services.registration import RegistrationError
from server.web.front import Front, Visitor
from server.web.notices import notice_of
from server.web.routes.console.entrance import admin_form, admin_of
from server.web.views.admin_clients import AdminClientsPage, HostRule, WaitingHost

_PATH: Final = "/admin/clients"
_REMOVE: Final = "remove"


def routes(front: Front) -> list[Route]:
    """Return the routes of the trust policy."""
    return [
        Route(_PATH, front.guarded(lambda r: _list(front, r)), methods=["GET"]),
        Route(_PATH, front.guarded(lambda r: _decide(front, r)), methods=["POST"]),
    ]


async def _list(front: Front, request: Request) -> Response:
    visitor = await admin_of(front, request)
    if isinstance(visitor, Response):
        return visitor
    return await _page(front, request, visitor)


async def _page(
    front: Front, request: Request, visitor: Visitor, *, host: str = "", problem: str | None = None
) -> Response:
    policy = await trust_policy(front.core)
    view = AdminClientsPage(
        frame=front.frame(visitor, "admin_clients", notice_of(request)),
        action=front.base + _PATH,
        otherwise="off" if policy.default is None else policy.default.value,
        waiting=tuple(
            WaitingHost(
                host=each.host,
                client_id=each.client_id,
                person=policy.people[each.asked_by].email if each.asked_by in policy.people else "",
                times=each.times,
                last_at=each.last_at,
            )
            for each in policy.requests
        ),
        rules=tuple(
            HostRule(host=rule.pattern, trust=rule.trust.value, since=rule.created_at)
            for rule in policy.rules
        ),
        host=host,
        problem=problem,
    )
    return front.pages.page("admin/clients", view, status=200 if problem is None else 400)


async def _decide(front: Front, request: Request) -> Response:
    posted = await admin_form(front, request)
    if isinstance(posted, Response):
        return posted
    visitor, form = posted
    host, word = form.get("host", "").strip(), form.get("trust", "")
    if word not in {_REMOVE, *(trust.value for trust in Trust)}:
        return front.not_found()
    admin, by = visitor.user, visitor.user.id
    try:
        if word == _REMOVE:
            await remove_trust(front.core, host, by=by, admin=admin)
        else:
            await set_trust(front.core, host, Trust(word), by=by, admin=admin)
    except NotAdministrator:
        return front.not_found()
    except RegistrationError:
        problem = "That is no host, nor *. and a domain of two names or more."
        if word == _REMOVE:
            problem = "That rule was removed before."
        return await _page(front, request, visitor, host=host, problem=problem)
    return front.redirect(f"{_PATH}?done=decided")
