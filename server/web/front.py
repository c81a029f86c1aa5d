"""What every page route stands on: the use cases' core, pages, cookies, form tokens, passwords."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from authz.graph import GraphUnavailable
from server.defence.slow_down import SlowDown
from server.defence.waiting_room import WaitingRoom
from server.domain.core import Core
from server.domain.people import Session, User
from server.domain.unit import StaleSnapshotError, UnavailableError
from server.identity.passwords import Passwords
from server.web.browser import browser_binding, current_session, session_binding
from server.web.cookies import Cookies, cookies_for
from server.web.csrf import CSRF_FIELD, Csrf, CsrfFault
from server.web.forms import PAGE_LIMITS, BadForm, Form, read_form
from server.web.origin import site_of
from server.web.rendering import Pages
from server.web.security_headers import REDIRECT_HEADERS
from server.web.views.account import ErrorPage
from server.web.views.frame import Frame, Link, Notice, Section
from server.web.way_back import way_back

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Visitor:
    """The person at the browser, and the form token of this session."""

    session: Session
    user: User
    csrf: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """Shared by the page routes of one server; made by `make_front`."""

    core: Core
    pages: Pages
    cookies: Cookies
    csrf: Csrf
    passwords: Passwords
    slow_down: SlowDown
    waiting_room: WaitingRoom
    base: str
    """The issuer's path, put before every path of ours."""
    pseudonym_key: bytes

    def redirect(self, path: str) -> Response:
        """Answer 303 to one of our own paths (`/agents`), so that a reload repeats nothing."""
        location = f"{self.base}{path}"
        return Response(status_code=303, headers={**REDIRECT_HEADERS, "Location": location})

    def to_sign_in(self, path: str) -> Response:
        """Send a person who is not signed in to sign-in, and back to one of our own paths."""
        back = way_back(next_path=path, interaction=None)
        return self.redirect(back.carried_by("/sign-in"))

    async def visitor(self, request: Request) -> Visitor | None:
        """Return who is signed in at this browser, as of now, or none."""
        found = await current_session(self.core, self.cookies, request)
        if found is None:
            return None
        token = self.csrf.token(session_binding(self.cookies, request))
        return Visitor(*found, token)

    def frame(self, visitor: Visitor, section: Section = "", notice: Notice | None = None) -> Frame:
        """Return the surroundings of a page for a signed-in person."""
        return Frame(
            csrf=visitor.csrf,
            signed_in_as=visitor.user.email,
            is_admin=visitor.user.role == "admin",
            section=section,
            notice=notice,
        )

    async def form(
        self, request: Request, binding: str, repeatable: tuple[str, ...] = ()
    ) -> Form | Response:
        """Read a posted form and make sure that it came from our own page; else the error page."""
        form = await read_form(request, repeatable=repeatable, limits=PAGE_LIMITS)
        if isinstance(form, BadForm):
            return self.error(
                "This form could not be read", form.description.capitalize() + ".",
                "Go back, reload the page and try again.", form.status,
            )  # fmt: skip
        fault = self.csrf.check(request.headers, binding=binding, token=form.get(CSRF_FIELD))
        return form if fault is None else self.forged(fault)

    async def session_form(
        self, request: Request, repeatable: tuple[str, ...] = ()
    ) -> Form | Response:
        """Read a form of a signed-in person."""
        return await self.form(request, session_binding(self.cookies, request), repeatable)

    def browser_token(self, secret: str) -> str:
        """Return the form token of a browser in which nobody is signed in."""
        return self.csrf.token(browser_binding(secret))

    def forged(self, fault: CsrfFault) -> Response:
        """Answer a form that did not come from our page, or whose page is out of date."""
        return self.error(
            "This form is out of date",
            "It was opened before you signed in or out, or it did not come from this site.",
            "Open the page again and repeat what you did. Nothing was changed.",
            403,
            code=fault.value,
        )

    def not_found(self) -> Response:
        """Answer alike for what does not exist and for what this person may not see."""
        return self.error(
            "Not found", "There is no such page, or it is not yours to see.",
            "Check the address, or go back to your agents.", 404,
        )  # fmt: skip

    def error(
        self, heading: str, what_happened: str, what_to_do: str, status: int, *, code: str = ""
    ) -> Response:
        """Render an error page that says what happened and what to do."""
        view = ErrorPage(
            frame=Frame(csrf=""),
            heading=heading,
            what_happened=what_happened,
            what_to_do=what_to_do,
            code=code,
            links=(Link(text="My agents", url=f"{self.base}/agents"),),
        )
        return self.pages.page("error", view, status=status)

    def guarded(self, endpoint: Endpoint) -> Endpoint:
        """Wrap an endpoint: what cannot be stored or read now is a 503 page, never a yes."""

        async def answer(request: Request) -> Response:
            try:
                return await endpoint(request)
            except (UnavailableError, StaleSnapshotError, GraphUnavailable):
                response = self.error(
                    "Too busy just now", "The server cannot do this at the moment.",
                    "Wait a few seconds and try again.", 503,
                )  # fmt: skip
                response.headers["Retry-After"] = "5"
                return response

        return answer


def make_front(
    core: Core,
    *,
    secret_key: bytes,
    pages: Pages | None = None,
    passwords: Passwords | None = None,
) -> Front:
    """Return the front of one server. `secret_key` has at least 32 bytes; each use derives its own.

    Raises `ValueError` for an unsafe issuer.
    """
    issuer = core.policy.issuer
    return Front(
        core=core,
        pages=pages or Pages(issuer=issuer, clock=core.clock),
        cookies=cookies_for(issuer),
        csrf=Csrf(key=derived(secret_key, b"csrf"), issuer=issuer),
        passwords=passwords or Passwords(core.entropy),
        slow_down=SlowDown(derived(secret_key, b"slow-down")),
        waiting_room=WaitingRoom(derived(secret_key, b"waiting-room")),
        base=site_of(issuer).path,
        pseudonym_key=derived(secret_key, b"pseudonym"),
    )


def derived(secret_key: bytes, purpose: bytes) -> bytes:
    """Return the sub-key of one purpose (HMAC-SHA-256 of its name)."""
    return hmac.new(secret_key, purpose, hashlib.sha256).digest()
