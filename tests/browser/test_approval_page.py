"""A person approves a call on a phone, with no complaint of Chromium."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, Page

from tests.browser.test_live_pages import _redeemed, callback, complaints, mandate
from tests.interop.scene import ADA, Scene
from tests.requirements import requirement
from tests.support.approvals import asking
from tests.support.live import PASSWORD, Live
from tests.support.person import Person
from tests.support.world import CHALLENGE, DOCS

__all__ = ["callback", "complaints", "mandate"]
pytestmark = pytest.mark.browser


@pytest.fixture
def phone(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 375, "height": 667}, color_scheme="dark", has_touch=True
    )
    tab = context.new_page()
    tab.on("console", lambda said: complaints.append(f"{said.type}: {said.text}"))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    yield tab
    context.close()


def _token(mandate: Live, callback: str) -> str:
    """Let Ada consent in a browser without scripts, and exchange what that gives."""
    scene: Scene = mandate.made
    asked = {
        "response_type": "code", "client_id": scene.agent.client.id, "redirect_uri": callback,
        "scope": "docs:read", "resource": DOCS, "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }  # fmt: skip
    with Person(mandate.issuer, ADA) as ada:
        back = ada.authorize(
            f"{mandate.issuer}/authorize?{urlencode(asked)}",
            scope=["docs:read"],
            object=["folder:plans"],
        )
    return _redeemed(mandate, scene, dict(parse_qsl(urlsplit(back).query))["code"], callback)


@requirement("approval:page:plain", "approval:call:once")
def test_a_person_approves_on_a_phone_what_the_agent_then_does_once(
    mandate: Live, callback: str, phone: Page, complaints: list[str], tmp_path: Path
) -> None:
    scene: Scene = mandate.made
    body = asking(
        _token(mandate, callback), on="folder:plans", tool="erase",
        summary="Erase “Plans” <script>alert(1)</script> \u202e for good",
    )  # fmt: skip

    def evaluate() -> dict[str, Any]:
        with httpx2.Client(trust_env=False, headers=scene.documents.basic) as http:
            answer = http.post(f"{mandate.issuer}/access/v1/evaluation", json=body)
        return dict(answer.json())

    waits = evaluate()
    assert waits["decision"] is False
    phone.goto(waits["context"]["approval"]["approve_url"])
    phone.get_by_label("E-mail").fill(ADA)
    phone.get_by_label("Password").fill(PASSWORD)
    phone.get_by_role("button", name="Sign in").click()

    phone.get_by_role("heading", name="Allow this once?").wait_for()
    assert phone.get_by_text("⟨U+202E⟩").is_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 375
    phone.screenshot(path=tmp_path / "1-question.png", full_page=True)
    phone.get_by_role("button", name="Approve").dblclick()
    phone.get_by_text("It is good for this one call").wait_for()
    phone.screenshot(path=tmp_path / "2-approved.png", full_page=True)

    assert [evaluate()["decision"] for _ in range(2)] == [True, False]
    phone.reload()
    phone.get_by_text("the agent has used it").wait_for()
    assert [each for each in complaints if "error" in each] == []
