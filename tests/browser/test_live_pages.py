"""Sign-in, consent, callback and revocation as a person sees them, with no complaint of Chromium."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, Page

from tests.interop.scene import ADA, Scene, set_scene
from tests.requirements import requirement
from tests.support.live import PASSWORD, Live, live
from tests.support.world import ACCESS, CHALLENGE, DOCS, EXCHANGE, VERIFIER

pytestmark = pytest.mark.browser


class _Callback(BaseHTTPRequestHandler):
    """The application's own site."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Planner</title><link rel=icon href=data:,>Thanks")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def callback() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Callback)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/callback"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def mandate(callback: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("browser")
    with live(folder, lambda w: set_scene(w, DOCS, callback)) as running:
        yield running


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    context = browser.new_context()
    tab = context.new_page()
    # A violated Content-Security-Policy is an error on the console.
    tab.on("console", lambda said: complaints.append(f"{said.type}: {said.text}"))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("requestfailed", lambda failed: complaints.append(f"{failed.url} {failed.failure}"))
    yield tab
    context.close()


@requirement("rfc9700:4.12:redirect-303", "rfc9207:2:iss", "x9:narrowing-permanent")
def test_a_person_signs_in_allows_an_agent_and_stops_it(
    mandate: Live, callback: str, page: Page, complaints: list[str], tmp_path: Path
):
    scene: Scene = mandate.made
    asked = {
        "response_type": "code", "client_id": scene.agent.client.id, "redirect_uri": callback,
        "scope": "docs:read docs:delete", "state": "st4te", "resource": DOCS,
        "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip
    page.goto(f"{mandate.issuer}/authorize?{urlencode(asked)}")
    page.screenshot(path=tmp_path / "1-sign-in.png", full_page=True)
    page.get_by_label("E-mail").fill(ADA)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    page.get_by_role("heading", name="quill wants to act for you").wait_for()
    page.locator('input[name="object"][value="folder:plans"]').check()
    page.locator('input[name="scope"][value="docs:delete"]').uncheck()
    page.locator('input[name="scope"][value="docs:read"]').check()
    page.get_by_label("Until you sign out").check()
    page.screenshot(path=tmp_path / "2-consent.png", full_page=True)
    page.get_by_role("button", name="Allow").click()

    page.wait_for_url(f"{callback}**")
    told = dict(parse_qsl(urlsplit(page.url).query))
    assert told.keys() == {"code", "state", "iss"}
    assert (told["state"], told["iss"]) == ("st4te", mandate.issuer)
    token = _redeemed(mandate, scene, told["code"], callback)
    assert _active(mandate, scene, token)

    page.goto(f"{mandate.issuer}/agents")
    page.get_by_role("link", name="quill").click()
    page.screenshot(path=tmp_path / "3-delegation.png", full_page=True)
    page.get_by_role("link", name="Revoke").click()
    page.screenshot(path=tmp_path / "4-preview.png", full_page=True)
    page.locator("form button.danger").click()
    page.get_by_text("No agent may act for you.").or_(page.get_by_text("revoked")).first.wait_for()
    page.screenshot(path=tmp_path / "5-revoked.png", full_page=True)
    assert not _active(mandate, scene, token)
    assert complaints == []
    assert len(list(tmp_path.glob("*.png"))) == 5


def _redeemed(mandate: Live, scene: Scene, code: str, callback: str) -> str:
    """Redeem the code and exchange what it gives, as the agent does."""
    with httpx2.Client(base_url=mandate.issuer, headers=scene.agent.basic, trust_env=False) as http:
        redeemed = http.post(
            "/token",
            data={"grant_type": "authorization_code", "code": code, "redirect_uri": callback,
                  "code_verifier": VERIFIER},
        )  # fmt: skip
        assert redeemed.status_code == 200, redeemed.text
        actor = http.post("/token", data={"grant_type": "client_credentials"}).json()
        exchanged = http.post(
            "/token",
            data={"grant_type": EXCHANGE, "subject_token": redeemed.json()["access_token"],
                  "subject_token_type": ACCESS, "actor_token": actor["access_token"],
                  "actor_token_type": ACCESS, "resource": DOCS},
        )  # fmt: skip
        assert exchanged.status_code == 200, exchanged.text
        assert exchanged.json()["scope"] == "docs:read"
        return str(exchanged.json()["access_token"])


def _active(mandate: Live, scene: Scene, token: str) -> bool:
    with httpx2.Client(trust_env=False, headers=scene.documents.basic) as http:
        told = http.post(f"{mandate.issuer}/introspect", data={"token": token}).json()
    return bool(told["active"])
