"""Sign-up, sign-in and sign-out as a person does them."""

import asyncio

import pytest

from server.domain.entropy import hash_secret
from server.domain.interactions import AuthorizationRequest, Interaction
from server.domain.registry import Client, ClientAuth
from server.identity.links import make_admin_link
from server.identity.sign_up import BadSignUp, NewPerson, SignUpFault, sign_up
from tests.support.people_site import PASSWORD, Site, action, hidden, open_site, words

ANA = {"name": "Ana Lima", "email": "Ana@Example.com", "password": PASSWORD}


async def test_a_person_signs_up_signs_in_and_signs_out(site: Site):
    browser = site.browser()
    answer = await browser.submit("/sign-up", ANA)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?welcome=yes")
    shown = await browser.get("/sign-in?welcome=yes")
    assert "Your account is ready" in words(shown.text)

    answer = await browser.sign_in("ana@EXAMPLE.com")
    assert (answer.status_code, answer.headers["location"]) == (303, "/agents")
    home = await browser.get("/")
    assert home.headers["location"] == "/agents"

    token = await browser.csrf("/sign-out")
    answer = await browser.post("/sign-out", {"csrf": token, "decision": "sign_out"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/signed-out")
    assert "signed out" in words((await browser.get("/signed-out")).text)
    assert (await browser.get("/")).headers["location"] == "/sign-in"


async def test_staying_keeps_the_session(small_site: Site):
    await small_site.add_user("ana@example.com")
    browser = await small_site.browser().signed_in("ana@example.com")
    token = await browser.csrf("/sign-out")
    answer = await browser.post("/sign-out", {"csrf": token, "decision": "stay"})
    assert answer.headers["location"] == "/agents"
    assert (await browser.get("/")).headers["location"] == "/agents"


async def test_an_issuer_with_a_path_keeps_its_pages_under_it(small_url: str):
    site = await open_site(small_url, issuer="http://127.0.0.1:9000/t/acme")
    await site.add_user("ana@example.com")
    browser = site.browser()
    answer = await browser.sign_in("ana@example.com")
    assert (answer.status_code, answer.headers["location"]) == (303, "/t/acme/agents")
    assert action((await browser.get("/sign-in")).text) == "/t/acme/sign-in"
    await site.close()


@pytest.mark.parametrize(
    ("change", "words_of_it", "field"),
    [
        ({"name": " "}, "Tell us a name", "name"),
        ({"email": "ana@"}, "not an e-mail address", "email"),
        ({"email": "a b@example.com"}, "not an e-mail address", "email"),
        ({"email": "ana\u202e@example.com"}, "not an e-mail address", "email"),
        ({"password": "short one"}, "too short", "password"),
        ({"password": "x" * 14}, "too short", "password"),
        ({"password": ""}, "too short", "password"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_stored(
    small_site: Site, change: dict, words_of_it: str, field: str
):
    browser = small_site.browser()
    answer = await browser.submit("/sign-up", {**ANA, **change})
    assert answer.status_code == 400
    assert words_of_it in words(answer.text)
    assert await small_site.rows("SELECT * FROM user_account") == []
    assert ANA["password"] not in answer.text


async def test_sign_up_can_be_closed(small_url: str):
    site = await open_site(small_url, self_registration=False)
    browser = site.browser()
    assert (await browser.get("/sign-up")).status_code == 404
    page = (await browser.get("/sign-in")).text
    assert "/sign-up" not in page
    answer = await browser.post("/sign-up", {**hidden(page), **ANA})
    assert answer.status_code == 404
    front = site.front
    outcome = await sign_up(
        site.core, front.passwords, front.slow_down, person=NewPerson(**ANA), address="192.0.2.1"
    )
    assert outcome == BadSignUp(SignUpFault.CLOSED, "")
    assert await site.rows("SELECT * FROM user_account") == []
    await site.close()


async def test_two_people_who_take_one_address_at_once_make_one_account(site: Site):
    browsers = [site.browser() for _ in range(4)]
    answers = await asyncio.gather(*(b.submit("/sign-up", ANA) for b in browsers))
    assert {a.status_code for a in answers} == {303}
    assert len(await site.rows("SELECT id FROM user_account")) == 1


async def test_signing_in_again_gives_a_new_cookie_and_keeps_the_session(site: Site):
    user = await site.add_user("ana@example.com")
    browser = await site.browser().signed_in("ana@example.com")
    first = browser.cookie("session")
    site.clock.advance(minutes=5)
    await browser.signed_in("ana@example.com")
    second = browser.cookie("session")
    assert first != second
    sessions = await site.core.store.read(lambda tx: site.core.rows.sessions.of_user(tx, user.id))
    assert [s.auth_time for s in sessions] == [site.clock.now()]

    thief = site.browser()
    thief.http.cookies.set(site.front.cookies.name("session"), first or "", domain="127.0.0.1")
    assert (await thief.get("/")).headers["location"] == "/sign-in"


async def test_somebody_else_at_the_same_browser_ends_the_session_before(site: Site):
    ana, _ = await site.add_user("ana@example.com"), await site.add_user("ben@example.com")
    browser = await site.browser().signed_in("ana@example.com")
    await browser.signed_in("ben@example.com")
    left = await site.core.store.read(lambda tx: site.core.rows.sessions.of_user(tx, ana.id))
    assert left == []


async def test_a_session_ends_at_its_end_whatever_the_browser_does(small_site: Site):
    await small_site.add_user("ana@example.com")
    browser = await small_site.browser().signed_in("ana@example.com")
    small_site.clock.advance(seconds=small_site.core.policy.session_ttl, ms=-1)
    assert (await browser.get("/")).headers["location"] == "/agents"
    small_site.clock.advance(ms=1)
    assert (await browser.get("/")).headers["location"] == "/sign-in"


async def test_old_password_hashes_are_renewed_at_sign_in(small_site: Site):
    from dataclasses import replace

    from argon2 import PasswordHasher

    user = await small_site.add_user("ana@example.com")
    old = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    await small_site.core.store.write(
        lambda tx: small_site.core.rows.users.update(tx, replace(user, password_hash=old))
    )
    await small_site.browser().signed_in("ana@example.com")
    now = (await small_site.user(user.id)).password_hash or ""
    assert now != old
    assert "m=19456,t=2,p=1" in now
    await small_site.browser().signed_in("ana@example.com")
    assert (await small_site.user(user.id)).password_hash == now


async def waiting(site: Site, browser, number: int = 1) -> str:
    """Store an authorization that waits in this browser and return its id."""
    await browser.get("/sign-in")
    interaction = Interaction(
        id=f"int_{number}", browser_hash=hash_secret(browser.cookie("browser")),
        created_at=site.clock.now(), expires_at=site.clock.now() + 900_000,
        request=AuthorizationRequest(
            client_id="cli_chat", redirect_uri="https://chat.example/cb", redirect_uri_sent=True,
            response_mode="query", state="s", scope="openid", code_challenge="c" * 43,
            login_hint="ana@example.com",
        ),
    )  # fmt: skip
    client = Client(id="cli_chat", name="Chat", auth=ClientAuth.NONE)

    def work(tx):
        if site.core.rows.clients.get(tx, client.id) is None:
            site.core.rows.clients.add(tx, client)
        site.core.rows.interactions.add(tx, interaction)

    await site.core.store.write(work)
    return interaction.id


async def test_sign_in_during_an_authorization_leads_back_to_it(site: Site):
    user = await site.add_user("ana@example.com")
    browser = site.browser()
    interaction_id = await waiting(site, browser)
    page = await browser.get(f"/sign-in?interaction={interaction_id}")
    assert "continue with Chat" in words(page.text)
    assert 'value="ana@example.com"' in page.text

    answer = await browser.sign_in("ana@example.com", page=f"/sign-in?interaction={interaction_id}")
    assert answer.headers["location"] == f"/interaction/{interaction_id}"
    stored = await site.core.store.read(
        lambda tx: site.core.rows.interactions.get(tx, interaction_id)
    )
    sessions = await site.core.store.read(lambda tx: site.core.rows.sessions.of_user(tx, user.id))
    assert stored is not None
    assert stored.signed_in_sid == sessions[0].id


async def test_an_authorization_survives_signing_up_first(small_site: Site):
    browser = small_site.browser()
    interaction_id = await waiting(small_site, browser)
    answer = await browser.submit(f"/sign-up?interaction={interaction_id}", ANA)
    assert answer.headers["location"] == f"/sign-in?welcome=yes&interaction={interaction_id}"


async def test_an_authorization_of_another_browser_is_as_unknown_as_one_that_never_was(
    small_site: Site,
):
    await small_site.add_user("ana@example.com")
    interaction_id = await waiting(small_site, small_site.browser())
    browser = small_site.browser()
    await browser.get("/sign-in")
    theirs = await browser.get(f"/sign-in?interaction={interaction_id}")
    unknown = await browser.get("/sign-in?interaction=int_none")
    assert theirs.status_code == unknown.status_code == 404
    assert theirs.content == unknown.content

    form = hidden((await browser.get("/sign-in")).text)
    answer = await browser.post(
        "/sign-in",
        {**form, "interaction": interaction_id, "email": "ana@example.com", "password": PASSWORD},
    )
    assert answer.status_code == 404
    assert browser.cookie("session") is None
    stored = await small_site.core.store.read(
        lambda tx: small_site.core.rows.interactions.get(tx, interaction_id)
    )
    assert stored is not None
    assert stored.signed_in_sid is None


async def test_an_authorization_that_took_too_long_is_gone(small_site: Site):
    browser = small_site.browser()
    interaction_id = await waiting(small_site, browser)
    small_site.clock.advance(minutes=15)
    answer = await browser.get(f"/sign-in?interaction={interaction_id}")
    assert answer.status_code == 404


async def test_the_one_time_link_makes_one_administrator(site: Site):
    url = await make_admin_link(site.core, email="boss@example.com")
    browser = site.browser()
    for _ in range(3):  # a mail scanner or a preview may open it: nothing is used up
        assert (await browser.get(url)).status_code == 200
    form = {"name": "Boss", "email": "other@example.com", "password": PASSWORD}
    page = hidden((await browser.get(url)).text)
    answers = await asyncio.gather(*(browser.post("/setup", {**page, **form}) for _ in range(4)))
    assert sorted(a.status_code for a in answers)[:1] == [303]
    assert await site.rows("SELECT email, role FROM user_account") == [
        ("boss@example.com", "admin")
    ]
    assert (await browser.get(url)).status_code == 404
    answer = await browser.sign_in("boss@example.com")
    assert answer.status_code == 303


async def test_one_link_makes_one_administrator_whoever_races_for_it(site: Site):
    url = await make_admin_link(site.core)
    browser = site.browser()
    page = hidden((await browser.get(url)).text)
    people = [{**ANA, "email": f"boss{n}@example.com"} for n in range(4)]
    answers = await asyncio.gather(*(browser.post("/setup", {**page, **p}) for p in people))
    assert sorted(a.status_code for a in answers) == [303, 404, 404, 404]
    assert len(await site.rows("SELECT id FROM user_account")) == 1


async def test_a_link_that_is_too_old_or_wrong_makes_nobody(small_site: Site):
    url = await make_admin_link(small_site.core)
    browser = small_site.browser()
    page = hidden((await browser.get(url)).text)
    small_site.clock.advance(hours=24)
    assert (await browser.get(url)).status_code == 404
    answer = await browser.post("/setup", {**page, **ANA})
    assert answer.status_code == 404
    assert (await browser.get("/setup?link=guess")).status_code == 404
    assert (await browser.get("/setup")).status_code == 404
    assert await small_site.rows("SELECT * FROM user_account") == []


async def test_the_link_never_raises_an_account_that_somebody_else_may_have_made(
    small_site: Site,
):
    user = await small_site.add_user("boss@example.com")
    url = await make_admin_link(small_site.core, email="boss@example.com")
    browser = small_site.browser()
    answer = await browser.submit(url, {"name": "Boss", "password": PASSWORD})
    assert answer.status_code == 400
    assert (await small_site.user(user.id)).role == "user"
    assert (await browser.get(url)).status_code == 200


async def test_a_link_is_not_used_up_by_a_password_that_is_refused(small_site: Site):
    url = await make_admin_link(small_site.core)
    browser = small_site.browser()
    answer = await browser.submit(url, {**ANA, "password": "password password password"})
    assert answer.status_code == 400
    answer = await browser.submit(url, ANA)
    assert answer.status_code == 303
