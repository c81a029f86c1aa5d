"""Answers to the consent page that come twice, late, from another tab, or say no."""

import asyncio
import json

from tests.requirements import requirement
from tests.support.flow_site import CALLBACK, offered, told
from tests.support.people_site import hidden, words

# -- no, twice, back, late


async def test_no_is_told_to_the_client_and_audited(flow_anywhere):
    flow = flow_anywhere
    browser = await flow.person()
    page = await flow.authorize(browser)
    said = told(await flow.decide(browser, page, decision="deny", scope=["docs:read"]))
    assert (said["error"], said["iss"], said["state"]) == ("access_denied", flow.issuer, "st4te")
    assert await flow.delegations() == []
    denied = await flow.audit("consent:denied")
    assert denied == [
        ("refused", "denied", flow.ana.id, f'["{flow.agent.id}"]', flow.client.id, None)
    ]
    again = await browser.get(page.url.path)
    assert again.status_code == 409


@requirement("rfc9700:4.12:redirect-303")
async def test_a_posted_form_is_answered_with_303(flow):
    browser = await flow.person()
    page = await flow.authorize(browser)
    fields = {**hidden(page.text), "decision": "allow", "duration": "session", "scope": "docs:read"}
    answer = await browser.post("/consent", fields)
    assert answer.status_code == 303
    assert answer.headers["location"] == page.url.path
    assert (await browser.get(page.url.path)).status_code == 303


async def test_a_double_click_consents_once_and_gives_one_code(flow_anywhere):
    flow = flow_anywhere
    browser = await flow.person()
    page = await flow.authorize(browser)
    answers = await asyncio.gather(
        *(
            flow.decide(browser, page, scope=["docs:read"], object=["folder:plans"])
            for _ in range(4)
        )
    )
    assert len({told(answer)["code"] for answer in answers}) == 1
    assert len(await flow.delegations()) == 1
    assert len(await flow.site.rows("SELECT hash FROM authorization_code")) == 1
    assert len(await flow.audit("code:issued")) == 1


async def test_of_consents_given_at_once_in_several_windows_one_stays_alive(flow_anywhere):
    flow = flow_anywhere
    browser = await flow.person()
    pages = [await flow.authorize(browser) for _ in range(6)]
    await asyncio.gather(
        *(
            flow.decide(browser, page, scope=["docs:read"], object=["folder:plans"])
            for page in pages
        )
    )
    rows = await flow.delegations()
    assert len(rows) == 6
    assert len([row for row in rows if row[6] is None]) == 1


async def test_a_narrower_yes_replaces_the_wider_one_of_another_window(flow_anywhere):
    flow = flow_anywhere
    browser = await flow.person()
    one, two = await flow.authorize(browser), await flow.authorize(browser)
    every = offered(one.text, "scope")
    await flow.decide(browser, one, scope=every, object=["folder:plans"])
    told(await flow.decide(browser, two, scope=["docs:read"], object=["folder:plans"]))
    rows = await flow.delegations()
    (alive,) = [row for row in rows if row[6] is None]
    assert len(rows) == 2
    assert json.loads(str(alive[-1]))["details"][0]["scopes"] == ["docs:read"]


async def test_a_double_no_is_one_no(flow):
    browser = await flow.person()
    page = await flow.authorize(browser)
    fields = {**hidden(page.text), "decision": "deny"}
    first, second = await browser.post("/consent", fields), await browser.post("/consent", fields)
    assert told(first)["error"] == "access_denied"
    assert second.status_code in {303, 409}
    assert len(await flow.audit("consent:denied")) == 1


async def test_the_back_button_never_sends_a_used_code_again(flow):
    browser = await flow.person()
    page = await flow.authorize(browser)
    answer = told(await flow.decide(browser, page, scope=["docs:read"]))
    assert (await flow.redeem(answer["code"])).status_code == 200
    back = await browser.get(page.url.path)
    assert back.status_code == 409
    assert "already done" in words(back.text)
    posted = await flow.decide(browser, page, scope=["docs:read"])
    assert posted.status_code == 409
    assert len(await flow.delegations()) == 1


async def test_the_same_code_is_given_again_for_a_moment_only(flow):
    browser = await flow.person()
    page = await flow.authorize(browser)
    answer = told(await flow.decide(browser, page, scope=["docs:read"]))
    assert told(await browser.get(page.url.path)) == answer
    flow.site.clock.advance(seconds=10)
    assert (await browser.get(page.url.path)).status_code == 409


async def test_an_interaction_that_took_too_long_is_gone(flow):
    browser = await flow.person()
    page = await flow.authorize(browser)
    flow.site.clock.advance(seconds=900)
    assert (await browser.get(page.url.path)).status_code == 404
    late = await flow.decide(browser, page, scope=["docs:read"])
    assert late.status_code == 404
    assert await flow.delegations() == []


async def test_two_tabs_go_their_own_ways(flow):
    browser = await flow.person()
    one = await flow.authorize(browser, state="one")
    two = await flow.authorize(browser, state="two", scope="openid docs:write")
    first = told(await flow.decide(browser, one, scope=["docs:read"]))
    second = told(await flow.decide(browser, two, scope=["docs:write"], keep_earlier="yes"))
    assert (first["state"], second["state"]) == ("one", "two")
    assert len(await flow.delegations()) == 2


@requirement("oidc:form-post:autoescaped")
async def test_form_post_posts_the_answer_escaped(flow):
    browser = await flow.person()
    state = '"><script>alert(1)</script>'
    page = await flow.authorize(browser, response_mode="form_post", state=state)
    answer = await flow.decide(browser, page, scope=["docs:read"])
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "<script>alert" not in answer.text
    fields = hidden(answer.text)
    assert fields.keys() == {"code", "state", "iss"}
    assert fields["state"] == state
    assert f'action="{CALLBACK}"' in answer.text


async def test_signing_out_in_another_tab_leads_back_through_sign_in(flow):
    browser = await flow.person()
    page = await flow.authorize(browser)
    token = await browser.csrf("/sign-out")
    await browser.post("/sign-out", {"csrf": token, "decision": "sign_out"})
    refused = await flow.decide(browser, page, scope=["docs:read"])
    assert refused.status_code == 403
    assert await flow.delegations() == []
    shown = await flow.follow(browser, await browser.get(page.url.path))
    assert shown.url.path == "/sign-in"


async def test_another_person_may_take_over_before_the_answer(flow):
    browser = await flow.person()
    page = await flow.authorize(browser)
    switch = f"/sign-in?interaction={hidden(page.text)['interaction']}"
    answer = await browser.sign_in("bob@example.org", page=switch)
    shown = await flow.follow(browser, answer)
    assert "bob@example.org" in words(shown.text)
    assert offered(shown.text, "object") == ["folder:bobs"]
