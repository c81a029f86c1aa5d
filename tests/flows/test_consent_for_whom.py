"""For whom a consent is (an agent, a plain client, the person), and when no page is shown."""

import asyncio
from dataclasses import replace

from tests.requirements import requirement
from tests.support.flow_site import DOCS, details, told
from tests.support.people_site import words

# -- for whom


async def test_a_plain_client_gets_a_provisional_agent_once_and_for_ever(flow_anywhere):
    flow = flow_anywhere
    browser = await flow.person()
    page = await flow.authorize(browser, flow.plain)
    answer = told(await flow.decide(browser, page, scope=["docs:read"], object=["folder:plans"]))
    agents = await flow.site.rows("SELECT id, name, owner_id FROM agent WHERE provisional = 1")
    assert [row[1:] for row in agents] == [("Some tool", None)]
    token = (await flow.redeem(answer["code"], flow.plain)).json()
    assert token["grant_id"] == (await flow.only_delegation())["id"]
    page = await flow.authorize(browser, flow.plain, scope="openid docs:write")
    assert "Some tool wants to act for you" in words(page.text)
    await flow.decide(browser, page, scope=["docs:write"])
    assert (
        await flow.site.rows("SELECT id, name, owner_id FROM agent WHERE provisional = 1") == agents
    )
    assert {row[2] for row in await flow.delegations()} == {agents[0][0]}


async def test_two_first_consents_at_once_make_one_agent(flow_anywhere):
    flow = flow_anywhere
    ana, bob = await flow.person(), await flow.person("bob@example.org")
    pages = [await flow.authorize(browser, flow.plain) for browser in (ana, bob)]
    await asyncio.gather(
        *(
            flow.decide(browser, page, scope=["docs:read"])
            for browser, page in zip((ana, bob), pages, strict=True)
        )
    )
    agents = await flow.site.rows("SELECT id FROM agent WHERE provisional = 1")
    assert len(agents) == 1
    assert {row[2] for row in await flow.delegations()} == {agents[0][0]}


async def test_a_chat_application_obtains_consent_for_an_agent(flow):
    browser = await flow.person()
    page = await flow.authorize(
        browser, flow.chat, resource=flow.agent_uri(), scope="openid docs:read docs:write"
    )
    assert "Planner wants to act for you" in words(page.text)
    assert "through the application Chat" in words(page.text)
    answer = told(await flow.decide(browser, page, scope=["docs:read"], object=["folder:plans"]))
    row = await flow.only_delegation()
    assert (row["agent_id"], row["client_id"]) == (flow.agent.id, flow.chat.id)
    granted = (await flow.code(answer["code"])).granted
    assert granted.resources == (flow.agent_uri(),)
    assert granted.scope == "docs:read openid"
    clients = await flow.site.rows("SELECT agent_id FROM client WHERE id = :id", id=flow.chat.id)
    assert clients == [(None,)]


@requirement("x6:own-uri-audience")
async def test_an_agents_client_without_resource_asks_for_itself(flow):
    browser = await flow.person()
    page = await flow.authorize(browser, resource=None)
    answer = told(await flow.decide(browser, page, scope=["docs:read"]))
    assert (await flow.code(answer["code"])).granted.resources == ()


async def test_signing_in_at_a_plain_client_makes_no_delegation_and_is_asked_once(flow_anywhere):
    flow = flow_anywhere
    browser = await flow.person()
    page = await flow.authorize(browser, flow.chat, resource=None, scope="openid email profile")
    said = words(page.text)
    assert "Chat wants to use your account" in said
    answer = told(await flow.decide(browser, page, scope=["profile"]))
    granted = (await flow.code(answer["code"])).granted
    assert (granted.scope, granted.grant_id) == ("openid profile", None)
    assert await flow.delegations() == []
    assert await flow.site.rows("SELECT id FROM agent WHERE provisional = 1") == []
    silent = await flow.authorize(
        browser, flow.chat, resource=None, scope="openid profile", prompt="none"
    )
    assert "code" in told(silent)
    wider = await flow.authorize(
        browser, flow.chat, resource=None, scope="openid email", prompt="none"
    )
    assert told(wider)["error"] == "consent_required"


async def test_the_newest_answer_counts_for_what_a_client_may_know(flow):
    browser = await flow.person()
    asking = {"resource": None, "scope": "openid email", "prompt": "consent"}
    page = await flow.authorize(browser, flow.chat, **asking)
    first = told(await flow.decide(browser, page, scope=["email"]))
    page = await flow.authorize(browser, flow.chat, **asking)
    second = told(await flow.decide(browser, page))
    assert (await flow.code(first["code"])).granted.scope == "email openid"
    assert (await flow.code(second["code"])).granted.scope == "openid"


async def test_a_first_party_tool_uses_a_resource_without_an_agent(flow):
    core = flow.site.core
    ours = replace(flow.chat, first_party=True, scopes=frozenset({"docs:read"}))
    await core.store.write(lambda tx: core.rows.clients.update(tx, ours))
    browser = await flow.person()
    page = await flow.authorize(browser, ours)
    answer = told(await flow.decide(browser, page, scope=["docs:read"]))
    granted = (await flow.code(answer["code"])).granted
    assert (granted.scope, granted.grant_id) == ("docs:read openid", None)
    assert await flow.delegations() == []


@requirement("x1:code-to-agent-is-delegated")
async def test_signing_in_at_an_agents_client_is_a_delegation_of_nothing(flow):
    browser = await flow.person()
    page = await flow.authorize(browser, resource=None, scope="openid email")
    answer = told(await flow.decide(browser, page, scope=["email"]))
    assert (await flow.only_delegation())["details"] == []
    token = (await flow.redeem(answer["code"])).json()
    assert "id_token" in token
    assert "grant_id" in token


# -- without a page


@requirement("x9:prompt-none-one-row")
async def test_prompt_none_succeeds_only_under_one_delegation_that_covers_all(flow_anywhere):
    flow = flow_anywhere
    browser = await flow.person()
    assert told(await flow.authorize(browser, prompt="none"))["error"] == "consent_required"
    await flow.grant(browser)
    ((grant_id, *_),) = await flow.delegations()
    again = told(await flow.authorize(browser, prompt="none"))
    assert (await flow.code(again["code"])).granted.grant_id == grant_id
    for wider in (
        {"scope": "openid docs:read docs:write"},
        {"scope": "openid docs:read email"},
        {"scope": "openid docs:read offline_access"},
        {"scope": "openid", "authorization_details": details(
            {"resource": DOCS, "scopes": ["docs:read"], "objects": ["folder:diary"]})},
        {"scope": "openid", "authorization_details": details(
            {"resource": DOCS, "scopes": ["docs:read"], "agents": [flow.helper.id]})},
    ):  # fmt: skip
        said = told(await flow.authorize(browser, prompt="none", **wider))
        assert said["error"] == "consent_required", wider
    narrower = details({"resource": DOCS, "scopes": ["docs:read"], "objects": ["folder:plans"]})
    said = told(
        await flow.authorize(browser, prompt="none", scope="openid", authorization_details=narrower)
    )
    assert "code" in said


async def test_two_delegations_never_cover_a_request_together(flow):
    browser = await flow.person()
    await flow.grant(browser)
    page = await flow.authorize(browser, scope="openid docs:write")
    await flow.decide(browser, page, scope=["docs:write"], keep_earlier="yes")
    said = told(await flow.authorize(browser, scope="openid docs:read docs:write", prompt="none"))
    assert said["error"] == "consent_required"


async def test_prompt_none_shows_no_page_to_a_stranger(flow):
    said = told(await flow.authorize(flow.site.browser(), prompt="none"))
    assert (said["error"], said["iss"], said["state"]) == ("login_required", flow.issuer, "st4te")


async def test_prompt_login_signs_in_again_and_then_goes_on(flow):
    browser = await flow.person()
    await flow.grant(browser)
    page = await flow.authorize(browser, prompt="login")
    assert page.url.path == "/sign-in"
    answer = await browser.sign_in("ana@example.org", page=str(page.url))
    done = told(await flow.follow(browser, answer))
    assert "code" in done


async def test_max_age_signs_in_again_when_it_is_passed(flow):
    browser = await flow.person()
    await flow.grant(browser)
    flow.site.clock.advance(seconds=61)
    assert (await flow.authorize(browser, max_age="60")).url.path == "/sign-in"
    assert "code" in told(await flow.authorize(browser, max_age="61"))
