"""RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0), by HTTP."""

import pytest

from tests.requirements import requirement
from tests.support.flow_site import CALLBACK, VERIFIER, Flow
from tests.support.people_site import Browser, hidden, words

BYE = "https://agent.example/bye"


async def id_token(flow: Flow, browser: Browser) -> str:
    code = (await flow.grant(browser))["code"]
    answer = await flow.site.browser().http.post(
        f"{flow.issuer}/token",
        data={
            "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        },
        auth=(flow.client.id, flow.secret),
    )  # fmt: skip
    return str(answer.json()["id_token"])


async def signed_in(browser: Browser) -> bool:
    return (await browser.get("/sign-out")).status_code == 200


@requirement("oidc:logout:ends-session", "oidc:logout:post-logout-registered")
async def test_a_good_hint_signs_out_at_once_and_ends_what_hangs_on_the_session(flow):
    browser = await flow.person()
    hint = await id_token(flow, browser)
    flow.site.clock.advance(hours=1)  # §2: an expired hint is good enough
    answer = await browser.get(
        "/logout",
        params={"id_token_hint": hint, "post_logout_redirect_uri": BYE, "state": "s 1"},
    )
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{BYE}?state=s+1"
    assert not await signed_in(browser)
    ended = [row[-2] for row in await flow.delegations()]
    assert None not in ended
    assert await flow.tuples() == []


@requirement("oidc:logout:asks")
@pytest.mark.parametrize("with_client", [True, False])
async def test_without_a_hint_the_person_is_asked(flow, with_client):
    browser = await flow.person()
    wish = {"client_id": flow.client.id, "post_logout_redirect_uri": BYE} if with_client else {}
    page = await browser.get("/logout", params=wish)
    assert page.status_code == 200
    assert "Sign out?" in words(page.text)
    assert await signed_in(browser)
    stay = await browser.post("/logout/answer", {**hidden(page.text), "decision": "stay"})
    assert stay.headers["location"] == "/agents"
    assert await signed_in(browser)
    done = await browser.post("/logout/answer", {**hidden(page.text), "decision": "sign_out"})
    assert done.headers["location"] == (BYE if with_client else "/signed-out")
    assert not await signed_in(browser)


async def test_a_hint_of_another_session_asks(flow):
    elsewhere = await flow.person()
    hint = await id_token(flow, elsewhere)
    browser = await flow.person()
    page = await browser.get("/logout", params={"id_token_hint": hint})
    assert page.status_code == 200
    assert await signed_in(browser)
    assert await signed_in(elsewhere)


@requirement("oidc:logout:post-logout-registered")
@pytest.mark.parametrize(
    "changes",
    [
        {"post_logout_redirect_uri": "https://evil.example/"},
        {"post_logout_redirect_uri": f"{BYE}/"},
        {"post_logout_redirect_uri": f"{BYE}?x=1"},
        {"post_logout_redirect_uri": CALLBACK},
        {"post_logout_redirect_uri": BYE, "client_id": None},
        {"client_id": "cli_unknown"},
        {"id_token_hint": "e30.e30.e30"},
        {"state": "s" * 2049},
    ],
)
async def test_a_bad_wish_is_a_page_and_nobody_is_signed_out(flow, changes):
    browser = await flow.person()
    wish = {"client_id": flow.client.id, "post_logout_redirect_uri": BYE, **changes}
    sent = {name: value for name, value in wish.items() if value is not None}
    answer = await browser.get("/logout", params=sent)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert await signed_in(browser)


async def test_an_access_token_is_no_hint(flow):
    browser = await flow.person()
    code = (await flow.grant(browser))["code"]
    answer = await flow.site.browser().http.post(
        f"{flow.issuer}/token",
        data={
            "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        },
        auth=(flow.client.id, flow.secret),
    )  # fmt: skip
    hint = answer.json()["access_token"]
    refused = await browser.get("/logout", params={"id_token_hint": hint})
    assert refused.status_code == 400
    assert "no ID token" in words(refused.text)
    assert await signed_in(browser)


async def test_a_hint_for_one_client_gives_nothing_to_another(flow):
    browser = await flow.person()
    wish = {"id_token_hint": await id_token(flow, browser), "client_id": flow.chat.id}
    assert (await browser.get("/logout", params=wish)).status_code == 400
    assert await signed_in(browser)


@requirement("rfc6749:10.12:csrf")
async def test_another_site_cannot_press_the_button(flow):
    browser = await flow.person()
    page = await browser.get("/logout")
    form = {**hidden(page.text), "decision": "sign_out"}
    forged = await browser.post("/logout/answer", {**form, "csrf": "x"})
    assert forged.status_code == 403
    cross = await browser.post("/logout/answer", form, headers={"origin": "https://evil.example"})
    assert cross.status_code == 403
    assert await signed_in(browser)


async def test_the_address_in_the_form_is_examined_again(flow):
    browser = await flow.person()
    page = await browser.get("/logout", params={"client_id": flow.client.id})
    carried = f"client_id={flow.client.id}&post_logout_redirect_uri=https%3A%2F%2Fevil.example"
    form = {**hidden(page.text), "decision": "sign_out", "request": carried}
    answer = await browser.post("/logout/answer", form)
    assert answer.status_code == 400
    assert await signed_in(browser)


async def test_a_posted_wish_of_another_site_comes_back_by_get_without_the_hint(flow):
    browser = await flow.person()
    hint = await id_token(flow, browser)
    stranger = flow.site.browser()  # SameSite=Lax: no cookie comes with another site's form
    wish = {"id_token_hint": hint, "post_logout_redirect_uri": BYE}
    answer = await stranger.post("/logout", wish)
    assert answer.status_code == 303
    target = answer.headers["location"]
    assert target.startswith("/logout?")
    assert hint not in target
    asked = await browser.get(target)
    assert "Sign out?" in words(asked.text)


async def test_nobody_signed_in_and_no_hint_stays_here(flow):
    wish = {"client_id": flow.client.id, "post_logout_redirect_uri": BYE}
    answer = await flow.site.browser().get("/logout", params=wish)
    assert answer.headers["location"] == "/signed-out"
