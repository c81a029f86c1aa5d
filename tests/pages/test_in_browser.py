"""The pages in Chromium, under their real Content-Security-Policy and on real origins."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import uvicorn
from playwright.sync_api import Browser, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from server.web.csrf import Csrf
from server.web.forms import PAGE_LIMITS, Form, read_form
from server.web.origin import form_target
from server.web.rendering import Pages
from server.web.security_headers import PICTURE_HEADERS
from server.web.views.account import FormPostPage
from server.web.views.consent import REPEATABLE
from tests.support.clock import FrozenClock
from tests.support.page_examples import EXAMPLES
from tests.support.page_views import CONSENT, STRANGER
from tests.support.pictures import EXAMPLE_LOGO, png
from tests.support.ports import free_ports

pytestmark = pytest.mark.browser


class Site:
    """Mandate's pages on one port, and a client on another that takes the answer."""

    def __init__(self, port: int, client_port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.client = f"http://127.0.0.1:{client_port}"
        self.callback = f"{self.client}/callback"
        self.pages = Pages(issuer=self.issuer, clock=FrozenClock())
        self.csrf = Csrf(key=b"k" * 32, issuer=self.issuer)
        self.posted: list[Form] = []
        self.answers: list[str] = []
        self.servers = [
            uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=at, log_level="error"))
            for app, at in ((self.mandate(), port), (self.relying_party(), client_port))
        ]

    def mandate(self) -> Starlette:
        async def example(request: Request) -> Response:
            name, view, target = EXAMPLES[request.path_params["name"]]
            return self.pages.page(name, view, form_targets=(target,))

        async def static(request: Request) -> Response:
            return self.pages.static.answer(request.path_params["name"])

        async def picture(_: Request) -> Response:
            return Response(png(), headers={**PICTURE_HEADERS, "Content-Type": "image/png"})

        async def consent(request: Request) -> Response:
            if request.method == "GET":
                frame = replace(CONSENT.frame, csrf=self.csrf.token("cookie"))
                view = replace(CONSENT, frame=frame)
                return self.pages.page("consent", view, form_targets=(form_target(self.callback),))
            form = await read_form(request, repeatable=REPEATABLE, limits=PAGE_LIMITS)
            assert isinstance(form, Form)
            fault = self.csrf.check(request.headers, binding="cookie", token=form.get("csrf"))
            if fault is not None:
                return PlainTextResponse(fault, 403)
            self.posted.append(form)
            return RedirectResponse(f"{self.callback}?code=abc", 303)

        async def form_post(request: Request) -> Response:
            view = FormPostPage(
                frame=STRANGER,
                client_name="Acme Chat",
                host="127.0.0.1",
                redirect_uri=self.callback,
                fields=(("code", "abc"),),
            )
            return self.pages.page("form_post", view, form_targets=(form_target(self.callback),))

        return Starlette(
            routes=[
                Route("/example/{name}", example),
                Route("/static/{name}", static),
                Route(EXAMPLE_LOGO, picture),
                Route("/consent", consent, methods=["GET", "POST"]),
                Route("/form-post", form_post),
            ]
        )

    def relying_party(self) -> Starlette:
        async def callback(request: Request) -> Response:
            self.answers.append(request.headers.get("referer", "no referer"))
            return PlainTextResponse("back at the client")

        async def attack(request: Request) -> Response:
            token = self.csrf.token("cookie")
            return HTMLResponse(
                f'<form method="post" action="{self.issuer}/consent">'
                f'<input name="csrf" value="{token}"><button>Win</button></form>'
            )

        return Starlette(
            routes=[
                Route("/callback", callback, methods=["GET", "POST"]),
                Route("/attack", attack),
            ]
        )


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    made = Site(*free_ports(2))
    threads = [threading.Thread(target=server.run) for server in made.servers]
    for thread in threads:
        thread.start()
    yield made
    for server in made.servers:
        server.should_exit = True
    for thread in threads:
        thread.join()


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
def tab(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=request.param)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("width", [320, 375, 1280])
def test_every_page_fits_its_window_and_breaks_no_policy(browser: Browser, site: Site, width: int):
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    for name in EXAMPLES:
        if name == "form_post":
            continue  # It would leave for a host that does not exist.
        page.goto(f"{site.issuer}/example/{name}")
        box = page.evaluate(
            "() => [document.documentElement.scrollWidth, innerWidth,"
            " getComputedStyle(document.querySelector('.brand')).display,"
            " document.querySelector('.brand img').naturalWidth]"
        )
        assert box[0] <= box[1], (name, box)
        assert box[2] == "flex", "the stylesheet did not apply"
        assert box[3] > 0, "the logo did not load"
        tables = page.evaluate(
            "() => [...document.querySelectorAll('.panel')].filter(p => p.scrollWidth > p.clientWidth).length"
        )
        assert tables == 0, (name, "a panel is cut off")
    assert complaints == []
    context.close()


def test_the_switches_of_a_person_arrive_and_the_answer_reaches_the_client(tab: Page, site: Site):
    site.posted.clear()
    site.answers.clear()
    tab.goto(f"{site.issuer}/consent")
    tab.get_by_label("Create and change documents").uncheck()
    tab.get_by_label("Household").check()
    tab.get_by_label("One hour").check()
    tab.get_by_role("button", name="Allow").click()
    tab.wait_for_url(f"{site.callback}*")
    form = site.posted[0]
    assert form.every("scope") == ("docs:read", "email")
    assert form.every("object") == ("folder:7", "folder:8")
    assert (form["decision"], form["duration"]) == ("allow", "3600")
    assert "allow_sharing" not in form
    assert site.answers == ["no referer"]


def test_enter_in_the_search_box_never_allows(tab: Page, site: Site):
    site.posted.clear()
    tab.goto(f"{site.issuer}/consent")
    tab.get_by_label("Look for more of your things by name").fill("notes")
    tab.keyboard.press("Enter")
    tab.wait_for_url(f"{site.callback}*")
    assert site.posted[0]["decision"] == "find"


def test_the_switches_work_with_the_keyboard_alone(tab: Page, site: Site):
    tab.goto(f"{site.issuer}/consent")
    tab.get_by_label("Delete documents").focus()
    tab.keyboard.press("Space")
    assert tab.get_by_label("Delete documents").is_checked()


def test_a_form_of_another_site_is_refused_even_with_the_right_token(tab: Page, site: Site):
    tab.goto(f"{site.client}/attack")
    tab.get_by_role("button", name="Win").click()
    tab.wait_for_url(f"{site.issuer}/consent")
    assert tab.text_content("body") == "csrf_cross_site"


def test_a_form_post_answer_goes_by_itself_or_by_its_button(
    browser: Browser, site: Site, request: pytest.FixtureRequest
):
    for scripts in (True, False):
        site.answers.clear()
        context = browser.new_context(java_script_enabled=scripts)
        page = context.new_page()
        page.goto(f"{site.issuer}/form-post")
        if not scripts:
            page.get_by_role("button", name="Continue").click()
        page.wait_for_url(site.callback)
        assert site.answers == ["no referer"]
        context.close()
