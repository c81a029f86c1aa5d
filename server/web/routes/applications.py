"""`/applications`: what plain applications may know of the person, and removing one."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.domain.registry import Scope
from server.services.applications import Application, my_applications, remove_application
from server.services.withdraw import NotYours
from server.web.consent_page import IDENTITY_SENTENCES, OFFLINE_SENTENCE, goes_to
from server.web.front import Front
from server.web.notices import notice_of
from server.web.views.applications import ApplicationRow, ApplicationsPage, ReturnAddress

_PATH: Final = "/applications"
_OFFLINE: Final = "offline_access"


def routes(front: Front) -> list[Route]:
    """Return the routes of one's own applications."""
    # The id is a field, not a part of the path: an administrator may choose any text as one.
    return [
        Route(_PATH, front.guarded(lambda r: _list(front, r)), methods=["GET"]),
        Route(f"{_PATH}/remove", front.guarded(lambda r: _remove(front, r)), methods=["POST"]),
    ]


async def _list(front: Front, request: Request) -> Response:
    visitor = await front.visitor(request)
    if visitor is None:
        return front.to_sign_in(_PATH)
    mine = await my_applications(front.core, visitor.user.id)
    view = ApplicationsPage(
        frame=front.frame(visitor, "agents", notice_of(request)),
        remove_action=f"{front.base}{_PATH}/remove",
        rows=tuple(_row(each, mine.scopes) for each in mine.found),
    )
    return front.pages.page("applications", view)


async def _remove(front: Front, request: Request) -> Response:
    visitor = await front.visitor(request)
    if visitor is None:
        return front.to_sign_in(_PATH)
    form = await front.session_form(request)
    if isinstance(form, Response):
        return form
    outcome = await remove_application(front.core, form.get("client_id", ""), visitor.session)
    if isinstance(outcome, NotYours):
        return front.not_found()
    return front.redirect(f"{_PATH}?done={'removed' if outcome else 'removed_before'}")


def _row(each: Application, scopes: Mapping[str, Scope]) -> ApplicationRow:
    places = dict.fromkeys(goes_to(uri) for uri in each.client.redirect_uris)
    return ApplicationRow(
        client_id=each.client.id,
        name=each.client.name,
        addresses=tuple(ReturnAddress(host=host, is_local=local) for host, local in places),
        may=_sentences(each.kept.scopes, scopes),
        since=each.kept.since,
    )


def _sentences(held: frozenset[str], scopes: Mapping[str, Scope]) -> tuple[str, ...]:
    """Say what scopes allow, as the consent page does and in its order."""
    known = [text for name, text in IDENTITY_SENTENCES.items() if name in held]
    others = sorted(held - IDENTITY_SENTENCES.keys() - {_OFFLINE})
    of_services = [
        (scope.description or name) if (scope := scopes.get(name)) else name for name in others
    ]
    return (*known, *of_services, *((OFFLINE_SENTENCE,) if _OFFLINE in held else ()))
