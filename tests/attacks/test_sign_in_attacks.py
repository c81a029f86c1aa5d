"""Attacks on sign-up and sign-in: whoever guesses or asks around learns nothing."""

import asyncio

from argon2 import PasswordHasher

from server.domain.people import Role, UserStatus
from server.identity.accounts import set_status
from server.identity.passwords import Passwords
from tests.support.people_site import PASSWORD, Browser, Site, hidden

OTHER = "seven blue teapots hum"


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


class CountingHasher(PasswordHasher):
    """argon2 as configured, which counts how often it really works."""

    worked = 0

    def hash(self, *args, **kwargs):
        self.worked += 1
        return super().hash(*args, **kwargs)

    def verify(self, *args, **kwargs):
        self.worked += 1
        return super().verify(*args, **kwargs)


async def argon2_runs(site: Site, path: str, data: dict) -> int:
    hasher = CountingHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
    given, site.front.passwords._hasher = site.front.passwords._hasher, hasher
    await site.browser().submit(path, data)
    site.front.passwords._hasher = given
    return hasher.worked


async def test_the_password_work_is_the_same_whether_or_not_the_account_exists(small_site: Site):
    await small_site.add_user("known@example.com")
    for path, extra in (("/sign-in", {}), ("/sign-up", {"name": "N"})):
        runs = [
            await argon2_runs(small_site, path, {"email": email, "password": OTHER, **extra})
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


async def guess(
    site: Site, count: int, browser: Browser, email: str = "ana@example.com"
) -> list[int]:
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


async def test_the_first_guesses_at_the_same_time_get_no_more_checks_than_one_by_one(site: Site):
    # Nothing is stored of any of these accounts yet, nor of the addresses.
    for number in range(5):
        email = f"ana{number}@example.com"
        await site.add_user(email)
        browsers = [site.browser(f"192.0.{number}.{n}") for n in range(12)]
        forms = [hidden((await browser.get("/sign-in")).text) for browser in browsers]
        hasher = CountingHasher(time_cost=1, memory_cost=8, parallelism=1)
        given, site.front.passwords._hasher = site.front.passwords._hasher, hasher
        answers = await asyncio.gather(
            *(
                browser.post("/sign-in", {**form, "email": email, "password": OTHER})
                for browser, form in zip(browsers, forms, strict=True)
            )
        )
        site.front.passwords._hasher = given
        assert sorted(a.status_code for a in answers) == [400] * 5 + [429] * 7
        assert hasher.worked == 5


async def test_the_first_guesses_of_one_source_at_the_same_time_are_counted_too(site: Site):
    browsers = [site.browser("203.0.113.9") for _ in range(36)]
    forms = [hidden((await browser.get("/sign-in")).text) for browser in browsers]
    answers = await asyncio.gather(
        *(
            browser.post("/sign-in", {**form, "email": f"u{n}@example.com", "password": OTHER})
            for n, (browser, form) in enumerate(zip(browsers, forms, strict=True))
        )
    )
    assert sorted(a.status_code for a in answers) == [400] * 30 + [429] * 6


async def test_accounts_made_at_the_same_time_are_counted_from_the_first_on(site: Site):
    browsers = [site.browser("203.0.113.9") for _ in range(24)]
    forms = [hidden((await browser.get("/sign-up")).text) for browser in browsers]
    person = {"name": "Bot", "password": OTHER}
    answers = await asyncio.gather(
        *(
            browser.post("/sign-up", {**form, **person, "email": f"bot{n}@example.com"})
            for n, (browser, form) in enumerate(zip(browsers, forms, strict=True))
        )
    )
    assert sorted(a.status_code for a in answers) == [303] * 20 + [429] * 4


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
