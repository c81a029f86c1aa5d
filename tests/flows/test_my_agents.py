""" "My agents": seeing, narrowing, undoing and revoking what one allowed."""

import asyncio

import pytest

from server.domain.audit import AuditTag
from server.domain.people import User
from server.domain.registry import Status
from tests.support.delegations import (
    allow,
    furnish,
    holds,
    leave_behind,
    mint,
    stored,
    used,
)
from tests.support.people_site import Browser, Site, hidden, words


async def ana(site: Site) -> tuple[Browser, User]:
    user = await site.add_user("ana@example.com")
    await furnish(site)
    return await site.browser().signed_in("ana@example.com"), user


async def post(browser: Browser, page: str, path: str, data: dict):
    form = {"csrf": hidden((await browser.get(page)).text)["csrf"]}
    return await browser.post(path, {**form, **data})


async def test_my_agents_lists_every_delegation_with_its_last_use(site: Site):
    browser, user = await ana(site)
    first = await allow(site, user, "dlg_1")
    second = await allow(site, user, "dlg_2", agent="agt_b", parent=first)
    site.clock.advance(hours=3)
    await used(site, first)
    site.clock.advance(hours=1)
    await used(site, second, tag=AuditTag.SIGNED_IN)  # no use of it
    page = words((await browser.get("/agents")).text)
    assert "Helper A" in page
    assert "1 hour ago" in page
    assert "1 hand-over" in page
    assert "Documents" in page

    page = (await browser.get("/agents/dlg_1")).text
    text = words(page)
    assert "Read your documents" in text
    assert "Taxes" in text
    assert "Helper B" in text
    assert "never used" in text
    assert "/agents/dlg_2" in page


async def test_what_ended_is_listed_apart_page_by_page(site: Site):
    browser, user = await ana(site)
    for number in range(30):
        site.clock.advance(seconds=1)
        await allow(site, user, f"dlg_{number:02}", days=1)
    site.clock.advance(days=2)
    await browser.signed_in("ana@example.com")
    first = (await browser.get("/agents")).text
    assert "No agent may act for you" in words(first)
    assert "dlg_29" in first
    assert "dlg_04" not in first
    older = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = (await browser.get(older)).text
    assert [f"dlg_{n:02}" in second for n in (29, 5, 4, 0)] == [False, False, True, True]
    assert 'rel="next"' not in second


async def test_a_suspended_agent_is_shown_as_paused(site: Site):
    from dataclasses import replace

    browser, user = await ana(site)
    await allow(site, user, "dlg_1")
    rows = site.core.rows

    def work(tx):
        agent = rows.agents.get(tx, "agt_a")
        assert agent is not None
        rows.agents.update(tx, replace(agent, status=Status.SUSPENDED))

    await site.core.store.write(work)
    assert "suspended this agent" in words((await browser.get("/agents/dlg_1")).text)


async def test_revoking_shows_what_dies_and_kills_it_once(site: Site):
    browser, user = await ana(site)
    first = await allow(site, user, "dlg_1")
    second = await allow(site, user, "dlg_2", agent="agt_b", parent=first)
    other = await allow(site, user, "dlg_3", agent="agt_b")
    await mint(site, first, "tok_1")
    await mint(site, second, "tok_2")
    await mint(site, other, "tok_3")
    preview = (await browser.get("/agents/dlg_1/revoke")).text
    assert "Live tokens 2" in words(preview)
    assert "Helpers that stop with it 1" in words(preview)
    assert (await stored(site, "dlg_1")).revoked_at is None

    answers = await asyncio.gather(
        *(browser.post("/agents/dlg_1/revoke", hidden(preview)) for _ in range(3))
    )
    assert sorted(a.headers["location"] for a in answers) == [
        "/agents/dlg_1?done=already", "/agents/dlg_1?done=already", "/agents/dlg_1?done=revoked",
    ]  # fmt: skip
    assert (await stored(site, "dlg_1")).revoked_reason == "user"
    assert (await stored(site, "dlg_2")).revoked_at is not None
    assert (await stored(site, "dlg_3")).revoked_at is None
    assert not await holds(site, "consent:dlg_1.0", "consented", "folder:1")
    trail = await site.rows("SELECT grant_id FROM audit WHERE tag = 'delegation:revoked'")
    assert sorted(str(row[0]) for row in trail) == ["dlg_1", "dlg_2"]
    page = (await browser.get("/agents/dlg_1?done=revoked")).text
    assert "You revoked it." in words(page)
    assert "/agents/dlg_1/revoke" not in page


async def test_narrowing_takes_away_for_good_here_and_below(site: Site):
    browser, user = await ana(site)
    first = await allow(site, user, "dlg_1")
    await allow(site, user, "dlg_2", agent="agt_b", parent=first)
    answer = await post(
        browser, "/agents/dlg_1", "/agents/dlg_1/narrow",
        {
            "keep_scope": ["docs:read", "docs:delete"], "keep_object": ["folder:1", "folder:9"],
            "keep_hand_over": ["agt_b", "agt_z"], "ends_in": "3600",
        },
    )  # fmt: skip
    assert answer.headers["location"] == "/agents/dlg_1?done=narrowed"
    now, below = await stored(site, "dlg_1"), await stored(site, "dlg_2")
    assert now.details[0].scopes == below.details[0].scopes == {"docs:read"}
    assert now.details[0].objects == ("folder:1",)
    assert now.allow_agents == ("agt_b",)
    assert not now.allow_sharing
    assert not below.allow_sharing
    assert now.expires_at == below.expires_at == site.clock.now() + 3_600_000
    assert await holds(site, "consent:dlg_1.0", "consented", "folder:1")
    assert not await holds(site, "consent:dlg_1.0", "consented", "folder:2")

    # Nothing of it comes back, and no later end either.
    answer = await post(
        browser, "/agents/dlg_1", "/agents/dlg_1/narrow",
        {
            "keep_scope": ["docs:read", "docs:share"], "keep_object": ["folder:1", "folder:2"],
            "keep_hand_over": ["agt_b"], "keep_sharing": "yes", "ends_in": "99999999",
        },
    )  # fmt: skip
    assert answer.headers["location"] == "/agents/dlg_1?done=nothing"
    assert await stored(site, "dlg_1") == now


async def test_a_helper_that_is_taken_away_ends_with_all_below_it(site: Site):
    browser, user = await ana(site)
    first = await allow(site, user, "dlg_1")
    await allow(site, user, "dlg_2", agent="agt_b", parent=first)
    keep = {
        "keep_scope": ["docs:read", "docs:share"], "keep_object": ["folder:1", "folder:2"],
        "keep_sharing": "yes",
    }  # fmt: skip
    await post(browser, "/agents/dlg_1", "/agents/dlg_1/narrow", keep)
    assert (await stored(site, "dlg_1")).allow_agents == ()
    assert (await stored(site, "dlg_2")).revoked_reason == "hand_over_withdrawn"


async def test_an_effect_is_undone_once(site: Site):
    browser, user = await ana(site)
    first = await allow(site, user, "dlg_1")
    second = await allow(site, user, "dlg_2", agent="agt_b", parent=first)
    await leave_behind(site, second)
    assert "viewer of Taxes" in words((await browser.get("/agents/dlg_1")).text)
    assert await holds(site, "user:usr_ben", "viewer", "folder:1")
    page, path = "/agents/dlg_1", "/agents/dlg_1/undo"
    answer = await post(browser, page, path, {"effect": "eff_1"})
    assert answer.headers["location"] == "/agents/dlg_1?done=undone"
    assert not await holds(site, "user:usr_ben", "viewer", "folder:1")
    answer = await post(browser, page, path, {"effect": "eff_1"})
    assert answer.headers["location"] == "/agents/dlg_1?done=nothing"
    assert len(await site.rows("SELECT * FROM audit WHERE tag = 'relations:undone'")) == 1


async def test_revoking_can_undo_what_was_left_behind(site: Site):
    browser, user = await ana(site)
    value = await allow(site, user, "dlg_1")
    await leave_behind(site, value)
    await leave_behind_more(site, value)
    preview = (await browser.get("/agents/dlg_1/revoke")).text
    await browser.post("/agents/dlg_1/revoke", {**hidden(preview), "undo": ["eff_1"]})
    assert not await holds(site, "user:usr_ben", "viewer", "folder:1")
    assert await holds(site, "user:usr_eve", "viewer", "folder:2")


async def leave_behind_more(site: Site, value) -> None:
    from authz.relations import RelationTuple
    from server.domain.delegation import Effect

    effect = Effect(
        id="eff_2", grant_id=value.id, resource_id="r", subject="user:usr_eve",
        relation="viewer", object="folder:2", created_at=site.clock.now(),
    )  # fmt: skip

    def work(tx):
        site.core.relations.write(tx, [RelationTuple("user:usr_eve", "viewer", "folder:2")])
        site.core.rows.effects.add(tx, [effect])

    await site.core.store.write(work)


async def test_signing_out_ends_what_lives_as_long_as_the_session(site: Site):
    browser, user = await ana(site)
    sessions = await site.core.store.read(lambda tx: site.core.rows.sessions.of_user(tx, user.id))
    await allow(site, user, "dlg_1", sid=sessions[0].id)
    await allow(site, user, "dlg_2")
    token = await browser.csrf("/sign-out")
    answer = await browser.post("/sign-out", {"csrf": token, "decision": "sign_out"})
    assert answer.headers["location"] == "/signed-out?ended=1"
    assert (await stored(site, "dlg_1")).revoked_reason == "session_ended"
    assert (await stored(site, "dlg_2")).revoked_at is None


async def test_a_delegation_of_an_expired_session_is_not_shown_as_live(small_site: Site):
    browser, user = await ana(small_site)
    sessions = await small_site.core.store.read(
        lambda tx: small_site.core.rows.sessions.of_user(tx, user.id)
    )
    await allow(small_site, user, "dlg_1", sid=sessions[0].id)
    small_site.clock.advance(hours=13)
    await browser.signed_in("ana@example.com")
    page = (await browser.get("/agents/dlg_1")).text
    assert "/agents/dlg_1/revoke" not in page
    assert "Its time is over." in words(page)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/agents/{}"), ("GET", "/agents/{}/revoke"), ("POST", "/agents/{}/revoke"),
        ("POST", "/agents/{}/narrow"), ("POST", "/agents/{}/undo"),
    ],
)  # fmt: skip
async def test_somebody_elses_delegation_is_exactly_as_an_unknown_one(
    small_site: Site, method: str, path: str
):
    _, user = await ana(small_site)
    value = await allow(small_site, user, "dlg_theirs")
    await leave_behind(small_site, value)
    await small_site.add_user("mallory@example.com")
    mallory = await small_site.browser().signed_in("mallory@example.com")
    token = await mallory.csrf("/sign-out")
    answers = []
    for grant_id in ("dlg_theirs", "dlg_nothing"):
        form = {"csrf": token, "effect": "eff_1", "undo": "eff_1"}
        if method == "GET":
            answers.append(await mallory.get(path.format(grant_id)))
        else:
            answers.append(await mallory.post(path.format(grant_id), form))
    theirs, unknown = answers
    assert theirs.status_code == unknown.status_code == 404
    assert theirs.content == unknown.content
    assert theirs.headers == unknown.headers
    assert await stored(small_site, "dlg_theirs") == value
    assert await holds(small_site, "user:usr_ben", "viewer", "folder:1")


@pytest.mark.parametrize("what", ["revoke", "narrow", "undo"])
async def test_changing_a_delegation_needs_the_form_of_this_session(small_site: Site, what: str):
    browser, user = await ana(small_site)
    value = await allow(small_site, user, "dlg_1")
    await leave_behind(small_site, value)
    await small_site.add_user("mallory@example.com")
    mallory = await small_site.browser().signed_in("mallory@example.com")
    token = await mallory.csrf("/sign-out")
    own = await browser.csrf("/sign-out")
    for data, headers in (
        ({}, {}),
        ({"csrf": token}, {}),
        ({"csrf": own}, {"origin": "https://evil.example"}),
        ({"csrf": own}, {"sec-fetch-site": "same-site"}),
    ):
        answer = await browser.post(
            f"/agents/dlg_1/{what}", {**data, "effect": "eff_1"}, headers=headers
        )
        assert answer.status_code == 403
    assert (await browser.get("/agents/dlg_1/revoke")).status_code == 200
    assert (await browser.get(f"/agents/dlg_1/{what}")).status_code in (200, 405)
    assert await stored(small_site, "dlg_1") == value


async def test_without_a_session_nothing_is_shown_or_done(small_site: Site):
    _, user = await ana(small_site)
    value = await allow(small_site, user, "dlg_1")
    stranger = small_site.browser()
    for path in ("/agents", "/agents/dlg_1", "/agents/dlg_1/revoke", "/owned", "/owned/agt_a"):
        answer = await stranger.get(path)
        assert (answer.status_code, answer.headers["location"][:8]) == (303, "/sign-in")
    for what in ("revoke", "narrow", "undo"):
        answer = await stranger.post(f"/agents/dlg_1/{what}", {})
        assert answer.headers["location"] == "/sign-in?next=%2Fagents%2Fdlg_1"
    assert await stored(small_site, "dlg_1") == value
