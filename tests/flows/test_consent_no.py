"""A no counts: beside a yes of another window, after a yes of this one, and at the same moment."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.flow_site import Flow, offered, open_flow, told
from tests.support.people_site import hidden

PICKED = {"scope": ["docs:read"], "object": ["folder:plans"]}


@pytest.fixture
async def flow(tables_url: str) -> AsyncIterator[Flow]:
    opened = await open_flow(tables_url)
    yield opened
    await opened.close()


async def alive(flow: Flow) -> int:
    return len([row for row in await flow.delegations() if row[6] is None])


async def test_a_no_counts_although_another_window_said_yes_meanwhile(flow: Flow):
    browser = await flow.person()
    one, two = await flow.authorize(browser), await flow.authorize(browser)
    every = {**PICKED, "scope": offered(one.text, "scope")}
    assert "code" in told(await flow.decide(browser, one, **every))
    said = told(await flow.decide(browser, two, decision="deny"))
    assert said["error"] == "access_denied"
    assert len(await flow.audit("consent:denied")) == 1
    # What was allowed in the other window was another answer, to another request.
    assert await alive(flow) == 1


async def test_a_no_is_never_told_where_a_code_went_out(flow: Flow):
    browser = await flow.person()
    one, two = await flow.authorize(browser), await flow.authorize(browser)
    every = {**PICKED, "scope": offered(one.text, "scope")}
    told(await flow.decide(browser, one, **every))
    # The other window is reloaded: what is allowed by now covers its request.
    assert "code" in told(await flow.follow(browser, await browser.get(two.url.path)))
    late = await flow.decide(browser, two, decision="deny")
    assert late.status_code == 409
    assert await flow.audit("consent:denied") == []


async def test_a_no_takes_back_a_yes_whose_answer_never_left(flow: Flow):
    browser = await flow.person()
    page = await flow.authorize(browser)
    fields = {**hidden(page.text), "decision": "allow", "duration": "session", **PICKED}
    assert (await browser.post("/consent", fields)).status_code == 303
    assert await alive(flow) == 1
    said = told(await flow.decide(browser, page, decision="deny"))
    assert said["error"] == "access_denied"
    assert await alive(flow) == 0
    assert await flow.tuples() == []
    assert [row[1] for row in await flow.audit("delegation:revoked")] == ["denied"]
    # And it is final: no code for this request, and the next one is asked about again.
    assert (await browser.get(page.url.path)).status_code == 409
    again = await flow.authorize(browser)
    assert again.status_code == 200
    assert offered(again.text, "scope")


async def test_a_no_does_not_take_back_the_yes_of_another_person(flow: Flow):
    browser = await flow.person()
    page = await flow.authorize(browser, scope="openid docs:read offline_access")
    fields = {**hidden(page.text), "decision": "allow", "duration": "86400", **PICKED}
    assert (await browser.post("/consent", fields)).status_code == 303
    switch = f"/sign-in?interaction={hidden(page.text)['interaction']}"
    await browser.sign_in("bob@example.org", page=switch)
    csrf = await browser.csrf("/sign-out")
    denied = {**hidden(page.text), "csrf": csrf, "decision": "deny"}
    assert told(await browser.post("/consent", denied))["error"] == "access_denied"
    assert await alive(flow) == 1


async def test_yes_and_no_at_once_end_in_one_of_the_two(flow: Flow):
    for _ in range(4):
        browser = await flow.person()
        page = await flow.authorize(browser)
        before = await alive(flow)
        yes, no = await asyncio.gather(
            flow.decide(browser, page, **PICKED), flow.decide(browser, page, decision="deny")
        )
        ends = {
            name
            for answer in (yes, no)
            if answer.status_code == 303
            for name in ("code", "error")
            if name in told(answer)
        }
        assert len(ends) == 1, ends
        if ends == {"error"}:
            assert await alive(flow) <= before


@pytest.mark.parametrize("decision", ["deny", "allow", "find"])
async def test_who_asked_for_no_page_gets_none(flow: Flow, decision: str):
    browser = await flow.person()
    every = {**PICKED, "scope": offered((page := await flow.authorize(browser)).text, "scope")}
    told(await flow.decide(browser, page, **every))
    # A request that would be answered silently, taken up before it is.
    begun = await browser.get("/authorize", params=flow.request(prompt="none"))
    csrf = await browser.csrf("/sign-out")
    name = begun.headers["location"].rpartition("/")[2]
    posted = {"interaction": name, "csrf": csrf, "decision": decision, "duration": "session"}
    answer = await browser.post("/consent", {**posted, **PICKED})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/interaction/{name}")
    assert await flow.audit("consent:denied") == []
    assert len(await flow.delegations()) == 1
