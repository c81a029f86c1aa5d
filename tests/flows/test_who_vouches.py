"""Who answers for an agent is said only of people whom the house knows, not of who says so."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from server.domain.people import Role, User
from server.domain.registry import Agent
from server.identity.sign_up import NewPerson, add_person
from tests.support.flow_site import DOCS, Flow, details, offered, open_flow, ticked
from tests.support.people_site import PASSWORD, words

NAME, EMAIL = "Mandate Security Team", "security@mandate.example"
SELF_MADE = "registered by a person who signed up on their own"


@pytest.fixture
async def flow(tables_url: str) -> AsyncIterator[Flow]:
    opened = await open_flow(tables_url, user_agents=True)
    yield opened
    await opened.close()


async def signed_up(flow: Flow) -> User:
    browser = flow.site.browser()
    form = {"name": NAME, "email": EMAIL, "password": PASSWORD}
    assert (await browser.submit("/sign-up", form)).status_code == 303
    found = await flow.site.core.store.read(
        lambda tx: flow.site.core.rows.users.by_email(tx, EMAIL)
    )
    assert found is not None
    return found


async def added(flow: Flow) -> User:
    boss = await flow.site.add_user("boss@example.org", role=Role.ADMIN)
    person = NewPerson(name=NAME, email=EMAIL, password=PASSWORD)
    made = await add_person(
        flow.site.core, flow.site.front.passwords, person, role=Role.USER, by=boss
    )
    assert isinstance(made, User)
    return made


async def give(flow: Flow, agent: Agent, owner: User) -> None:
    core = flow.site.core
    await core.store.write(
        lambda tx: core.rows.agents.update(tx, replace(agent, owner_id=owner.id))
    )


async def pages(flow: Flow) -> list[str]:
    """Return what a person reads: at consent, of one permission, and in the list of them."""
    browser = await flow.person()
    asked = await flow.authorize(browser)
    await flow.decide(browser, asked, scope=["docs:read"], object=["folder:plans"])
    row = await flow.only_delegation()
    one, every = await browser.get(f"/agents/{row['id']}"), await browser.get("/agents")
    return [words(page.text) for page in (asked, one, every)]


async def test_who_signed_up_on_their_own_vouches_for_nothing(flow: Flow):
    await give(flow, flow.agent, await signed_up(flow))
    for page in await pages(flow):
        assert SELF_MADE in page
        assert "Unverified" in page
        assert "run by" not in page
        assert NAME not in page
        assert EMAIL not in page


async def test_the_consent_page_warns_of_such_an_agent_and_ticks_no_such_helper(flow: Flow):
    owner = await signed_up(flow)
    await give(flow, flow.helper, owner)
    browser = await flow.person()
    asked = details({"resource": DOCS, "scopes": ["docs:read"], "agents": [flow.helper.id]})
    page = await flow.authorize(browser, scope="openid", authorization_details=asked)
    assert offered(page.text, "hand_over") == [flow.helper.id]
    assert f"hand_over={flow.helper.id}" not in ticked(page.text)
    await give(flow, flow.agent, owner)
    page = await flow.authorize(browser)
    assert "Nobody here has checked who runs this agent" in words(page.text)


async def test_whom_an_administrator_added_is_named(flow: Flow):
    await give(flow, flow.agent, await added(flow))
    for page in await pages(flow):
        assert f"run by {NAME}" in page
        assert "Unverified" not in page


async def test_who_became_an_administrator_is_named(flow: Flow):
    owner = await signed_up(flow)
    core = flow.site.core
    await core.store.write(lambda tx: core.rows.users.update(tx, replace(owner, role=Role.ADMIN)))
    await give(flow, flow.agent, owner)
    assert f"run by {NAME}" in (await pages(flow))[0]


async def test_an_agent_that_such_a_person_registers_is_unverified_from_the_start(flow: Flow):
    await signed_up(flow)
    browser = await flow.site.browser().signed_in(EMAIL)
    data = {"csrf": await browser.csrf("/sign-out"), "name": "Acme Support", "purpose": "Help"}
    assert (await browser.post("/owned", data)).status_code == 303
    page = words((await browser.get("/owned")).text)
    assert f"Unverified {SELF_MADE}" in page
