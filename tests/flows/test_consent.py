"""Consent from the request to the code, by HTTP: what is shown, what is stored, what is told."""

import json
from dataclasses import replace

import pytest

from authz.relations import RelationTuple
from server.services.registration import add_agent
from tests.requirements import requirement
from tests.support.clock import NEW_YEAR_2026 as NOW
from tests.support.flow_site import (
    DOCS,
    SEARCH,
    details,
    offered,
    ticked,
    told,
)
from tests.support.people_site import hidden, words

HOUR, DAY = 3_600_000, 86_400_000


# -- what the page says


async def test_the_page_says_who_asks_for_what_in_plain_words(flow):
    page = await flow.authorize(await flow.person(), scope="openid email docs:read docs:delete")
    said = words(page.text)
    for sentence in (
        "Planner wants to act for you", "run by Ana", "through the application Planner app",
        "Plan your week", "ana@example.org", "Know that it is you", "See your e-mail address",
        "Read your documents", "Delete documents", "Cannot be undone", "Plans 2026",
        "Folder and everything in it", "You go back to agent.example", "Until you sign out",
    ):  # fmt: skip
        assert sentence in said
    assert "Nobody here has checked" not in said
    assert "Bob" not in said


async def test_what_destroys_and_what_nobody_named_is_not_ticked_beforehand(flow):
    page = await flow.authorize(await flow.person(), scope="openid email docs:read docs:delete")
    assert ticked(page.text) == {"scope=email", "scope=docs:read", "duration=session"}
    assert offered(page.text, "object") == ["folder:diary", "folder:plans"]


@requirement("rfc6749:10.13:framing", "rfc9700:4.2.4:referrer")
async def test_the_page_cannot_be_framed_and_tells_no_referrer(flow):
    page = await flow.authorize(await flow.person())
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https://agent.example;" in policy
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"


async def test_a_client_that_nobody_checked_is_marked_and_so_is_this_computer(flow):
    page = await flow.authorize(
        await flow.person(), flow.plain, redirect_uri="http://127.0.0.1:5004/callback"
    )
    said = words(page.text)
    assert "Nobody here has checked who runs this agent" in said
    assert "Any program here could be listening" in said
    assert "http://127.0.0.1:5004" in page.headers["content-security-policy"]


async def test_many_things_are_found_by_name_and_ticks_are_kept(flow):
    core = flow.site.core
    more = [RelationTuple(f"user:{flow.ana.id}", "owner", f"folder:f{n:03}") for n in range(80)]
    await core.store.write(lambda tx: core.relations.write(tx, more))
    await core.store.write(
        lambda tx: core.rows.resources.label(tx, DOCS, {"folder:f079": "Zebra notes"})
    )
    browser = await flow.person()
    page = await flow.authorize(browser)
    assert len(offered(page.text, "object")) == 50
    assert "32 more not shown" in words(page.text)
    assert "folder:f079" not in offered(page.text, "object")
    again = await browser.post(
        "/consent",
        {
            **hidden(page.text), "decision": "find", "object_query": "zebra",
            "object": ["folder:f001"], "duration": "session",
        },
    )  # fmt: skip
    assert again.status_code == 200
    assert set(offered(again.text, "object")) == {"folder:f001", "folder:f079"}
    assert ticked(again.text) == {"object=folder:f001", "duration=session"}
    assert await flow.delegations() == []


# -- what is stored


async def test_a_consent_becomes_a_delegation_its_tuples_and_its_audit(flow_anywhere):
    flow = flow_anywhere
    browser = await flow.person()
    answer = await flow.grant(browser)
    row = await flow.only_delegation()
    assert (row["user_id"], row["agent_id"], row["client_id"]) == (
        flow.ana.id, flow.agent.id, flow.client.id,
    )  # fmt: skip
    assert row["details"] == [
        {"resource": DOCS, "scopes": ["docs:read"], "objects": ["folder:plans"]}
    ]
    assert await flow.tuples() == [(f"consent:{row['id']}.0", "folder:plans")]
    assert row["allow_sharing"] is False
    created = await flow.audit("delegation:created")
    assert created == [
        ("done", None, flow.ana.id, f'["{flow.agent.id}"]', flow.client.id, row["id"])
    ]
    issued = await flow.audit("code:issued")
    assert issued == [
        ("done", None, flow.ana.id, f'["{flow.agent.id}"]', flow.client.id, row["id"])
    ]
    code = await flow.code(answer["code"])
    assert code.expires_at == NOW + 60_000
    assert code.granted.grant_id == row["id"]
    assert code.granted.scope == "docs:read openid"
    assert code.granted.resources == (DOCS,)


@requirement("rfc6749:4.1.2:code-short", "rfc6749:10.10:unguessable")
async def test_the_code_is_stored_as_a_hash_and_cannot_be_guessed(flow):
    first = await flow.grant(await flow.person())
    second = await flow.grant(await flow.person())
    assert first["code"] != second["code"]
    assert len(first["code"]) == 43
    rows = str(await flow.site.rows("SELECT hash, document, family_id FROM authorization_code"))
    assert first["code"] not in rows


@requirement("x1:code-to-agent-is-delegated", "rfc9396:7.1:narrowed")
async def test_the_token_is_the_narrowed_delegation(flow):
    browser = await flow.person()
    page = await flow.authorize(browser, scope="openid docs:read docs:write docs:delete")
    answer = told(await flow.decide(browser, page, scope=["docs:read"], object=["folder:plans"]))
    token = (await flow.redeem(answer["code"])).json()
    assert token["scope"] == "docs:read"
    assert token["authorization_details"] == [
        {"type": "mandate", "resource": DOCS, "scopes": ["docs:read"], "objects": ["folder:plans"]}
    ]


@requirement("mandate:consent:nothing-picked")
async def test_nothing_picked_is_nothing_granted(flow_anywhere):
    flow = flow_anywhere
    browser = await flow.person()
    page = await flow.authorize(browser)
    again = await flow.decide(browser, page, object=["folder:plans"])
    assert again.status_code == 400
    assert "Tick at least one thing" in words(again.text)
    assert await flow.delegations() == []
    assert await flow.tuples() == []
    no_objects = await flow.decide(browser, again, scope=["docs:read"])
    assert "code" in told(no_objects)
    assert (await flow.only_delegation())["details"] == [
        {"resource": DOCS, "scopes": ["docs:read"], "objects": []}
    ]
    assert await flow.tuples() == []


async def test_objects_that_the_client_names_are_the_only_ones_offered(flow):
    browser = await flow.person()
    asked = details(
        {"resource": DOCS, "scopes": ["docs:read"], "objects": ["folder:plans", "folder:bobs"]}
    )
    page = await flow.authorize(browser, scope="openid", authorization_details=asked)
    assert offered(page.text, "object") == ["folder:plans"]
    assert "object=folder:plans" in ticked(page.text)


async def test_two_details_of_one_resource_are_ticked_apart(flow):
    browser = await flow.person()
    asked = details(
        {"resource": DOCS, "scopes": ["docs:read"]},
        {"resource": DOCS, "scopes": ["docs:read", "docs:write"], "objects": ["folder:diary"]},
    )
    page = await flow.authorize(browser, scope="openid", authorization_details=asked)
    assert offered(page.text, "scope") == ["docs:read", "docs:read#1", "docs:write"]
    assert offered(page.text, "object") == ["folder:diary", "folder:plans", "folder:diary#1"]
    await flow.decide(
        browser, page, scope=["docs:read", "docs:write"],
        object=["folder:plans", "folder:diary#1"],
    )  # fmt: skip
    row = await flow.only_delegation()
    assert row["details"] == [
        {"resource": DOCS, "scopes": ["docs:read"], "objects": ["folder:plans"]},
        {"resource": DOCS, "scopes": ["docs:write"], "objects": ["folder:diary"]},
    ]
    assert sorted(await flow.tuples()) == [
        (f"consent:{row['id']}.0", "folder:plans"), (f"consent:{row['id']}.1", "folder:diary"),
    ]  # fmt: skip


@requirement("x9:ends-with-session")
@pytest.mark.parametrize(
    ("scope", "durations", "duration", "bound", "ends"),
    [
        ("docs:read", ["3600", "session"], "session", True, NOW + 12 * HOUR),
        ("docs:read", ["3600", "session"], "3600", True, NOW + HOUR),
        ("docs:read offline_access", ["session", "86400", "604800", "2592000", "7776000"],
         "2592000", False, NOW + 30 * DAY),
        ("docs:read offline_access", ["session", "86400", "604800", "2592000", "7776000"],
         "session", True, NOW + 12 * HOUR),
    ],
)  # fmt: skip
async def test_how_long_it_lasts(flow, scope, durations, duration, bound, ends):
    browser = await flow.person()
    page = await flow.authorize(browser, scope=scope)
    assert offered(page.text, "duration") == durations
    answer = told(await flow.decide(browser, page, scope=["docs:read"], duration=duration))
    row = await flow.only_delegation()
    assert (row["sid"] is not None) is bound
    assert row["expires_at"] == ends
    assert (await flow.code(answer["code"])).granted.offline is not bound


async def test_a_helper_that_nobody_answers_for_is_never_ticked_beforehand(flow):
    stranger = replace(flow.helper, id="", owner_id=None, name="Stranger")
    stranger = await add_agent(flow.site.core, stranger, by="test")
    browser = await flow.person()
    asked = details(
        {
            "resource": DOCS,
            "scopes": ["docs:read"],
            "agents": [flow.helper.id, stranger.id],
        }
    )
    page = await flow.authorize(browser, scope="openid", authorization_details=asked)
    assert offered(page.text, "hand_over") == [flow.helper.id, stranger.id]
    assert f"hand_over={flow.helper.id}" in ticked(page.text)
    assert f"hand_over={stranger.id}" not in ticked(page.text)


async def test_helpers_and_services_are_allowed_only_by_a_tick(flow):
    browser = await flow.person()
    asked = details(
        {"resource": DOCS, "scopes": ["docs:read"], "agents": [flow.helper.id], "max_depth": 2}
    )
    page = await flow.authorize(browser, scope="openid", authorization_details=asked)
    assert f"hand_over={flow.helper.id}" in ticked(page.text)
    assert "Sum up long texts" in words(page.text)
    edge = f"{DOCS} docs:read {SEARCH} search:query"
    assert offered(page.text, "downstream") == [edge]
    assert f"downstream={edge}" not in ticked(page.text)
    await flow.decide(
        browser, page, scope=["docs:read"], hand_over=[flow.helper.id], downstream=[edge]
    )
    row = await flow.only_delegation()
    assert (row["allow_agents"], row["max_depth"]) == ([flow.helper.id], 2)
    assert row["allow_edges"] == [[DOCS, "docs:read", SEARCH, "search:query"]]
    flow.site.clock.advance(seconds=1)
    page = await flow.authorize(
        browser, scope="openid", authorization_details=asked, prompt="consent"
    )
    await flow.decide(browser, page, scope=["docs:read"], keep_earlier="yes")
    last = json.loads(str((await flow.delegations())[-1][-1]))
    assert (last["allow_agents"], last["allow_edges"], last["max_depth"]) == ([], [], 0)


async def test_a_way_on_is_worth_nothing_without_the_scope_that_it_starts_from(flow):
    browser = await flow.person()
    page = await flow.authorize(browser, scope="openid docs:read docs:write")
    edge = f"{DOCS} docs:read {SEARCH} search:query"
    await flow.decide(browser, page, scope=["docs:write"], downstream=[edge])
    assert (await flow.only_delegation())["allow_edges"] == []


@requirement("x9:more-is-new")
async def test_asking_again_replaces_what_was_allowed_before(flow_anywhere):
    flow = flow_anywhere
    browser = await flow.person()
    await flow.grant(browser)
    flow.site.clock.advance(seconds=1)
    page = await flow.authorize(browser, scope="openid docs:write")
    assert "What you allowed it before ends" in words(page.text)
    await flow.decide(browser, page, scope=["docs:write"], object=["folder:diary"])
    (_, *_, first_end, _), (second, *_, second_end, _) = await flow.delegations()
    assert first_end is not None
    assert second_end is None
    assert await flow.tuples() == [(f"consent:{second}.0", "folder:diary")]
    assert [row[1] for row in await flow.audit("delegation:revoked")] == ["replaced"]
    assert len(await flow.audit("delegation:replaced")) == 1


async def test_what_was_allowed_before_can_be_kept(flow):
    browser = await flow.person()
    await flow.grant(browser)
    page = await flow.authorize(browser, scope="openid docs:write")
    await flow.decide(browser, page, scope=["docs:write"], keep_earlier="yes")
    assert [row[-2] for row in await flow.delegations()] == [None, None]
