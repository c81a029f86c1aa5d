"""Attacks on sign-up, sign-in and sessions: whoever guesses, forges, fixes or spies gets nothing."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from server.domain.people import Role, UserStatus
from server.identity.accounts import set_status
from server.identity.passwords import Passwords
from server.web.way_back import way_back
from tests.flows.test_account import waiting
from tests.support.people_site import PASSWORD, Browser, Site, hidden, open_site

OTHER = "seven blue teapots hum"


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    opened = await open_site(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def small_site(sqlite_url: str) -> AsyncIterator[Site]:
    opened = await open_site(sqlite_url)
    yield opened
    await opened.close()


async def same_answers(browser: Browser, path: str, first: dict, second: dict) -> None:
    form = hidden((await browser.get(path)).text)
    one = await browser.post(path, {**form, **first})
    two = await browser.post(path, {**form, **second})
    typed = (first["email"].encode(), second["email"].encode())
    assert len(typed[0]) == len(typed[1])
    assert one.status_code == two.status_code
    assert one.headers == two.headers
    assert one.content.replace(typed[0], b"-") == two.content.replace(typed[1], b"-")


# ------------------------------------------------------------------ who has an account


async def test_sign_in_answers_alike_for_known_and_unknown_accounts(site: Site):
    await site.add_user("known@example.com")
    first = {"email": "known@example.com", "password": OTHER}
    second = {"email": "ghost@example.com", "password": OTHER}
    await same_answers(site.browser(), "/sign-in", first, second)


async def test_sign_in_answers_alike_for_a_disabled_account_and_a_wrong_password(site: Site):
    admin = await site.add_user("boss@example.com", role=Role.ADMIN)
    user = await site.add_user("known@example.com")
    await set_status(site.core, user.id, UserStatus.DISABLED, admin=admin)
    first = {"email": "known@example.com", "password": PASSWORD}
    second = {"email": "ghost@example.com", "password": PASSWORD}
    browser = site.browser()
    await same_answers(browser, "/sign-in", first, second)
    assert browser.cookie("session") is None


async def test_sign_up_answers_alike_for_free_and_taken_addresses_and_changes_nothing(site: Site):
    user = await site.add_user("known@example.com")
    first = {"email": "KNOWN@example.com", "password": OTHER, "name": "Thief"}
    second = {"email": "GHOST@example.com", "password": OTHER, "name": "Thief"}
    await same_answers(site.browser(), "/sign-up", first, second)
    assert await site.user(user.id) == user
    assert (await site.browser().sign_in("known@example.com", OTHER)).status_code == 400
    await site.browser().signed_in("known@example.com")


class CountingPool(ThreadPoolExecutor):
    def __init__(self) -> None:
        super().__init__(1)
        self.done = 0

    def submit(self, work, /, *args, **kwargs):
        self.done += 1
        return super().submit(work, *args, **kwargs)


async def argon2_runs(site: Site, path: str, data: dict) -> int:
    pool = CountingPool()
    before, site.front.passwords._pool = site.front.passwords._pool, pool
    await site.browser().submit(path, data)
    site.front.passwords._pool = before
    pool.shutdown()
    return pool.done


async def test_the_password_work_is_the_same_whether_or_not_the_account_exists(small_site: Site):
    await small_site.add_user("known@example.com")
    for path, extra in (("/sign-in", {}), ("/sign-up", {"name": "N"})):
        runs = [
            await argon2_runs(
                small_site, path, {"email": email, "password": OTHER, **extra}
            )
            for email in ("known@example.com", f"ghost{path[-2:]}@example.com")
        ]
        assert runs == [1, 1]


async def test_the_hash_of_nobody_costs_what_a_real_one_costs(small_site: Site):
    from argon2 import extract_parameters

    from server.identity.passwords import _NOBODY

    real = await small_site.front.passwords.hash(PASSWORD)
    assert extract_parameters(_NOBODY) == extract_parameters(real)
    assert not (await small_site.front.passwords.verify("", None)).right


async def test_the_database_work_is_the_same_whether_or_not_the_account_exists(small_site: Site):
    await small_site.add_user("known@example.com")

    async def rows() -> int:
        found = await small_site.rows("SELECT count(*) FROM audit")
        return int(str(found[0][0]))

    grown = []
    for email in ("known@example.com", "ghost@example.com"):
        before = await rows()
        await small_site.browser().sign_in(email, OTHER)
        grown.append(await rows() - before)
    assert grown == [1, 1]


# ------------------------------------------------------------------------ guessing


async def guess(site: Site, count: int, browser: Browser, email: str = "ana@example.com") -> list[int]:
    form = hidden((await browser.get("/sign-in")).text)
    return [
        (await browser.post("/sign-in", {**form, "email": email, "password": OTHER})).status_code
        for _ in range(count)
    ]


async def test_a_guesser_is_slowed_down_and_told_when_to_try_again(site: Site):
    await site.add_user("ana@example.com")
    browser = site.browser()
    assert await guess(site, 7, browser) == [400] * 5 + [429] * 2
    form = hidden((await browser.get("/sign-in")).text)
    right = {**form, "email": "ana@example.com", "password": PASSWORD}
    answer = await browser.post("/sign-in", right)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    site.clock.advance(seconds=1)
    assert (await browser.post("/sign-in", right)).status_code == 303


async def test_the_delay_grows_and_stays_below_a_quarter_of_an_hour(small_site: Site):
    await small_site.add_user("ana@example.com")
    browser = small_site.browser()
    form = hidden((await browser.get("/sign-in")).text)
    wrong = {**form, "email": "ana@example.com", "password": OTHER}
    waits = []
    for _ in range(20):
        answer = await browser.post("/sign-in", wrong)
        if answer.status_code == 429:
            waits.append(int(answer.headers["retry-after"]))
            small_site.clock.advance(seconds=waits[-1])
    assert waits == sorted(waits)
    assert waits[:4] == [1, 2, 4, 8]
    assert max(waits) <= 900


async def test_unknown_accounts_are_slowed_down_alike(small_site: Site):
    assert await guess(small_site, 7, small_site.browser(), "ghost@example.com") == (
        [400] * 5 + [429] * 2
    )


async def test_guesses_at_the_same_time_do_not_slip_through_together(site: Site):
    await site.add_user("ana@example.com")
    await guess(site, 4, site.browser())
    browsers = [site.browser() for _ in range(10)]
    answers = await asyncio.gather(*(guess(site, 1, browser) for browser in browsers))
    assert sorted(code for answer in answers for code in answer) == [400] + [429] * 9


async def test_one_source_that_tries_many_accounts_is_slowed_down(small_site: Site):
    browser = small_site.browser("203.0.113.9")
    codes = [
        code
        for number in range(32)
        for code in await guess(small_site, 1, browser, f"user{number}@example.com")
    ]
    assert codes == [400] * 30 + [429] * 2
    assert await guess(small_site, 1, small_site.browser("203.0.113.10")) == [400]


async def test_an_ipv6_network_counts_as_one_source(small_site: Site):
    for number in range(30):
        browser = small_site.browser(f"2001:db8:1:2::{number:x}")
        await guess(small_site, 1, browser, f"user{number}@example.com")
    assert await guess(small_site, 1, small_site.browser("2001:db8:1:2:ffff::1")) == [429]
    assert await guess(small_site, 1, small_site.browser("2001:db8:1:3::1")) == [400]


async def test_signing_in_to_an_own_account_gives_a_guesser_no_fresh_start(small_site: Site):
    await small_site.add_user("mallory@example.com")
    browser = small_site.browser("203.0.113.9")
    codes: list[int] = []
    for number in range(16):
        codes += await guess(small_site, 2, browser, f"user{number}@example.com")
        await browser.sign_in("mallory@example.com")
    assert codes[-1] == 429


async def test_a_guesser_cannot_keep_the_owner_out_of_a_known_browser(site: Site):
    await site.add_user("ana@example.com")
    owner = await site.browser("192.0.2.1").signed_in("ana@example.com")
    await guess(site, 12, site.browser("203.0.113.9"))
    stranger = await site.browser("203.0.113.9").sign_in("ana@example.com")
    assert stranger.status_code == 429
    assert (await owner.sign_in("ana@example.com")).status_code == 303


async def test_a_forged_or_foreign_device_cookie_has_no_counter_of_its_own(small_site: Site):
    await small_site.add_user("ana@example.com")
    await small_site.add_user("mallory@example.com")
    mallory = await small_site.browser().signed_in("mallory@example.com")
    await guess(small_site, 6, small_site.browser())
    for cookie in (mallory.cookie("device"), "nonce.mark", "nonce", "."):
        forger = small_site.browser()
        forger.http.cookies.set(
            small_site.front.cookies.name("device"), cookie or "", domain="127.0.0.1"
        )
        assert await guess(small_site, 1, forger) == [429]


async def test_a_success_clears_the_counter_of_the_account(small_site: Site):
    await small_site.add_user("ana@example.com")
    for _ in range(3):
        assert await guess(small_site, 4, small_site.browser()) == [400] * 4
        await small_site.browser().signed_in("ana@example.com")


async def test_accounts_cannot_be_made_in_bulk_from_one_source(small_site: Site):
    browser = small_site.browser()
    form = hidden((await browser.get("/sign-up")).text)
    codes = []
    for number in range(22):
        person = {"name": "Bot", "email": f"bot{number}@example.com", "password": OTHER}
        codes.append((await browser.post("/sign-up", {**form, **person})).status_code)
    assert codes == [303] * 20 + [429] * 2


async def test_a_full_line_of_passwords_is_503_and_recovers(small_site: Site):
    await small_site.add_user("ana@example.com")
    small = Passwords(small_site.core.entropy, workers=1, waiting=1)
    given = small_site.front.passwords
    object.__setattr__(small_site.front, "passwords", small)
    browsers = [small_site.browser(f"192.0.2.{n}") for n in range(8)]
    pages = [hidden((await b.get("/sign-in")).text) for b in browsers]
    answers = await asyncio.gather(
        *(
            b.post("/sign-in", {**page, "email": f"u{n}@example.com", "password": OTHER})
            for n, (b, page) in enumerate(zip(browsers, pages, strict=True))
        )
    )
    codes = [a.status_code for a in answers]
    assert set(codes) == {400, 503}
    assert all(a.headers["retry-after"] for a in answers if a.status_code == 503)
    await small_site.browser().signed_in("ana@example.com")
    small.close()
    object.__setattr__(small_site.front, "passwords", given)


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
    answer = await browser.post(
        path, {**form, **person}, headers={"sec-fetch-site": "cross-site"}
    )
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


async def test_session_cookies_are_host_bound_secure_and_out_of_reach_of_scripts(sqlite_url: str):
    site = await open_site(sqlite_url, issuer="https://id.example")
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
