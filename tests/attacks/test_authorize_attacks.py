"""Attacks on authorization and consent; each is refused and leaves nothing behind."""

import hashlib
from dataclasses import replace

import pytest

from tests.requirements import requirement
from tests.support.flow_site import CALLBACK, Flow, told
from tests.support.people_site import hidden, words


async def nothing_was_granted(flow: Flow) -> bool:
    codes = await flow.site.rows("SELECT hash FROM authorization_code")
    return not (await flow.delegations() or await flow.tuples() or codes)


def allow(page: str, **picks: object) -> dict[str, object]:
    return {**hidden(page), "decision": "allow", "duration": "session", **picks}


# -- somebody else's interaction


@requirement("rfc6749:10.12:csrf")
async def test_a_link_to_the_attackers_interaction_does_nothing_in_the_victims_browser(flow):
    attacker, victim = await flow.person("bob@example.org"), await flow.person()
    page = await flow.authorize(attacker)
    link = page.url.path
    assert (await victim.get(link)).status_code == 404
    own = await flow.authorize(victim, scope="openid docs:write")
    forged = allow(own.text, interaction=hidden(page.text)["interaction"], scope="docs:read")
    assert (await victim.post("/consent", forged)).status_code == 404
    assert await nothing_was_granted(flow)
    assert (await attacker.get(link)).status_code == 200


async def test_an_interaction_is_nothing_without_the_browsers_cookie(flow):
    browser = await flow.person()
    page = await flow.authorize(browser)
    browser.http.cookies.delete(flow.site.front.cookies.name("browser"))
    assert (await browser.get(page.url.path)).status_code == 404


async def test_a_planted_second_cookie_is_not_believed(flow):
    browser = await flow.person()
    page = await flow.authorize(browser)
    name = flow.site.front.cookies.name("browser")
    both = "; ".join(
        [f"{key}={value}" for key, value in browser.http.cookies.items()] + [f"{name}=planted"]
    )
    stranger = flow.site.browser()
    answer = await stranger.get(page.url.path, headers={"cookie": both})
    assert answer.status_code == 404


# -- forged forms


@requirement("rfc6749:10.12:csrf")
@pytest.mark.parametrize(
    ("csrf", "headers"),
    [
        (None, {}),
        ("x" * 43, {}),
        ("right", {"origin": "https://evil.example"}),
        ("right", {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}),
        ("right", {"origin": "null"}),
    ],
)
async def test_a_consent_from_another_site_is_refused(flow, csrf, headers):
    browser = await flow.person()
    page = await flow.authorize(browser)
    form = allow(page.text, scope="docs:read")
    if csrf is None:
        del form["csrf"]
    elif csrf != "right":
        form["csrf"] = csrf
    answer = await browser.post("/consent", form, headers=headers)
    assert answer.status_code == 403
    assert await nothing_was_granted(flow)


async def test_a_page_that_was_shown_to_somebody_else_cannot_be_answered(flow_anywhere):
    flow = flow_anywhere
    browser = await flow.person()
    anas = await flow.authorize(browser)
    switch = f"/sign-in?interaction={hidden(anas.text)['interaction']}"
    await browser.sign_in("bob@example.org", page=switch)
    answer = await browser.post("/consent", allow(anas.text, scope="docs:read"))
    assert answer.status_code == 403
    assert await nothing_was_granted(flow)


async def test_a_consent_is_not_completed_for_another_person(flow_anywhere):
    flow = flow_anywhere
    browser = await flow.person()
    page = await flow.authorize(browser)
    posted = await browser.post("/consent", allow(page.text, scope="docs:read"))
    assert posted.headers["location"] == page.url.path
    switch = f"/sign-in?interaction={hidden(page.text)['interaction']}"
    back = await browser.sign_in("bob@example.org", page=switch)
    said = told(await flow.follow(browser, back))
    assert said["error"] == "access_denied"
    assert await flow.site.rows("SELECT hash FROM authorization_code") == []


# -- silence


async def test_a_public_client_on_loopback_is_never_answered_without_a_page(flow):
    browser = await flow.person()
    local = {"redirect_uri": "http://127.0.0.1:5004/callback"}
    page = await flow.authorize(browser, flow.plain, **local)
    assert "code" in told(await flow.decide(browser, page, scope=["docs:read"]))
    again = await flow.authorize(browser, flow.plain, **local)
    assert "wants to act for you" in words(again.text)
    said = told(await flow.authorize(browser, flow.plain, prompt="none", **local))
    assert said["error"] == "consent_required"


async def test_a_consent_through_one_client_is_no_consent_through_another(flow):
    browser = await flow.person()
    await flow.grant(browser)
    said = told(
        await flow.authorize(
            browser, flow.chat, resource=flow.agent_uri(), scope="docs:read", prompt="none"
        )
    )
    assert said["error"] == "consent_required"


async def test_a_delegation_of_an_ended_session_covers_nothing(flow):
    browser = await flow.person()
    await flow.grant(browser)
    other = await flow.person()
    assert told(await flow.authorize(other, prompt="none"))["error"] == "consent_required"


# -- the answer


@requirement("rfc6749:10.10:unguessable")
async def test_a_code_does_not_follow_from_what_the_browser_or_the_database_knows(flow):
    browser = await flow.person()
    page = await flow.authorize(browser)
    secret = browser.cookie("browser")
    said = told(await flow.decide(browser, page, scope=["docs:read"]))
    rows = await flow.site.rows("SELECT id, browser_hash FROM interaction")
    for known in (secret, *rows[0], f"{rows[0][0]}\x00{rows[0][1]}"):
        digest = hashlib.sha256(str(known).encode()).digest()
        assert said["code"] not in {known, digest.hex()}


async def test_looking_at_the_headers_of_an_interaction_does_not_end_it(flow):
    browser = await flow.person()
    await flow.grant(browser)
    start = await browser.get("/authorize", params=flow.request())
    target = start.headers["location"]
    looked = await browser.http.head(browser.url(target))
    assert looked.status_code == 405
    assert "code" in told(await browser.get(target))


@requirement("mandate:input:no-500")
@pytest.mark.parametrize(
    "query",
    [
        "client_id=%ff", "client_id=%00", "a" * 40_000, "=x", "client_id=%zz", "scope=%0d%0aX:y",
        "&".join(f"p{n}=1" for n in range(200)), "client_id=a&client_id=b", "client_id[]=a",
        "resource=%f0%28%8c%28", "", "?????", "request_uri=urn:ietf:params:oauth:request_uri:",
        "client_id=x&request_uri=urn:ietf:params:oauth:request_uri:%F0%9F%92%A3",
    ],
)  # fmt: skip
async def test_hostile_queries_get_a_page_and_nothing_else(flow, query):
    browser = flow.site.browser()
    answer = await browser.http.get(f"{flow.issuer}/authorize?{query}")
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "Traceback" not in answer.text
    assert await flow.site.rows("SELECT id FROM interaction") == []


@requirement("mandate:input:no-500")
@pytest.mark.parametrize(
    "changes",
    [
        {"interaction": ""}, {"interaction": "int_x"}, {"interaction": "x" * 4000},
        {"decision": ""}, {"decision": "explode"}, {"object": ["user:*", "#", ":", "folder:"]},
        {"object": ["folder:\U0001f600", "folder:a b", "folder:*"]}, {"scope": ["\u202e"]},
        {"hand_over": [""]}, {"duration": "\u0663"},
    ],
)  # fmt: skip
async def test_hostile_answers_get_an_error_and_grant_nothing(flow, changes):
    browser = await flow.person()
    page = await flow.authorize(browser)
    form = {**allow(page.text), **changes}
    answer = await browser.post("/consent", form)
    assert 400 <= answer.status_code < 500
    assert await nothing_was_granted(flow)
    assert CALLBACK not in answer.headers.get("location", "")


async def test_a_name_that_lies_is_made_visible(flow):
    core = flow.site.core
    liar = replace(flow.client, name="Bank\u202eknaB <b>x</b>")
    await core.store.write(lambda tx: core.rows.clients.update(tx, liar))
    page = await flow.authorize(await flow.person())
    assert "⟨U+202E⟩" in page.text
    assert "<b>x</b>" not in page.text
