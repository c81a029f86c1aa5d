"""`/admin/people`: everybody with an account; disable and enable with a preview."""

from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.domain.delegation import DelegationQuery, State
from server.domain.people import Role, User, UserStatus
from server.identity.accounts import NotAllowed, Person, search_people, set_status
from server.services.agents import SHOWN
from server.services.review import PAGE, search_delegations
from server.web.delegation_views import emails, rows
from server.web.front import Front, Visitor
from server.web.notices import notice_of
from server.web.paging import cursor_of, paging, query_of
from server.web.routes.console.entrance import admin_form, admin_of, reason_of
from server.web.views.admin import AdminPeoplePage, PersonRow
from server.web.views.delegation import PreviewPage

_PATH: Final = "/admin/people"
_STATUS: Final = {"disable": UserStatus.DISABLED, "enable": UserStatus.ACTIVE}


def routes(front: Front) -> list[Route]:
    """Return the routes of all people."""
    changes = [
        Route(f"{_PATH}/{{user_id}}/{name}", endpoint, methods=[method])
        for name in _STATUS
        for method, endpoint in (
            ("GET", front.guarded(partial(_preview, front, name))),
            ("POST", front.guarded(partial(_change, front, name))),
        )
    ]
    return [Route(_PATH, front.guarded(lambda r: _list(front, r)), methods=["GET"]), *changes]


async def _list(front: Front, request: Request) -> Response:
    visitor = await admin_of(front, request)
    if isinstance(visitor, Response):
        return visitor
    text = query_of(request).get("q", "")[:120]
    before = cursor_of(request)
    found = await search_people(front.core, text, before=before, limit=PAGE)
    last = found[-1].user if len(found) == PAGE else None
    path = front.base + _PATH
    view = AdminPeoplePage(
        frame=front.frame(visitor, "admin_people", notice_of(request)),
        action=path,
        rows=tuple(_row(front, visitor, person) for person in found),
        query=text,
        paging=paging(path, (last.created_at, last.id) if last else None, before, {"q": text}),
    )
    return front.pages.page("admin/people", view)


def _row(front: Front, visitor: Visitor, person: Person) -> PersonRow:
    user = person.user
    change = "disable" if user.status is UserStatus.ACTIVE else "enable"
    mine = user.id == visitor.user.id
    return PersonRow(
        user_id=user.id,
        name=user.name,
        email=user.email,
        is_admin=user.role is Role.ADMIN,
        status=user.status.value,
        created_at=user.created_at,
        live=person.live,
        last_seen_at=person.last_seen_at,
        change_url=None if mine else f"{front.base}{_PATH}/{user.id}/{change}",
        change=f"{change.capitalize()}…",
        audit_url=f"{front.base}/admin/audit?person={user.id}",
    )


async def _preview(front: Front, name: str, request: Request) -> Response:
    visitor = await admin_of(front, request)
    if isinstance(visitor, Response):
        return visitor
    user = await _person(front, request, visitor)
    if user is None:
        return front.not_found()
    standing = await search_delegations(
        front.core, DelegationQuery(user_id=user.id, state=State.STANDING), SHOWN
    )
    disable = name == "disable"
    sentence = (
        "They cannot sign in, their sessions end, and nothing that any agent does for them is "
        "allowed from now on."
        if disable
        else "They can sign in again. What agents were allowed works again, except what ended "
        "with a session."
    )
    path = front.base + _PATH
    view = PreviewPage(
        frame=front.frame(visitor, "admin_people"),
        heading=f"{name.capitalize()} this account?",
        sentence=sentence,
        action=f"{path}/{user.id}/{name}",
        confirm=name.capitalize(),
        cancel_url=path,
        facts=(
            ("Person", f"{user.name} ({user.email})"),
            ("Delegations", str(len(standing.rows))),
        ),
        affected=rows(standing, f"{front.base}/admin/delegations", people=emails(standing.names)),
        asks_reason=True,
        harmless=not disable,
    )
    return front.pages.page("preview", view)


async def _change(front: Front, name: str, request: Request) -> Response:
    posted = await admin_form(front, request)
    if isinstance(posted, Response):
        return posted
    visitor, form = posted
    outcome = await set_status(
        front.core,
        request.path_params["user_id"],
        _STATUS[name],
        admin=visitor.user,
        reason=reason_of(form),
    )
    if isinstance(outcome, NotAllowed):
        return front.not_found()
    return front.redirect(f"{_PATH}?done={f'{name}d' if outcome.done else 'nothing'}")


async def _person(front: Front, request: Request, visitor: Visitor) -> User | None:
    user_id = request.path_params["user_id"]
    if user_id == visitor.user.id:
        return None
    return await front.core.store.read(lambda tx: front.core.rows.users.get(tx, user_id))
