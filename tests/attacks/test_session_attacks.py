"""Attacks on sessions, forms and cookies: fixation, forgery, open redirects, malformed input."""

import pytest

from server.domain.people import Role, UserStatus
from server.identity.accounts import set_status
from server.web.way_back import way_back
from tests.flows.test_account import waiting
from tests.support.people_site import PASSWORD, Site, hidden, open_site

# ------------------------------------------------------------- fixation and forgery


async def test_a_planted_session_cookie_is_never_adopted(site: Site):
    await site.add_user("ana@example.com")
    victim = site.browser()
    planted = "A" * 43
    victim.http.cookies.set(site.front.cookies.name("session"), planted, domain="127.0.0.1")
    await victim.signed_in("ana@example.com")
    spy = site.browser()
    spy.http.cookies.set(site.front.cookies.name("session"), planted, domain="127.0.0.1")
    assert (await spy.get("/agents")).headers["location"].startswith("/sign-in")


async def test_a_session_of_the_attacker_in_the_victims_browser_ends_at_sign_in(site: Site):
    await site.add_user("ana@example.com")
    await site.add_user("mallory@example.com")
    mallory = await site.browser().signed_in("mallory@example.com")
    victim = site.browser()
    planted = mallory.cookie("session") or ""
    name = site.front.cookies.name("session")
    victim.http.headers["cookie"] = f"{name}={planted}"
    page = await victim.get("/sign-in")
    given = page.headers["set-cookie"].split(";")[0]
    victim.http.headers["cookie"] = f"{name}={planted}; {given}"
    answer = await victim.post(
        "/sign-in", {**hidden(page.text), "email": "ana@example.com", "password": PASSWORD}
    )
    assert answer.status_code == 303
    assert (await mallory.get("/agents")).headers["location"].startswith("/sign-in")


@pytest.mark.parametrize("path", ["/sign-in", "/sign-up"])
async def test_a_form_without_its_token_is_refused(small_site: Site, path: str):
    await small_site.add_user("ana@example.com")
    browser = small_site.browser()
    form = hidden((await browser.get(path)).text)
    person = {"name": "Ana", "email": "ana@example.com", "password": PASSWORD}
    stranger = small_site.browser()
    their_token = hidden((await stranger.get(path)).text)["csrf"]
    for forged in ({}, {"csrf": "x"}, {"csrf": their_token}):
        assert (await browser.post(path, {**person, **forged})).status_code == 403
    headers = {"origin": "https://evil.example"}
    answer = await browser.post(path, {**form, **person}, headers=headers)
    assert answer.status_code == 403
    answer = await browser.post(path, {**form, **person}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert browser.cookie("session") is None
    # Login CSRF: a browser that never opened our page has no name to bind a token to.
    empty = small_site.browser()
    assert (await empty.post(path, {**form, **person})).status_code == 403
    assert empty.cookie("session") is None


async def test_sign_out_needs_the_sessions_own_token(small_site: Site):
    await small_site.add_user("ana@example.com")
    await small_site.add_user("mallory@example.com")
    browser = await small_site.browser().signed_in("ana@example.com")
    mallory = await small_site.browser().signed_in("mallory@example.com")
    token = await mallory.csrf("/sign-out")
    for forged in ({}, {"csrf": token}):
        answer = await browser.post("/sign-out", {**forged, "decision": "sign_out"})
        assert answer.status_code == 403
    assert (await browser.get("/")).headers["location"] == "/agents"
    assert (await browser.get("/sign-out")).status_code == 200
    assert (await browser.get("/")).headers["location"] == "/agents"


async def test_the_token_of_before_sign_in_is_worth_nothing_after_it(small_site: Site):
    await small_site.add_user("ana@example.com")
    browser = small_site.browser()
    old = await browser.csrf("/sign-in")
    await browser.signed_in("ana@example.com")
    answer = await browser.post("/sign-out", {"csrf": old, "decision": "sign_out"})
    assert answer.status_code == 403


# ------------------------------------------------------------------ where it leads


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example",
        "/agents//evil.example", "/agents/../../evil", "/agents@evil.example", "/agents\t",
        "javascript:alert(1)", "/%2fevil.example", "/sign-out", "/agents#@evil", "/agentsx",
        "http:/agents", " /agents", "/agents\r\nSet-Cookie:a=b", "/agents?x=//evil.example:80",
    ],
)  # fmt: skip
async def test_sign_in_never_leads_away(small_site: Site, target: str):
    await small_site.add_user("ana@example.com")
    browser = small_site.browser()
    form = hidden((await browser.get("/sign-in")).text)
    for query in ({"next": target}, {"interaction": target}):
        answer = await browser.post(
            "/sign-in",
            {**form, "email": "ana@example.com", "password": PASSWORD},
            params=query,
        )
        assert answer.headers["location"] in ("/agents", "/sign-in")
    assert way_back(next_path=target, interaction=None).target == "/agents"


async def test_sign_in_leads_back_to_our_own_page(small_site: Site):
    await small_site.add_user("ana@example.com")
    browser = small_site.browser()
    asked = await browser.get("/agents/dlg_abc")
    assert asked.headers["location"] == "/sign-in?next=%2Fagents%2Fdlg_abc"
    answer = await browser.sign_in("ana@example.com", page=asked.headers["location"])
    assert answer.headers["location"] == "/agents/dlg_abc"
    asked = await small_site.browser().get("/applications")
    assert asked.headers["location"] == "/sign-in?next=%2Fapplications"


async def test_an_interaction_in_the_address_is_checked_like_one_in_the_form(small_site: Site):
    await small_site.add_user("ana@example.com")
    interaction_id = await waiting(small_site, small_site.browser())
    browser = small_site.browser()
    form = hidden((await browser.get("/sign-in")).text)
    answer = await browser.post(
        f"/sign-in?interaction={interaction_id}",
        {**form, "email": "ana@example.com", "password": PASSWORD},
    )
    assert answer.status_code == 404
    assert browser.cookie("session") is None


# ---------------------------------------------------------------- headers and cookies


@pytest.mark.parametrize("path", ["/sign-in", "/sign-up", "/signed-out", "/agents", "/sign-out"])
async def test_no_page_can_be_framed_cached_or_run_scripts(small_site: Site, path: str):
    await small_site.add_user("ana@example.com")
    browser = await small_site.browser().signed_in("ana@example.com")
    headers = (await browser.get(path)).headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"


async def test_session_cookies_are_host_bound_secure_and_out_of_reach_of_scripts(
    small_url: str,
):
    site = await open_site(small_url, issuer="https://id.example")
    await site.add_user("ana@example.com")
    browser = site.browser()
    page = await browser.get("/sign-in")
    answer = await browser.post(
        "/sign-in", {**hidden(page.text), "email": "ana@example.com", "password": PASSWORD}
    )
    cookies = [*page.headers.get_list("set-cookie"), *answer.headers.get_list("set-cookie")]
    assert len(cookies) == 3
    for cookie in cookies:
        assert cookie.startswith("__Host-mandate_")
        for part in ("; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"):
            assert part in cookie
        assert "Domain" not in cookie
    await site.close()


async def test_the_cookie_is_nowhere_in_the_database(site: Site):
    await site.add_user("ana@example.com")
    browser = await site.browser().signed_in("ana@example.com")
    rows = await site.rows("SELECT * FROM session")
    assert (browser.cookie("session") or "-") not in str(rows)
    assert PASSWORD not in str(await site.rows("SELECT * FROM user_account"))


@pytest.mark.parametrize(
    "cookie",
    [
        "mandate_session=", "mandate_session=%00", 'mandate_session="x"', "mandate_session=a b",
        "mandate_session=" + "A" * 600, "mandate_session=x; mandate_session=y", "=;;;=", ";" * 200,
        "mandate_session=ä", "mandate_session", "mandate_browser=; mandate_device=.",
        "mandate_session=' OR 1=1 --", "mandate_device=" + "." * 90,
    ],
)  # fmt: skip
async def test_malformed_cookies_are_nobody_and_no_error(small_site: Site, cookie: str):
    await small_site.add_user("ana@example.com")
    browser = small_site.browser()
    headers = [(b"cookie", cookie.encode("latin-1"))]
    for path in ("/", "/agents", "/sign-in", "/sign-up", "/sign-out", "/admin/agents", "/owned"):
        answer = await browser.get(path, headers=headers)
        assert answer.status_code in (200, 303)
        assert "Sign out" not in answer.text
    answer = await browser.post("/sign-in", {"email": "a", "password": "b"}, headers=headers)
    assert answer.status_code == 403


async def test_two_session_cookies_are_none_even_if_one_is_right(small_site: Site):
    await small_site.add_user("ana@example.com")
    browser = await small_site.browser().signed_in("ana@example.com")
    name, right = small_site.front.cookies.name("session"), browser.cookie("session")
    stranger = small_site.browser()
    answer = await stranger.get("/agents", headers={"cookie": f"{name}={right}; {name}=x"})
    assert answer.status_code == 303
    answer = await stranger.get("/agents", headers={"cookie": f"{name}={right}"})
    assert answer.status_code == 200


async def test_a_disabled_persons_session_is_none_even_while_it_stands(site: Site):
    from dataclasses import replace

    user = await site.add_user("ana@example.com")
    browser = await site.browser().signed_in("ana@example.com")
    assert (await browser.get("/agents")).status_code == 200
    disabled = replace(user, status=UserStatus.DISABLED)
    await site.core.store.write(lambda tx: site.core.rows.users.update(tx, disabled))
    assert (await browser.get("/agents")).status_code == 303


async def test_a_disabled_person_is_out_at_once_and_stays_out_when_enabled_again(site: Site):
    admin = await site.add_user("boss@example.com", role=Role.ADMIN)
    user = await site.add_user("ana@example.com")
    browser = await site.browser().signed_in("ana@example.com")
    await set_status(site.core, user.id, UserStatus.DISABLED, admin=admin)
    assert (await browser.get("/agents")).status_code == 303
    await set_status(site.core, user.id, UserStatus.ACTIVE, admin=admin)
    assert (await browser.get("/agents")).status_code == 303
    await browser.signed_in("ana@example.com")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"email=a&email=b", "application/x-www-form-urlencoded"),
        (b"email=%ff", "application/x-www-form-urlencoded"),
        (b"email=%00", "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"x=" + b"a" * 300_000, "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded"),
    ],
)
@pytest.mark.parametrize("path", ["/sign-in", "/sign-up", "/setup", "/sign-out"])
async def test_a_broken_form_is_refused_without_an_error(
    small_site: Site, path: str, body: bytes, kind: str
):
    await small_site.add_user("ana@example.com")
    browser = small_site.browser()
    if path == "/sign-out":
        await browser.signed_in("ana@example.com")
    answer = await browser.http.post(
        browser.url(path), content=body, headers={"content-type": kind}
    )
    assert 400 <= answer.status_code < 500
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("query", ["next=a&next=b", "interaction=%ff", "welcome=%00", "next=%zz"])
async def test_a_broken_address_leads_to_the_plain_page(small_site: Site, query: str):
    browser = small_site.browser()
    for path in ("/sign-in", "/sign-up"):
        answer = await browser.get(f"{path}?{query}")
        assert (answer.status_code, answer.headers.get("location")) == (303, path)
