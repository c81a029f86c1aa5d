"""What a person sees of a client that registered itself, and when they are asked again."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from server.domain.registry import Client, ClientAuth, Origin, SelfRegistered
from server.domain.self_registration import Registration
from tests.requirements import requirement
from tests.support.flow_site import CODE_AND_REFRESH, Flow, open_flow, told
from tests.support.people_site import hidden, words

URL = "https://tools.example/oauth/client.json"
CALLBACK = "https://tools.example/callback"
LOCAL = "http://127.0.0.1/callback"


@pytest.fixture
async def flow(tables_url: str) -> AsyncIterator[Flow]:
    opened = await open_flow(tables_url, client_documents="allow")
    yield opened
    await opened.close()


async def known(flow: Flow, **changes: Any) -> Client:
    """Store the client as its document would be stored."""
    core, now = flow.site.core, flow.site.clock.now()
    by_itself = SelfRegistered(origin=Origin.DOCUMENT, fetched_at=now, fresh_until=now + 10**9)
    client = Client(
        **{
            "id": URL, "name": "Quill", "auth": ClientAuth.NONE, "redirect_uris": (CALLBACK,),
            "grant_types": CODE_AND_REFRESH, "scopes": frozenset({"docs:read", "docs:write"}),
            "by_itself": by_itself, **changes,
        }
    )  # fmt: skip
    kept = Registration(client_id=client.id, origin=Origin.DOCUMENT, created_at=now, used_at=now)

    await core.store.write(lambda tx: core.rows.clients.add(tx, client))
    await core.store.write(lambda tx: core.rows.registrations.add(tx, kept))
    return client


async def change(flow: Flow, client: Client, **changes: Any) -> Client:
    """Store the client as after a change of its document that people would notice."""
    core = flow.site.core
    now = await core.store.read(lambda tx: core.rows.clients.get(tx, client.id))
    assert now is not None
    assert now.by_itself is not None
    by_itself = replace(now.by_itself, changed_at=flow.site.clock.now())
    after = replace(now, by_itself=by_itself, **changes)
    await core.store.write(lambda tx: core.rows.clients.update(tx, after))
    return after


@requirement("cimd:7.5:hostname", "mcp:as:cimd-consent")
async def test_the_page_shows_where_the_client_and_its_answer_are(flow: Flow) -> None:
    client = await known(flow)
    browser = await flow.person()
    page = await flow.authorize(browser, client, redirect_uri=CALLBACK)
    text = words(page.text)
    assert "It comes from tools.example" in text
    assert "You go back to tools.example" in text
    assert "Unverified" in text
    assert "Nobody here has checked who runs this" in text


@requirement("mcp:as:cimd-consent")
async def test_a_client_that_is_only_on_this_computer_gets_a_warning_of_its_own(
    flow: Flow,
) -> None:
    client = await known(flow, redirect_uris=(LOCAL, "http://localhost/callback"))
    browser = await flow.person()
    page = await flow.authorize(browser, client, redirect_uri="http://127.0.0.1:5555/callback")
    text = words(page.text)
    assert "nobody can tell whether the program that asks is the one from tools.example" in text
    assert "127.0.0.1:5555" in text


async def test_a_client_that_an_administrator_registered_says_no_such_thing(flow: Flow) -> None:
    browser = await flow.person()
    text = words((await flow.authorize(browser, flow.plain)).text)
    assert "It comes from" not in text
    assert "registered itself" not in text


async def test_its_agent_is_provisional_ownerless_and_within_its_ceiling(flow: Flow) -> None:
    client = await known(flow)
    browser = await flow.person()
    page = await flow.authorize(browser, client, redirect_uri=CALLBACK)
    answer = await flow.decide(browser, page, scope=["docs:read"], object=["folder:plans"])
    assert "code" in told(answer)
    row = await flow.only_delegation()
    core = flow.site.core
    agent = await core.store.read(lambda tx: core.rows.agents.get(tx, str(row["agent_id"])))
    assert agent is not None
    assert (agent.owner_id, agent.provisional) == (None, True)
    now = await core.store.read(lambda tx: core.rows.clients.get(tx, client.id))
    assert now is not None
    # What it may ask for is what there is: a person decides about each.
    assert agent.ceiling.scopes == now.scopes == {
        "docs:read", "docs:write", "docs:delete", "search:query",
    }  # fmt: skip
    kept = await core.store.read(lambda tx: core.rows.registrations.get(tx, client.id))
    assert kept is not None
    assert kept.consented_at is not None


async def allowed(flow: Flow, client: Client, **asked: Any) -> Any:
    browser = await flow.person()
    page = await flow.authorize(browser, client, redirect_uri=CALLBACK, **asked)
    answer = await flow.decide(browser, page, scope=["docs:read"], object=["folder:plans"])
    assert "code" in told(answer)
    # Asked again, nothing is shown: it was allowed.
    again = await flow.authorize(browser, client, redirect_uri=CALLBACK, **asked)
    assert "code" in told(again)
    return browser


@requirement("cimd:7.4:changes")
@pytest.mark.parametrize(
    "asked",
    [{}, {"scope": "docs:read"}, {"scope": "openid", "resource": None}],
    ids=["both", "agent", "openid"],
)
async def test_a_client_that_changed_is_asked_about_again(
    flow: Flow, asked: dict[str, Any]
) -> None:
    client = await known(flow)
    browser = await allowed(flow, client, **asked)
    flow.site.clock.advance(seconds=5)
    after = await change(flow, client, redirect_uris=(CALLBACK, "https://tools.example/other"))
    page = await flow.authorize(browser, after, redirect_uri="https://tools.example/other", **asked)
    assert page.status_code == 200
    assert "wants to" in page.text
    # And a client that asks for silence gets none of it.
    quiet = await flow.authorize(
        browser, after, redirect_uri="https://tools.example/other", prompt="none", **asked
    )
    assert told(quiet)["error"] == "consent_required"
    flow.site.clock.advance(seconds=5)
    answer = await flow.decide(browser, page, scope=["docs:read"], object=["folder:plans"])
    assert "code" in told(answer)
    # Allowed as it is now, it is not asked about any more.
    assert "code" in told(await flow.authorize(browser, after, redirect_uri=CALLBACK, **asked))


@requirement("cimd:7.4:changes")
async def test_nobody_is_sent_to_an_address_that_was_given_up_meanwhile(flow: Flow) -> None:
    client = await known(flow)
    browser = await flow.person()
    page = await flow.authorize(browser, client, redirect_uri=CALLBACK)
    assert page.status_code == 200
    flow.site.clock.advance(seconds=5)
    await change(flow, client, redirect_uris=("https://tools.example/other",))
    shown = await browser.get(f"/interaction/{hidden(page.text)['interaction']}")
    assert shown.status_code == 409
    for decision in ("allow", "deny"):
        answer = await flow.decide(
            browser, page, scope=["docs:read"], object=["folder:plans"], decision=decision
        )
        assert answer.status_code == 409
        assert "location" not in answer.headers
    assert await flow.delegations() == []


@requirement("cimd:7.4:changes")
async def test_a_yes_to_what_it_was_is_no_yes_to_what_it_became(flow: Flow) -> None:
    client = await known(flow)
    browser = await flow.person()
    page = await flow.authorize(browser, client, redirect_uri=CALLBACK)
    flow.site.clock.advance(seconds=5)
    await change(flow, client, name="Somebody else")
    answer = await flow.decide(browser, page, scope=["docs:read"], object=["folder:plans"])
    assert told(answer)["error"] == "access_denied"
    assert "code" not in told(answer)


@pytest.fixture
async def asking(tables_url: str) -> AsyncIterator[Flow]:
    opened = await open_flow(tables_url, client_documents="ask")
    yield opened
    await opened.close()


@requirement("cimd:7.9:trust")
async def test_a_signed_in_person_can_ask_the_administrators_once_by_a_form_of_ours(
    asking: Flow,
) -> None:
    core = asking.site.core
    stranger = asking.site.browser()
    request = asking.request(asking.plain, client_id=URL, redirect_uri=CALLBACK)
    page = await stranger.get("/authorize", params=request)
    assert page.status_code == 403
    assert "sign in" in words(page.text)
    assert "<form" not in page.text.partition("<main")[2]
    browser = await asking.person()
    page = await browser.get("/authorize", params=request)
    assert page.status_code == 403
    assert "tools.example" in words(page.text)
    # Looking is no asking, and another site's form is none either.
    assert await core.store.read(core.rows.trust.requests) == []
    forged = await browser.post("/ask-admin", {"csrf": "x", "client_id": URL})
    assert forged.status_code == 403
    assert await core.store.read(core.rows.trust.requests) == []
    asked = await browser.post("/ask-admin", hidden(page.text))
    assert "The administrators can see that you asked" in words(asked.text)
    (waiting,) = await core.store.read(core.rows.trust.requests)
    assert (waiting.host, waiting.asked_by) == ("tools.example", asking.ana.id)
    nothing = await browser.post("/ask-admin", {**hidden(page.text), "client_id": "cli_x"})
    assert nothing.status_code == 404
