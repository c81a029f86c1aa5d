""" "My agents": what an enterprise's identity provider allowed, revoked and let be allowed again."""

import asyncio

from server.domain.audit import AuditTag
from server.domain.delegation import EVERYTHING
from tests.flows.test_my_agents import ana, post
from tests.requirements import requirement
from tests.support.delegations import allow, stored
from tests.support.people_site import Browser, Site, hidden, words

IDP = "https://acme.idp.example"
AGAIN = "/agents/dlg_1/allow-again"


async def test_it_says_who_allowed_it_and_what(site: Site):
    browser, user = await ana(site)
    await allow(site, user, "dlg_1", origin=IDP, objects=(EVERYTHING,), hand_over=())
    await allow(site, user, "dlg_2")
    listed = words((await browser.get("/agents")).text)
    assert listed.count("allowed by the identity provider acme.idp.example") == 1
    page = words((await browser.get("/agents/dlg_1")).text)
    assert "You did not allow this on a page here" in page
    assert "acme.idp.example" in page
    assert "Everything that you may reach yourself" in page
    assert "identity provider" not in words((await browser.get("/agents/dlg_2")).text)
    preview = words((await browser.get("/agents/dlg_1/revoke")).text)
    assert "cannot allow it again until that is lifted here" in preview


async def test_everything_can_be_taken_away_and_stays_so(site: Site):
    browser, user = await ana(site)
    await allow(site, user, "dlg_1", origin=IDP, objects=(EVERYTHING,))
    answer = await post(
        browser, "/agents/dlg_1", "/agents/dlg_1/narrow", {"keep_scope": ["docs:read"]}
    )
    assert answer.headers["location"] == "/agents/dlg_1?done=narrowed"
    now = await stored(site, "dlg_1")
    assert now.cut
    assert now.details[0].objects == ()
    assert now.details[0].scopes == frozenset({"docs:read"})


@requirement("enterprise:revoked-stays")
async def test_the_person_lifts_their_own_revocation_once(site: Site):
    browser, user = await ana(site)
    await allow(site, user, "dlg_1", origin=IDP)
    live = (await browser.get("/agents/dlg_1")).text
    assert AGAIN not in live
    # Of one that stands there is nothing to lift.
    early = await post(browser, "/agents/dlg_1", AGAIN, {})
    assert early.headers["location"] == "/agents/dlg_1?done=nothing"
    await post(browser, "/agents/dlg_1/revoke", "/agents/dlg_1/revoke", {})
    ended = (await browser.get("/agents/dlg_1")).text
    assert AGAIN in ended
    form = {"csrf": hidden(ended)["csrf"]}
    answers = await asyncio.gather(*(browser.post(AGAIN, form) for _ in range(3)))
    assert sorted(a.headers["location"] for a in answers) == [
        "/agents/dlg_1?done=lifted", "/agents/dlg_1?done=nothing", "/agents/dlg_1?done=nothing",
    ]  # fmt: skip
    now = await stored(site, "dlg_1")
    assert now.lifted
    assert now.revoked_at is not None
    after = (await browser.get("/agents/dlg_1?done=lifted")).text
    assert "may allow it again" in words(after)
    assert AGAIN not in after
    [row] = await site.rows(
        f"SELECT user_id, grant_id FROM audit WHERE tag = '{AuditTag.DELEGATION_LIFTED.value}'"
    )
    assert tuple(row) == (user.id, "dlg_1")


async def test_an_end_that_the_person_set_can_be_lifted_when_it_came(site: Site):
    browser, user = await ana(site)
    await allow(site, user, "dlg_1", origin=IDP)
    form = {"keep_scope": ["docs:read"], "keep_object": ["folder:1"], "ends_in": "3600"}
    await post(browser, "/agents/dlg_1", "/agents/dlg_1/narrow", form)
    assert AGAIN not in (await browser.get("/agents/dlg_1")).text
    site.clock.advance(seconds=3601)
    assert AGAIN in (await browser.get("/agents/dlg_1")).text
    answer = await post(browser, "/agents/dlg_1", AGAIN, {})
    assert answer.headers["location"] == "/agents/dlg_1?done=lifted"


async def test_nobody_else_lifts_it_and_nobody_by_a_link(site: Site):
    browser, user = await ana(site)
    await site.add_user("bob@example.com")
    bob: Browser = await site.browser().signed_in("bob@example.com")
    await allow(site, user, "dlg_1", origin=IDP)
    await post(browser, "/agents/dlg_1/revoke", "/agents/dlg_1/revoke", {})
    stolen = {"csrf": await bob.csrf("/sign-out")}
    assert (await bob.post(AGAIN, stolen)).status_code == 404
    assert (await browser.post(AGAIN, {"csrf": "x"})).status_code == 403
    assert (await browser.post(AGAIN, {"other": "x"})).status_code == 403
    assert (await browser.get(AGAIN)).status_code == 405
    anonymous = await site.browser().post(AGAIN, {"csrf": "x"})
    assert anonymous.status_code in {303, 403}
    assert not (await stored(site, "dlg_1")).lifted


async def test_what_the_person_consented_to_has_nothing_to_lift(site: Site):
    browser, user = await ana(site)
    await allow(site, user, "dlg_1")
    await post(browser, "/agents/dlg_1/revoke", "/agents/dlg_1/revoke", {})
    assert AGAIN not in (await browser.get("/agents/dlg_1")).text
    answer = await post(browser, "/sign-out", AGAIN, {})
    assert answer.headers["location"] == "/agents/dlg_1?done=nothing"
    assert not (await stored(site, "dlg_1")).lifted
