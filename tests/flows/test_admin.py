"""The administrator's console, and the view of an agent's owner."""

import pytest

from server.domain.audit import AuditTag
from server.domain.people import Role, User
from server.domain.registry import Agent, Status
from tests.support.delegations import allow, furnish, leave_behind, mint, stored, used
from tests.support.people_site import Browser, Site, action, hidden, open_site, words

PAGES = [
    "/admin/agents", "/admin/agents/agt_a", "/admin/agents/agt_a/suspend",
    "/admin/agents/agt_a/resume", "/admin/agents/agt_a/retire", "/admin/delegations",
    "/admin/delegations/dlg_1", "/admin/delegations/dlg_1/revoke", "/admin/people",
    "/admin/people/usr_x/disable", "/admin/people/usr_x/enable", "/admin/audit", "/admin/clients",
    "/admin/why", "/admin/why?user=user:usr_ben&relation=viewer&object=folder:1",
    "/admin/why?user=nobody%40example.com&relation=viewer&object=folder:1",
]  # fmt: skip
POSTS = [
    "/admin/agents/agt_a/suspend", "/admin/agents/agt_a/resume", "/admin/agents/agt_a/retire",
    "/admin/agents/agt_a/owner", "/admin/delegations/dlg_1/revoke",
    "/admin/delegations/dlg_1/undo", "/admin/people/{ana}/disable", "/admin/people/{ana}/enable", "/admin/clients",
]  # fmt: skip


async def console(site: Site) -> tuple[Browser, User, User]:
    """Return an administrator's browser, the administrator, and Ana who allowed Helper A."""
    boss = await site.add_user("boss@example.com", name="Boss", role=Role.ADMIN)
    ana = await site.add_user("ana@example.com", name="Ana")
    await furnish(site)
    await allow(site, ana, "dlg_1")
    return await site.browser().signed_in("boss@example.com"), boss, ana


async def confirm(browser: Browser, page: str, data: dict | None = None):
    """Open a preview and press its button."""
    shown = (await browser.get(page)).text
    return await browser.post(action(shown), {**hidden(shown), **(data or {})})


async def agent(site: Site, agent_id: str = "agt_a") -> Agent:
    found = await site.core.store.read(lambda tx: site.core.rows.agents.get(tx, agent_id))
    assert found is not None
    return found


async def test_agents_are_listed_searched_and_shown(site: Site):
    browser, _, _ = await console(site)
    page = words((await browser.get("/admin/agents")).text)
    assert "Helper A" in page
    assert "Helper B" in page
    found = words((await browser.get("/admin/agents?q=per+a")).text)
    assert "Helper A" in found
    assert "Helper B" not in found
    assert "No agent fits" in words((await browser.get("/admin/agents?status=retired")).text)
    page = words((await browser.get("/admin/agents/agt_a")).text)
    assert "Read your documents" in page
    assert "Client a" in page
    assert "ana@example.com" in page
    assert "http://127.0.0.1:9000/agents/agt_a" in page
    assert (await browser.get("/admin/agents/agt_none")).status_code == 404


async def test_long_lists_go_on_page_by_page(site: Site):
    browser, _, _ = await console(site)
    for number in range(30):
        site.clock.advance(seconds=number % 2)  # some of them at the same instant
        await site.add_user(f"user{number:02}@example.com", name=f"User {number:02}")
    seen: list[str] = []
    path = "/admin/people?q=user"
    for _ in range(3):
        page = (await browser.get(path)).text
        seen += [f"{n:02}" for n in range(30) if f"user{n:02}@" in page]
        if 'rel="next" href="' not in page:
            break
        path = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert sorted(seen) == [f"{n:02}" for n in range(30)]


async def test_suspending_and_resuming_an_agent_with_a_preview(site: Site):
    browser, _, _ = await console(site)
    await mint(site, await stored(site, "dlg_1"), "tok_1")
    await site.core.snapshot.refresh()
    assert await site.core.snapshot.agent("agt_a") is not None  # cached from here on
    preview = words((await browser.get("/admin/agents/agt_a/suspend")).text)
    assert "Delegations 1" in preview
    assert "Live tokens of those below 1" in preview
    assert "ana@example.com" in preview
    assert (await agent(site)).status is Status.ACTIVE

    answer = await confirm(browser, "/admin/agents/agt_a/suspend", {"reason": "odd"})
    assert answer.headers["location"] == "/admin/agents/agt_a?done=suspended"
    await site.core.snapshot.refresh()
    cached = await site.core.snapshot.agent("agt_a")
    assert cached is not None
    assert cached.status is Status.SUSPENDED

    await confirm(browser, "/admin/agents/agt_a/resume")
    now = await agent(site)
    assert (now.status, now.not_before) == (Status.ACTIVE, 0)

    await confirm(browser, "/admin/agents/agt_a/suspend")
    await confirm(browser, "/admin/agents/agt_a/resume", {"kill_tokens": "yes"})
    now = await agent(site)
    assert (now.status, now.not_before) == (Status.ACTIVE, site.clock.now())
    trail = await site.rows("SELECT reason FROM audit WHERE tag = 'agent:changed' ORDER BY at, id")
    assert sorted(str(row[0]) for row in trail) == ["active", "active", "suspended", "suspended"]


async def test_who_is_retired_stays_retired(small_site: Site):
    browser, _, _ = await console(small_site)
    await confirm(browser, "/admin/agents/agt_a/retire")
    answer = await confirm(browser, "/admin/agents/agt_a/resume")
    assert answer.headers["location"] == "/admin/agents/agt_a?done=nothing"
    assert (await agent(small_site)).status is Status.RETIRED
    page = (await browser.get("/admin/agents/agt_a")).text
    assert "/resume" not in page
    assert "/suspend" not in page


async def test_an_agent_gets_an_owner_by_address(small_site: Site):
    browser, _, ana = await console(small_site)
    token = await browser.csrf("/admin/agents/agt_a")
    path = "/admin/agents/agt_a/owner"
    answer = await browser.post(path, {"csrf": token, "owner": "nobody@example.com"})
    assert answer.status_code == 400
    await browser.post(path, {"csrf": token, "owner": "Ana@Example.com"})
    assert (await agent(small_site)).owner_id == ana.id
    assert "Ana" in words((await browser.get("/admin/agents/agt_a")).text)
    await browser.post(path, {"csrf": token, "owner": ""})
    assert (await agent(small_site)).owner_id is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", True), ("q=ana%40example", True), ("q=helper+a", True), ("q=docs.example", True),
        ("q=dlg_1", True), ("q=agt_a", True), ("q=helper+b", False), ("q=%25", False),
        ("status=live", True), ("status=revoked", False), ("status=paused", False),
        ("status=expired", False), ("status=nonsense", True), ("q=_", True),
    ],
)  # fmt: skip
async def test_delegations_are_searched_by_person_agent_service_id_and_state(
    small_site: Site, query: str, found: bool
):
    browser, _, _ = await console(small_site)
    page = (await browser.get(f"/admin/delegations?{query}")).text
    assert ("/admin/delegations/dlg_1" in page) is found


@pytest.mark.parametrize("state", ["live", "paused", "expired", "revoked"])
async def test_delegations_are_found_by_state(site: Site, state: str):
    browser, _, _ = await console(site)
    if state == "paused":
        await confirm(browser, "/admin/agents/agt_a/suspend")
    if state == "revoked":
        await confirm(browser, "/admin/delegations/dlg_1/revoke")
    if state == "expired":
        site.clock.advance(days=31)
        await browser.signed_in("boss@example.com")
    for other in ("live", "paused", "expired", "revoked"):
        page = (await browser.get(f"/admin/delegations?status={other}")).text
        assert ("/admin/delegations/dlg_1" in page) is (other == state)


async def test_an_administrator_revokes_with_a_reason_and_a_preview(site: Site):
    browser, boss, ana = await console(site)
    value = await stored(site, "dlg_1")
    await allow(site, ana, "dlg_2", agent="agt_b", parent=value)
    await mint(site, value, "tok_1")
    await leave_behind(site, value)
    preview = words((await browser.get("/admin/delegations/dlg_1/revoke")).text)
    assert "Live tokens 1" in preview
    assert "Helper B" in preview
    assert "viewer of Taxes" in preview
    answer = await confirm(browser, "/admin/delegations/dlg_1/revoke", {"reason": "told so"})
    assert answer.headers["location"] == "/admin/delegations/dlg_1?done=revoked"
    assert (await stored(site, "dlg_2")).revoked_reason == "admin"
    page = words((await browser.get("/admin/delegations/dlg_1")).text)
    assert "An administrator revoked it." in page
    trail = await site.rows("SELECT user_id, detail FROM audit WHERE tag = 'delegation:revoked'")
    assert {row[0] for row in trail} == {ana.id}
    assert all(boss.id in str(row[1]) for row in trail)
    assert "told so" in str(await site.rows("SELECT document FROM audit_personal"))


async def test_an_administrator_undoes_an_effect(small_site: Site):
    browser, _, _ = await console(small_site)
    await leave_behind(small_site, await stored(small_site, "dlg_1"))
    token = await browser.csrf("/admin/delegations/dlg_1")
    answer = await browser.post("/admin/delegations/dlg_1/undo", {"csrf": token, "effect": "eff_1"})
    assert answer.headers["location"] == "/admin/delegations/dlg_1?done=undone"


async def test_disabling_a_person_ends_their_sessions_and_is_seen_by_every_cache(site: Site):
    browser, _, ana = await console(site)
    theirs = await site.browser().signed_in("ana@example.com")
    sessions = await site.core.store.read(lambda tx: site.core.rows.sessions.of_user(tx, ana.id))
    await allow(site, ana, "dlg_2", sid=sessions[0].id)
    assert "1" in words((await browser.get(f"/admin/people/{ana.id}/disable")).text)
    answer = await confirm(browser, f"/admin/people/{ana.id}/disable")
    assert answer.headers["location"] == "/admin/people?done=disabled"
    changes = await site.rows("SELECT kind, entry_id FROM security_change")
    assert ("user", ana.id) in changes
    assert ("session", sessions[0].id) in changes
    assert (await theirs.get("/agents")).status_code == 303
    assert (await stored(site, "dlg_2")).revoked_reason == "session_ended"
    assert (await stored(site, "dlg_1")).revoked_at is None
    assert (await theirs.sign_in("ana@example.com")).status_code == 400

    answer = await confirm(browser, f"/admin/people/{ana.id}/enable")
    assert answer.headers["location"] == "/admin/people?done=enabled"
    await theirs.signed_in("ana@example.com")


async def test_an_administrator_cannot_lock_themselves_out(small_site: Site):
    browser, boss, _ = await console(small_site)
    page = (await browser.get("/admin/people")).text
    assert f"/admin/people/{boss.id}/disable" not in page
    assert (await browser.get(f"/admin/people/{boss.id}/disable")).status_code == 404
    token = await browser.csrf("/admin/agents/agt_a")
    answer = await browser.post(f"/admin/people/{boss.id}/disable", {"csrf": token})
    assert answer.status_code == 404
    assert (await browser.get("/admin/people")).status_code == 200


async def test_the_trail_is_filtered_by_person_agent_and_delegation(site: Site):
    browser, boss, ana = await console(site)
    value = await stored(site, "dlg_1")
    other = await allow(site, boss, "dlg_9", agent="agt_b")
    await used(site, value)
    await used(site, other, tag=AuditTag.EXCHANGE)

    async def shown(query: str) -> str:
        return words((await browser.get(f"/admin/audit?{query}")).text)

    page = await shown("")
    assert "Used a service" in page
    assert "Got a token for a service" in page
    assert "not sealed yet" in page
    for query in ("person=ana%40example.com", f"person={ana.id}", "agent=agt_a",
                  "agent=helper+a", "delegation=dlg_1"):  # fmt: skip
        page = await shown(query)
        assert "Used a service" in page, query
        assert "Got a token for a service" not in page, query
    page = await shown(f"person={ana.id}&agent=agt_b")
    assert "No record fits" in page
    assert "nobody with this address" in await shown("person=ghost%40example.com")
    assert "several agents" in await shown("agent=helper")
    assert "no agent" in await shown("agent=ghost")
    # An id is no pattern.
    assert "No record fits" in await shown("agent=agt%25")
    assert "No record fits" in await shown("agent=agt__")


async def test_the_trail_goes_on_page_by_page(site: Site):
    browser, _, ana = await console(site)
    value = await stored(site, "dlg_1")
    for number in range(70):
        site.clock.advance(ms=number % 2)
        await used(site, value)
    total, path = 0, f"/admin/audit?person={ana.id}"
    for _ in range(3):
        page = (await browser.get(path)).text
        total += page.count("<code>decision:evaluated</code>")
        if 'rel="next" href="' not in page:
            break
        path = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert total == 70


async def test_a_rare_match_far_back_is_reached_by_going_on(small_site: Site, monkeypatch):
    monkeypatch.setattr("server.storage.audit_reading.MAX_SCANNED", 10)
    browser, boss, _ = await console(small_site)
    other = await allow(small_site, boss, "dlg_9", agent="agt_b")
    value = await stored(small_site, "dlg_1")
    for _ in range(25):
        small_site.clock.advance(ms=1)
        await used(small_site, value)
    assert other.agent_id == "agt_b"
    path, pages = "/admin/audit?agent=agt_b", 0
    while True:
        page = (await browser.get(path)).text
        pages += 1
        if "dlg_9" in page or 'rel="next" href="' not in page:
            break
        path = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "dlg_9" in page
    assert pages == 3


async def test_the_console_is_not_there_for_anybody_else(small_site: Site):
    _, _, ana = await console(small_site)
    browser = await small_site.browser().signed_in("ana@example.com")
    unknown = await browser.get("/agents/dlg_none")
    for path in PAGES:
        answer = await browser.get(path)
        assert (answer.status_code, answer.content) == (404, unknown.content), path
        answer = await small_site.browser().get(path)
        assert answer.headers["location"] == "/sign-in?next=%2Fadmin%2Fagents"
    token = await browser.csrf("/agents/dlg_1")
    before = await stored(small_site, "dlg_1")
    for path in POSTS:
        answer = await browser.post(path.format(ana=ana.id), {"csrf": token, "owner": ana.id})
        assert answer.status_code == 404, path
        stranger = await small_site.browser().post(path.format(ana=ana.id), {})
        assert stranger.headers["location"].startswith("/sign-in"), path
    assert await stored(small_site, "dlg_1") == before
    now = await agent(small_site)
    assert (now.status, now.owner_id) == (Status.ACTIVE, None)
    assert (await small_site.user(ana.id)) == ana
    assert "/admin" not in (await browser.get("/agents")).text


async def test_every_change_of_the_console_needs_its_form(small_site: Site):
    browser, _, ana = await console(small_site)
    mallory = await small_site.browser().signed_in("ana@example.com")
    theirs = await mallory.csrf("/agents/dlg_1")
    for path in POSTS:
        for data, headers in (
            ({"x": "1"}, {}), ({"csrf": theirs}, {}),
            ({"csrf": await browser.csrf("/admin/agents/agt_a")}, {"origin": "https://evil.example"}),
        ):  # fmt: skip
            answer = await browser.post(path.format(ana=ana.id), data, headers=headers)
            assert answer.status_code == 403, path
    assert (await agent(small_site)).status is Status.ACTIVE


async def test_who_loses_the_role_is_out_at_the_next_request(site: Site):
    from dataclasses import replace

    browser, boss, _ = await console(site)
    preview = (await browser.get("/admin/agents/agt_a/suspend")).text
    await site.core.store.write(
        lambda tx: site.core.rows.users.update(tx, replace(boss, role=Role.USER))
    )
    assert (await browser.get("/admin/agents")).status_code == 404
    answer = await browser.post("/admin/agents/agt_a/suspend", hidden(preview))
    assert answer.status_code == 404
    assert (await agent(site)).status is Status.ACTIVE


async def test_use_cases_check_the_role_in_the_unit_itself(site: Site):
    from dataclasses import replace

    from server.domain.people import UserStatus
    from server.identity.accounts import NotAllowed, set_status
    from server.services.agents import set_agent_status, set_owner
    from server.services.withdraw import By, NotYours, revoke

    _, boss, ana = await console(site)
    await site.core.store.write(
        lambda tx: site.core.rows.users.update(tx, replace(boss, role=Role.USER))
    )
    core = site.core
    for outcome in (
        await set_status(core, ana.id, UserStatus.DISABLED, admin=boss),
        await set_agent_status(core, "agt_a", Status.SUSPENDED, admin=boss),
        await set_owner(core, "agt_a", boss.id, admin=boss),
    ):
        assert isinstance(outcome, NotAllowed)
    assert isinstance(await revoke(core, "dlg_1", By(user=boss, as_admin=True)), NotYours)
    assert (await stored(site, "dlg_1")).revoked_at is None


async def test_an_owner_sees_own_agents_with_the_people_pseudonymous(small_site: Site):
    owner = await small_site.add_user("owner@example.com", name="Olga")
    ana = await small_site.add_user("ana@example.com", name="Ana Lima")
    await furnish(small_site, owner)
    await allow(small_site, ana, "dlg_1")
    await allow(small_site, ana, "dlg_2", agent="agt_b")
    browser = await small_site.browser().signed_in("owner@example.com")
    listed = words((await browser.get("/owned")).text)
    assert "Helper A" in listed
    assert "Helper B" not in listed
    page = (await browser.get("/owned/agt_a")).text
    assert "person " in words(page)
    for secret in ("ana@example.com", "Ana Lima", ana.id, "/agents/dlg_1", "/admin"):
        assert secret not in page
    theirs, unknown = await browser.get("/owned/agt_b"), await browser.get("/owned/agt_none")
    assert theirs.status_code == unknown.status_code == 404
    assert theirs.content == unknown.content
    assert (await browser.get("/agents/dlg_1")).status_code == 404


@pytest.mark.parametrize("allowed", [False, True])
async def test_people_register_agents_only_where_the_policy_says_so(small_url: str, allowed: bool):
    site = await open_site(small_url, user_agents=allowed)
    await site.add_user("ana@example.com")
    browser = await site.browser().signed_in("ana@example.com")
    page = (await browser.get("/owned")).text
    assert ("Name of a new agent" in page) is allowed
    data = {"csrf": await browser.csrf("/sign-out"), "name": "Mine", "purpose": "Fun"}
    assert (await browser.post("/owned", data)).status_code == (303 if allowed else 404)
    made = await site.rows("SELECT name FROM agent")
    assert made == ([("Mine",)] if allowed else [])
    if allowed:
        assert (await browser.post("/owned", {**data, "name": " - "})).status_code == 400
    await site.close()
