"""Scopes that bring others along, and the tools that they open: said before the yes, and kept."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from server.domain.registry import Tool
from server.services.resources import add_resource, update_resource
from tests.requirements import requirement
from tests.support.flow_site import DOCS, Flow, open_flow, told
from tests.support.people_site import words


@pytest.fixture
async def flow(tables_url: str) -> AsyncIterator[Flow]:
    opened = await open_flow(tables_url)
    core = opened.site.core
    docs = await core.store.read(lambda tx: core.rows.resources.get(tx, DOCS))
    assert docs is not None
    write = replace(docs.scopes["docs:write"], includes=frozenset({"docs:read"}))
    tools = (
        Tool(name="open", title="Open a document", scopes=frozenset({"docs:read"})),
        Tool(name="edit", title="Edit a text", scopes=frozenset({"docs:read", "docs:write"})),
    )
    changed = replace(docs, scopes={**docs.scopes, write.name: write}, tools=tools)
    await update_resource(core, changed, by="test")
    yield opened
    await opened.close()


@requirement("mandate:scope:hierarchy")
async def test_the_page_says_what_comes_along_and_what_it_opens(flow: Flow) -> None:
    browser = await flow.person()
    page = await flow.authorize(browser, scope="openid docs:write")
    said = words(page.text)
    assert "Change your documents" in said
    assert "Includes: Read your documents" in said
    assert "Opens: Open a document, Edit a text" in said
    answer = told(await flow.decide(browser, page, scope=["docs:write"], object=["folder:plans"]))
    row = await flow.only_delegation()
    assert row["details"][0]["scopes"] == ["docs:read", "docs:write"]
    token = (await flow.redeem(answer["code"])).json()
    assert set(token["scope"].split()) == {"docs:read", "docs:write"}
    [detail] = token["authorization_details"]
    assert detail["scopes"] == ["docs:read", "docs:write"]


@requirement("mandate:scope:hierarchy")
async def test_what_an_agent_may_never_hold_does_not_come_along(flow: Flow) -> None:
    core = flow.site.core
    ceiling = replace(flow.agent.ceiling, scopes=frozenset({"docs:read"}))
    await core.store.write(
        lambda tx: core.rows.agents.update(tx, replace(flow.agent, ceiling=ceiling))
    )
    browser = await flow.person()
    page = await flow.authorize(browser, scope="openid docs:read docs:write")
    assert "Change your documents" not in words(page.text)
    await flow.decide(browser, page, scope=["docs:read", "docs:write"], object=["folder:plans"])
    assert (await flow.only_delegation())["details"][0]["scopes"] == ["docs:read"]


@requirement("mandate:resource:bare-origin")
async def test_a_request_may_name_a_bare_origin_in_either_form(flow: Flow) -> None:
    core = flow.site.core
    bare = "https://bare.example"
    docs = await core.store.read(lambda tx: core.rows.resources.get(tx, DOCS))
    assert docs is not None
    plain = replace(docs, id=bare, types=frozenset(), pickable=(), edges=(), tools=(), model="")
    scope = replace(docs.scopes["docs:read"], name="bare:read", includes=frozenset())
    await add_resource(core, replace(plain, scopes={scope.name: scope}), by="test")
    ceiling = replace(
        flow.agent.ceiling, scopes=frozenset({"bare:read"}), resources=frozenset({bare})
    )
    await core.store.write(
        lambda tx: core.rows.agents.update(tx, replace(flow.agent, ceiling=ceiling))
    )
    client = replace(flow.client, scopes=flow.client.scopes | {"bare:read"})
    await core.store.write(lambda tx: core.rows.clients.update(tx, client))
    browser = await flow.person()
    page = await flow.authorize(browser, scope="openid bare:read", resource=f"{bare}/")
    answer = told(await flow.decide(browser, page, scope=["bare:read"]))
    token = await flow.redeem(answer["code"], resource=f"{bare}/")
    assert token.json()["authorization_details"][0]["resource"] == bare
