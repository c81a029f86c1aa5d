"""Removing an application twice, late, from elsewhere, and by somebody else."""

import asyncio

import pytest

from tests.support.applications import (
    PAGE,
    REMOVE,
    application,
    ask,
    asked_again,
    remove,
    sign_in,
    trail,
    works,
)
from tests.support.flow_site import Flow
from tests.support.people_site import Browser, hidden, words


async def test_a_second_click_is_no_error_and_does_nothing(flow_anywhere: Flow):
    flow = flow_anywhere
    browser, app = await flow.person(), await application(flow)
    await sign_in(flow, browser, app)
    form = hidden((await browser.get(PAGE)).text)
    answers = await asyncio.gather(
        *(remove(browser, app.client.id, form["csrf"]) for _ in range(3))
    )
    assert sorted(answer.headers["location"] for answer in answers) == [
        f"{PAGE}?done=removed", f"{PAGE}?done=removed_before", f"{PAGE}?done=removed_before",
    ]  # fmt: skip
    assert "It was removed before." in await listed_with(browser, "removed_before")
    assert len(await trail(flow)) == 1
    # A form that was opened before is out of date for an hour or a night, and says so as well.
    flow.site.clock.advance(hours=11)
    late = await remove(browser, app.client.id, form["csrf"])
    assert late.headers["location"] == f"{PAGE}?done=removed_before"


async def listed_with(browser: Browser, done: str) -> str:
    return words((await browser.get(f"{PAGE}?done={done}")).text)


async def test_a_client_of_others_is_exactly_as_an_unknown_one(flow_anywhere: Flow):
    flow = flow_anywhere
    ana, bob = await flow.person(), await flow.person("bob@example.org")
    app = await application(flow)
    tokens = await sign_in(flow, ana, app)
    csrf = await bob.csrf("/sign-out")
    foreign = await remove(bob, app.client.id, csrf)
    unknown = await remove(bob, "cli_nothing", csrf)
    nothing = await bob.post(REMOVE, {"csrf": csrf})
    assert foreign.status_code == unknown.status_code == nothing.status_code == 404
    assert foreign.content == unknown.content == nothing.content
    assert foreign.headers == unknown.headers
    assert await works(flow, app, tokens)
    assert await trail(flow) == []
    # Nor does it become known to Bob when Ana removes it.
    await remove(ana, app.client.id)
    assert (await remove(bob, app.client.id, csrf)).content == unknown.content
    # Having removed one says nothing about another that Ana never used.
    other = await application(flow, "Calendar")
    page = await ask(flow, ana, other)
    await flow.decide(ana, page, decision="deny")
    assert len(await flow.audit("consent:denied")) == 1
    assert (await remove(ana, other.client.id)).content == unknown.content


@pytest.mark.parametrize(
    ("token", "headers"),
    [
        (None, {}), ("wrong", {}), ("bobs", {}), ("own", {"origin": "https://evil.example"}),
        ("own", {"sec-fetch-site": "same-site"}),
    ],
)  # fmt: skip
async def test_removing_needs_the_form_of_this_session(
    flow: Flow, token: str | None, headers: dict[str, str]
):
    browser, app = await flow.person(), await application(flow)
    tokens = await sign_in(flow, browser, app)
    bob = await flow.person("bob@example.org")
    known = {"bobs": await bob.csrf("/sign-out"), "own": await browser.csrf("/sign-out")}
    form = {} if token is None else {"csrf": known.get(token, token)}
    answer = await browser.post(REMOVE, {**form, "client_id": app.client.id}, headers=headers)
    assert answer.status_code == 403
    assert await works(flow, app, tokens)
    assert not await asked_again(flow, browser, app)


async def test_a_link_removes_nothing(flow: Flow):
    browser, app = await flow.person(), await application(flow)
    tokens = await sign_in(flow, browser, app)
    csrf = await browser.csrf("/sign-out")
    for path in (REMOVE, PAGE):
        answer = await browser.get(path, params={"csrf": csrf, "client_id": app.client.id})
        assert answer.status_code == (405 if path == REMOVE else 200)
    assert (await browser.http.head(browser.url(REMOVE))).status_code == 405
    sent = await browser.post(f"{REMOVE}?csrf={csrf}&client_id={app.client.id}", {})
    assert sent.status_code in {403, 415}
    assert await works(flow, app, tokens)


async def test_a_form_that_is_sent_again_after_sign_out_does_nothing(flow: Flow):
    browser, app = await flow.person(), await application(flow)
    tokens = await sign_in(flow, browser, app)
    cookie = browser.cookie("session")
    assert cookie is not None
    form = {"csrf": hidden((await browser.get(PAGE)).text)["csrf"], "client_id": app.client.id}
    sign_out = await browser.csrf("/sign-out")
    await browser.post("/sign-out", {"csrf": sign_out, "decision": "sign_out"})
    thief = flow.site.browser()
    thief.http.cookies.set(flow.site.front.cookies.name("session"), cookie)
    for who in (browser, thief):
        answer = await who.post(REMOVE, form)
        assert answer.headers["location"] == "/sign-in?next=%2Fapplications"
        assert (await who.get(PAGE)).headers["location"] == "/sign-in?next=%2Fapplications"
    again = await browser.signed_in("ana@example.org")
    assert (await again.post(REMOVE, form)).status_code == 403
    assert await works(flow, app, tokens)
    assert await trail(flow) == []


async def test_the_form_of_a_session_before_this_one_was_removed_is_unknown(flow: Flow):
    """What was removed in an earlier session is not told apart from what never was."""
    browser, app = await flow.person(), await application(flow)
    await sign_in(flow, browser, app)
    await remove(browser, app.client.id)
    flow.site.clock.advance(hours=1)
    later = await flow.person()
    assert (await remove(later, app.client.id)).status_code == 404


async def test_an_application_cannot_name_itself_into_the_page(flow: Flow):
    browser = await flow.person()
    app = await application(flow, '"><script>alert(1)</script>', id='a/b?"c')
    await sign_in(flow, browser, app)
    page = (await browser.get(PAGE)).text
    assert "<script" not in page
    assert 'name="client_id" value="a/b?&#34;c"' in page
    answer = await remove(browser, 'a/b?"c')
    assert answer.headers["location"] == f"{PAGE}?done=removed"
