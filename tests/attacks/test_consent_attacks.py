"""Attacks on consent: more than was asked, is held, or may be; or what has changed meanwhile."""

from dataclasses import replace

import pytest

from server.domain.people import UserStatus
from server.domain.registry import Ceiling, Status
from server.services.registration import set_ceiling
from tests.requirements import requirement
from tests.support.flow_site import DOCS, Flow, details, told
from tests.support.people_site import hidden, words


async def nothing_was_granted(flow: Flow) -> bool:
    codes = await flow.site.rows("SELECT hash FROM authorization_code")
    return not (await flow.delegations() or await flow.tuples() or codes)


def allow(page: str, **picks: object) -> dict[str, object]:
    return {**hidden(page), "decision": "allow", "duration": "session", **picks}


# -- more than was asked, than is held, than is allowed


@pytest.mark.parametrize(
    "picks",
    [
        {"scope": ["docs:read", "docs:delete"]},
        {"scope": ["docs:read", "search:query"]},
        {"scope": ["docs:read", "docs:read#0", "docs:write#7"]},
        {"scope": ["docs:read"], "hand_over": ["agt_stranger"]},
        {"scope": ["docs:read"], "downstream": [f"{DOCS} docs:delete https://x.example y"]},
    ],
)
async def test_ticks_that_were_never_offered_count_for_nothing(flow, picks):
    browser = await flow.person()
    page = await flow.authorize(browser)
    picks = {
        name: [flow.helper.id if value == "agt_stranger" else value for value in values]
        for name, values in picks.items()
    }
    answer = told(await flow.decide(browser, page, **picks))
    row = await flow.only_delegation()
    assert row["details"] == [{"resource": DOCS, "scopes": ["docs:read"], "objects": []}]
    assert (row["allow_agents"], row["allow_edges"], row["max_depth"]) == ([], [], 0)
    assert row["allow_sharing"] is False
    assert (await flow.code(answer["code"])).granted.scope == "docs:read openid"


@pytest.mark.parametrize("name", ["folder:bobs", "folder:nowhere", "document:bobs"])
async def test_what_the_person_does_not_hold_cannot_be_given(flow_anywhere, name):
    flow = flow_anywhere
    browser = await flow.person()
    page = await flow.authorize(browser)
    answer = await flow.decide(browser, page, scope=["docs:read"], object=["folder:plans", name])
    if name.startswith("folder:"):
        assert answer.status_code == 400
        assert await nothing_was_granted(flow)
    else:
        # A type that is not picked from is no choice of the page at all.
        assert (await flow.only_delegation())["details"][0]["objects"] == ["folder:plans"]


async def test_what_was_lost_between_page_and_answer_cannot_be_given(flow):
    browser = await flow.person()
    page = await flow.authorize(browser)
    core = flow.site.core
    await core.store.write(lambda tx: core.relations.delete_object(tx, "folder:plans"))
    answer = await flow.decide(browser, page, scope=["docs:read"], object=["folder:plans"])
    assert answer.status_code == 400
    assert "no longer yours" in words(answer.text)
    assert await nothing_was_granted(flow)


async def test_objects_beyond_those_that_the_client_named_cannot_be_given(flow):
    browser = await flow.person()
    asked = details({"resource": DOCS, "scopes": ["docs:read"], "objects": ["folder:plans"]})
    page = await flow.authorize(browser, scope="openid", authorization_details=asked)
    answer = await flow.decide(
        browser, page, scope=["docs:read"], object=["folder:plans", "folder:diary"]
    )
    assert answer.status_code == 400
    assert await nothing_was_granted(flow)


async def test_the_ceiling_holds_at_the_page_and_at_the_answer(flow_anywhere):
    flow = flow_anywhere
    browser = await flow.person()
    page = await flow.authorize(browser, scope="openid docs:read docs:write")
    low = Ceiling(
        scopes=frozenset({"docs:read"}), resources=frozenset({DOCS}),
        object_roots=("folder:plans",),
    )  # fmt: skip
    await set_ceiling(flow.site.core, flow.agent.id, low, by="test")
    outside = await flow.decide(
        browser, page, scope=["docs:read", "docs:write"], object=["folder:diary"]
    )
    assert outside.status_code == 400
    assert await nothing_was_granted(flow)
    again = await browser.get(page.url.path)
    assert "folder:diary" not in again.text
    assert "docs:write" not in again.text
    await flow.decide(browser, again, scope=["docs:read", "docs:write"], object=["folder:plans"])
    row = await flow.only_delegation()
    assert row["details"] == [
        {"resource": DOCS, "scopes": ["docs:read"], "objects": ["folder:plans"]}
    ]


@pytest.mark.parametrize("duration", ["", "0", "-1", "999999999", "forever", "2592000", "kept"])
async def test_a_duration_that_was_not_offered_is_refused(flow, duration):
    browser = await flow.person()
    page = await flow.authorize(browser)
    answer = await flow.decide(browser, page, scope=["docs:read"], duration=duration)
    assert answer.status_code == 400
    assert await nothing_was_granted(flow)


async def test_more_ticks_than_a_consent_takes_are_refused(flow):
    browser = await flow.person()
    page = await flow.authorize(browser)
    many = [f"folder:f{n}" for n in range(51)]
    answer = await flow.decide(browser, page, scope=["docs:read"], object=many)
    assert "at most 50" in words(answer.text)
    assert await nothing_was_granted(flow)


# -- the world changes while the page is open


@pytest.mark.parametrize("who", ["client", "agent", "user", "session"])
async def test_a_consent_for_what_was_stopped_meanwhile_gives_nothing(flow_anywhere, who):
    flow = flow_anywhere
    core = flow.site.core
    browser = await flow.person()
    page = await flow.authorize(browser)
    ((sid,),) = await flow.site.rows("SELECT id FROM session")

    def stop(tx):
        if who == "client":
            core.rows.clients.update(tx, replace(flow.client, status=Status.SUSPENDED))
        elif who == "agent":
            core.rows.agents.update(tx, replace(flow.agent, status=Status.SUSPENDED))
        elif who == "user":
            core.rows.users.update(tx, replace(flow.ana, status=UserStatus.DISABLED))
        else:
            core.rows.sessions.end(tx, sid, flow.site.clock.now())

    await core.store.write(stop)
    answer = await flow.decide(browser, page, scope=["docs:read"])
    assert await nothing_was_granted(flow)
    if who in {"client", "agent"}:
        assert told(answer)["error"] == "access_denied"
    else:
        assert answer.url.path == "/sign-in"


async def test_a_consent_that_is_taken_back_at_once_gives_no_code(flow):
    browser = await flow.person()
    page = await flow.authorize(browser)
    await browser.post("/consent", allow(page.text, scope="docs:read"))
    ((grant_id, *_),) = await flow.delegations()
    core = flow.site.core
    await core.store.write(
        lambda tx: core.rows.delegations.close(tx, grant_id, now=flow.site.clock.now(), reason="x")
    )
    assert told(await browser.get(page.url.path))["error"] == "access_denied"
    assert await flow.site.rows("SELECT hash FROM authorization_code") == []


async def test_a_client_that_got_its_own_agent_cannot_collect_for_another(flow):
    browser = await flow.person()
    page = await flow.authorize(
        browser, flow.chat, resource=flow.agent_uri(), scope="openid docs:read"
    )
    core = flow.site.core
    assert await core.store.write(
        lambda tx: core.rows.clients.link_agent(tx, flow.chat.id, flow.helper.id)
    )
    said = told(await flow.decide(browser, page, scope=["docs:read"]))
    assert said["error"] == "access_denied"
    assert await nothing_was_granted(flow)


async def test_nor_does_it_collect_silently_what_was_allowed_before(flow):
    browser = await flow.person()
    asking = flow.request(flow.chat, resource=flow.agent_uri(), scope="docs:read")
    page = await flow.follow(browser, await browser.get("/authorize", params=asking))
    assert "code" in told(await flow.decide(browser, page, scope=["docs:read"]))
    begun = await browser.get("/authorize", params=asking)
    core = flow.site.core
    await core.store.write(
        lambda tx: core.rows.clients.link_agent(tx, flow.chat.id, flow.helper.id)
    )
    assert told(await flow.follow(browser, begun))["error"] == "access_denied"


@requirement("x2:agent-link-fixed")
async def test_the_agent_of_a_client_is_never_exchanged_for_another(flow_anywhere):
    core = flow_anywhere.site.core
    client, other = flow_anywhere.client, flow_anywhere.helper
    linked = await core.store.write(
        lambda tx: core.rows.clients.link_agent(tx, client.id, other.id)
    )
    assert linked is False
    await core.store.write(
        lambda tx: core.rows.clients.update(tx, replace(client, agent_id=other.id))
    )
    found = await core.store.read(lambda tx: core.rows.clients.get(tx, client.id))
    assert found.agent_id == flow_anywhere.agent.id
