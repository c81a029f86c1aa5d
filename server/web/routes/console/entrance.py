"""Who may enter the console: an administrator, by the row as it is now, at each request."""

from starlette.requests import Request
from starlette.responses import Response

from server.domain.people import Role
from server.web.forms import Form
from server.web.front import Front, Visitor

LONGEST_REASON = 300


async def admin_of(front: Front, request: Request) -> Visitor | Response:
    """Return the administrator at this browser; others get the answer of an unknown page."""
    visitor = await front.visitor(request)
    if visitor is None:
        return front.to_sign_in("/admin/agents")
    return visitor if visitor.user.role is Role.ADMIN else front.not_found()


async def admin_form(
    front: Front, request: Request, repeatable: tuple[str, ...] = ()
) -> tuple[Visitor, Form] | Response:
    """Return the administrator and the form that they posted."""
    visitor = await admin_of(front, request)
    if isinstance(visitor, Response):
        return visitor
    form = await front.session_form(request, repeatable)
    return form if isinstance(form, Response) else (visitor, form)


def reason_of(form: Form) -> str:
    """Return why, in the administrator's words."""
    return form.get("reason", "")[:LONGEST_REASON]
