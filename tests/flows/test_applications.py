""" "Applications": seeing what a plain application may know, and taking it back."""

from server.storage.maintenance import purge
from tests.support.applications import (
    KEPT,
    PAGE,
    active,
    application,
    ask,
    asked_again,
    listed,
    redeem,
    refresh,
    remove,
    sign_in,
    trail,
    works,
)
from tests.support.flow_site import CALLBACK, CODE_AND_REFRESH, Flow, told
from tests.support.people_site import hidden, words

# -- what is shown


async def test_an_application_is_listed_with_its_address_and_what_it_may_know(flow_anywhere: Flow):
    flow = flow_anywhere
    browser, app = await flow.person(), await application(flow)
    assert "No application knows you" in await listed(browser)
    await sign_in(flow, browser, app)
    flow.site.clock.advance(hours=3)
    said = await listed(browser)
    for text in (
        "Notes", "agent.example", "Know that it is you", "See your name",
        "See your e-mail address", "Until you take it back, also while you are not here",
        "3 hours ago",
    ):  # fmt: skip
        assert text in said
    assert 'href="/applications"' in (await browser.get("/agents")).text


async def test_a_program_on_ones_own_computer_is_said_to_be_one(flow: Flow):
    browser = await flow.person()
    local = ("http://127.0.0.1/callback", "com.example.notes:/back")
    app = await application(flow, redirect_uris=(CALLBACK, *local))
    await sign_in(flow, browser, app)
    said = await listed(browser)
    assert "127.0.0.1 a program on your computer" in said
    assert "com.example.notes: a program on your computer" in said
    assert "agent.example a program" not in said


async def test_agents_and_our_own_are_not_listed_and_cannot_be_removed_here(flow: Flow):
    browser = await flow.person()
    own = await application(flow, "Console of ours", first_party=True)
    await sign_in(flow, browser, own)
    await flow.grant(browser)
    assert await flow.delegations()
    assert "No application knows you" in await listed(browser)
    for client_id in (own.client.id, flow.client.id):
        assert (await remove(browser, client_id)).status_code == 404
    assert not await asked_again(flow, browser, own)
    assert (await flow.only_delegation())["revoked_at"] is None
    assert await trail(flow) == []


async def test_what_others_let_know_is_not_listed(flow: Flow):
    bob, app = await flow.person("bob@example.org"), await application(flow)
    await sign_in(flow, bob, app)
    assert "No application knows you" in await listed(await flow.person())


# -- what is asked anew counts


async def test_what_is_unticked_later_is_remembered_no_more(flow_anywhere: Flow):
    flow = flow_anywhere
    browser, app = await flow.person(), await application(flow)
    bob, other = await flow.person("bob@example.org"), await application(flow, "Calendar")
    untouched = [(bob, app), (browser, other)]
    for who, which in [(browser, app), *untouched]:
        page = await ask(flow, who, which)
        await flow.decide(who, page, **KEPT)
    assert not await asked_again(flow, browser, app, scope="openid email")
    flow.site.clock.advance(hours=1)

    page = await ask(flow, browser, app, scope="openid email", prompt="consent")
    answer = told(await flow.decide(browser, page, scope=["openid"]))
    code = await flow.code(answer["code"])
    assert code.granted.scope == "openid"
    assert await asked_again(flow, browser, app, scope="openid email")
    for who, which in untouched:
        assert not await asked_again(flow, who, which)
    await remove(browser, other.client.id)
    # What was not on the page keeps its answer, and its time.
    assert not await asked_again(flow, browser, app, scope="openid profile offline_access")
    said = await listed(browser)
    assert "See your name" in said
    assert "See your e-mail address" not in said
    assert "Until you take it back" in said
    assert "1 hour ago" in said


async def test_signing_in_until_sign_out_takes_the_longer_time_back(flow: Flow):
    browser, app = await flow.person(), await application(flow)
    page = await ask(flow, browser, app)
    await flow.decide(browser, page, **KEPT)
    page = await ask(flow, browser, app, prompt="consent")
    await flow.decide(browser, page, **{**KEPT, "duration": "session"})
    assert await asked_again(flow, browser, app)
    assert "Until you take it back" not in await listed(browser)


async def test_a_sign_in_that_still_knows_more_is_shown_and_ends(flow: Flow):
    """What an earlier token may see is on the page, though less is remembered by now."""
    browser, app = await flow.person(), await application(flow)
    tokens = await sign_in(flow, browser, app)
    page = await ask(flow, browser, app, prompt="consent")
    await flow.decide(browser, page, scope=[], duration="session")
    assert await flow.site.rows("SELECT scope FROM user_consent") == [("openid",)]
    assert "See your e-mail address" in await listed(browser)
    await remove(browser, app.client.id)
    assert not await works(flow, app, tokens)
    assert "No application knows you" in await listed(browser)


async def test_a_sign_in_that_ended_with_its_session_is_not_shown(flow: Flow):
    browser, app = await flow.person(), await application(flow)
    page = await ask(flow, browser, app, scope="openid email")
    answer = told(await flow.decide(browser, page, scope=["email"]))
    await redeem(flow, app, answer["code"])
    page = await ask(flow, browser, app, scope="openid email", prompt="consent")
    await flow.decide(browser, page, scope=[])
    assert "See your e-mail address" in await listed(browser)
    token = await browser.csrf("/sign-out")
    await browser.post("/sign-out", {"csrf": token, "decision": "sign_out"})
    assert "See your e-mail address" not in await listed(await flow.person())


# -- what removing does


async def test_a_removed_application_holds_nothing_and_asks_again(flow_anywhere: Flow):
    flow = flow_anywhere
    browser, app = await flow.person(), await application(flow)
    first = await sign_in(flow, browser, app)
    second = await sign_in(flow, browser, app)
    renewed = (await refresh(flow, app, second)).json()
    assert await works(flow, app, first)
    assert not await asked_again(flow, browser, app)

    page = (await browser.get(PAGE)).text
    assert f'name="client_id" value="{app.client.id}"' in page
    answer = await remove(browser, app.client.id, hidden(page)["csrf"])
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?done=removed")
    said = words((await browser.get(answer.headers["location"])).text)
    assert "Removed." in said
    assert "No application knows you" in said

    assert not await works(flow, app, first)
    assert not await works(flow, app, second)
    assert not await active(flow, app, renewed["access_token"])
    refused = await refresh(flow, app, second)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    live = "SELECT kind FROM token WHERE client_id = :id AND revoked_at IS NULL"
    assert await flow.site.rows(live, id=app.client.id) == [], "ID tokens count as well"
    assert await asked_again(flow, browser, app)
    assert await trail(flow) == [("done", None, flow.ana.id, "[]", app.client.id, None)]


async def test_a_sign_in_without_a_refresh_token_ends_too(flow: Flow):
    browser = await flow.person()
    grants = frozenset(each for each in CODE_AND_REFRESH if each.value == "authorization_code")
    app = await application(flow, grant_types=grants)
    page = await ask(flow, browser, app, scope="openid email")
    answer = told(await flow.decide(browser, page, scope=["email"]))
    tokens = (await redeem(flow, app, answer["code"])).json()
    assert "refresh_token" not in tokens
    assert await active(flow, app, tokens["access_token"])
    await remove(browser, app.client.id)
    assert not await active(flow, app, tokens["access_token"])


async def test_a_sign_in_ends_though_its_code_is_forgotten_by_now(flow: Flow):
    browser, app = await flow.person(), await application(flow)
    first = await sign_in(flow, browser, app)
    flow.site.clock.advance(days=3)
    assert (await purge(flow.site.store, flow.site.clock.now()))["codes"] == 1
    renewed = (await refresh(flow, app, first)).json()
    assert await active(flow, app, renewed["access_token"])
    await remove(await flow.person(), app.client.id)
    assert not await active(flow, app, renewed["access_token"])


async def test_a_code_that_waits_is_worth_nothing_any_more(flow_anywhere: Flow):
    flow = flow_anywhere
    browser, app = await flow.person(), await application(flow)
    page = await ask(flow, browser, app)
    answer = told(await flow.decide(browser, page, **KEPT))
    await remove(browser, app.client.id)
    refused = await redeem(flow, app, answer["code"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert await flow.audit("code:replayed") == [], "nobody stole anything"
    # The page that was allowed gives no second code, though a double click would.
    again = await browser.post("/consent", {**hidden(page.text), "decision": "allow", **KEPT})
    assert "code=" not in (await flow.follow(browser, again)).headers.get("location", "")


async def test_only_this_application_and_this_person_are_touched(flow_anywhere: Flow):
    flow = flow_anywhere
    ana, bob = await flow.person(), await flow.person("bob@example.org")
    app, other = await application(flow), await application(flow, "Calendar")
    await sign_in(flow, ana, app)
    kept = [
        (other, await sign_in(flow, ana, other)),
        (app, await sign_in(flow, bob, app)),
    ]
    page = await ask(flow, bob, app, prompt="consent")
    waiting = told(await flow.decide(bob, page, **KEPT))["code"]
    await remove(ana, app.client.id)
    for client, tokens in kept:
        assert await works(flow, client, tokens)
    assert (await redeem(flow, app, waiting)).status_code == 200
    assert not await asked_again(flow, ana, other)
    assert not await asked_again(flow, bob, app)
    assert "Calendar" in await listed(ana)
    assert "Notes" in await listed(bob)


async def test_an_agent_that_was_called_in_stays_until_it_is_revoked_itself(flow: Flow):
    browser, app = await flow.person(), await application(flow)
    agent = {"resource": flow.agent_uri(), "scope": "openid docs:read"}
    page = await ask(flow, browser, app, **agent)
    assert "Planner wants to act for you" in words(page.text)
    picks = {"scope": ["docs:read"], "object": ["folder:plans"]}
    answer = told(await flow.decide(browser, page, **picks))
    assert (await redeem(flow, app, answer["code"])).status_code == 200
    assert "Notes" in await listed(browser)
    await remove(browser, app.client.id)
    assert (await flow.only_delegation())["revoked_at"] is None
    live = "SELECT id FROM refresh_family WHERE revoked_at IS NULL"
    assert await flow.site.rows(live) == [], "but the application holds nothing for it"
