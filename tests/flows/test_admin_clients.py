"""The console's page about clients with a metadata document."""

from dataclasses import replace

import pytest

from server.domain.people import Role, User
from server.domain.self_registration import Trust
from server.protocol.registration.ask import ask_for
from server.services.client_trust import NotAdministrator, set_trust, trust_policy
from tests.requirements import requirement
from tests.support.people_site import Browser, Site, words

PATH = "/admin/clients"
URL = "https://tools.example/client.json"


async def boss(site: Site) -> tuple[Browser, User]:
    user = await site.add_user("boss@example.org", role=Role.ADMIN)
    return await site.browser().signed_in("boss@example.org"), user


async def decide(browser: Browser, host: str, trust: str):
    token = await browser.csrf(PATH)
    return await browser.post(PATH, {"csrf": token, "host": host, "trust": trust})


@requirement("cimd:7.9:trust")
async def test_an_administrator_sees_who_waits_and_decides(site: Site):
    browser, _ = await boss(site)
    ana = await site.add_user("ana@example.org")
    await ask_for(site.core, URL, ana.id)
    page = words((await browser.get(PATH)).text)
    assert "tools.example" in page
    assert "ana@example.org" in page
    answer = await decide(browser, "tools.example", "allow")
    assert answer.headers["location"] == f"{PATH}?done=decided"
    policy = await trust_policy(site.core)
    assert policy.requests == ()
    assert [(rule.pattern, rule.trust) for rule in policy.rules] == [("tools.example", Trust.ALLOW)]
    assert (await decide(browser, "tools.example", "remove")).status_code == 303
    assert (await trust_policy(site.core)).rules == ()
    # A second click, and what is no host.
    again = await decide(browser, "tools.example", "remove")
    assert (again.status_code, "removed before" in words(again.text)) == (400, True)
    wrong = await decide(browser, "*.com", "allow")
    assert (wrong.status_code, "no host" in words(wrong.text)) == (400, True)
    assert (await decide(browser, "tools.example", "maybe")).status_code == 404
    rows = await site.rows("SELECT detail FROM audit WHERE tag = 'client:trust' ORDER BY at")
    assert len(rows) == 3


async def test_nobody_else_finds_it(small_site: Site):
    site = small_site
    await site.add_user("ana@example.org")
    stranger, browser = site.browser(), await site.browser().signed_in("ana@example.org")
    assert (await stranger.get(PATH)).status_code == 303
    assert (await browser.get(PATH)).status_code == 404
    token = await browser.csrf("/sign-out")
    for trust in ("allow", "remove"):
        form = {"csrf": token, "host": "tools.example", "trust": trust}
        assert (await browser.post(PATH, form)).status_code == 404
    chief, _ = await boss(site)
    forged = await chief.post(PATH, {"csrf": "x", "host": "tools.example", "trust": "allow"})
    assert forged.status_code == 403
    assert (await trust_policy(site.core)).rules == ()


async def test_who_is_an_administrator_no_more_decides_nothing(small_site: Site):
    _, user = await boss(small_site)
    core = small_site.core
    await core.store.write(lambda tx: core.rows.users.update(tx, replace(user, role=Role.USER)))
    with pytest.raises(NotAdministrator):
        await set_trust(core, "tools.example", Trust.ALLOW, by=user.id, admin=user)
    assert (await trust_policy(core)).rules == ()
