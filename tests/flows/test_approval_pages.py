"""The pages on which a person says yes or no, by HTTP."""

import asyncio
import re
from dataclasses import replace
from typing import Any

from server.delegation.approvals import ask
from server.delegation.lifecycle import close_delegation
from server.domain.approvals import Approval, ApprovalKind, ApprovalStatus, Asked
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.delegation import Detail
from server.domain.people import Role, User
from server.domain.registry import Tool
from tests.requirements import requirement
from tests.support.delegations import DOCS, allow, furnish
from tests.support.people_site import Browser, Site, hidden, words

HOSTILE = "</blockquote><script>alert(1)</script> pay \u202e00001 to Eve"


async def ana(site: Site) -> tuple[Browser, User]:
    user = await site.add_user("ana@example.com")
    await furnish(site)
    await allow(site, user, "dlg_1")
    return await site.browser().signed_in("ana@example.com"), user


async def asked(site: Site, user: User, arguments: str = "a" * 43, **kw: Any) -> Approval:
    """Put a question to the person, as an evaluation does."""
    question = Asked(
        kind=ApprovalKind.CALL,
        user_id=user.id,
        agents=("agt_a",),
        client_id="cli_a",
        grant_id="dlg_1",
        details=(Detail(resource=DOCS, scopes=frozenset({"docs:share"}), objects=("folder:1",)),),
        relation="viewer",
        tool="share_folder",
        arguments_hash=arguments,
        **{"summary": "Share Taxes with Ben", "lasts": 600, **kw},
    )
    core, now, new_id = site.core, site.clock.now(), site.core.entropy.id("apv")
    found = await core.store.write(
        lambda tx: ask(core, tx, question, new_id=new_id, now=now, asked_since=0)
    )
    assert isinstance(found, Approval)
    return found


async def token_of(browser: Browser) -> str:
    """Return the form token of a session, from its sign-out form."""
    found = re.search(r'name="csrf" value="([^"]*)"', (await browser.get("/approvals")).text)
    assert found is not None
    return found[1]


async def status(site: Site, approval: Approval) -> ApprovalStatus:
    core = site.core
    found = await core.store.read(lambda tx: core.rows.approvals.get(tx, approval.id))
    assert found is not None
    return found.status(site.clock.now())


async def decide(browser: Browser, approval: Approval, decision: str):
    page = f"/approvals/{approval.id}"
    form = {"csrf": hidden((await browser.get(page)).text)["csrf"]}
    return await browser.post(page, {**form, "decision": decision})


async def test_what_waits_is_on_the_first_page_and_in_the_list(site: Site):
    browser, user = await ana(site)
    assert "waits for you" not in words((await browser.get("/agents")).text)
    approval = await asked(site, user)
    assert "One approval waits for you" in words((await browser.get("/agents")).text)
    page = (await browser.get("/approvals")).text
    assert f'href="/approvals/{approval.id}"' in page
    said = words(page)
    for sentence in ("share_folder on Taxes", "Helper A", "Documents", "ends in 10 minutes"):
        assert sentence in said


@requirement("approval:page:plain")
async def test_the_page_says_who_wants_what_and_whose_words_are_whose(site: Site):
    browser, user = await ana(site)
    approval = await asked(site, user, summary=HOSTILE)
    page = (await browser.get(f"/approvals/{approval.id}")).text
    said = words(page)
    for sentence in (
        "Allow this once?", "Helper A", "through Client a", "share_folder", "Taxes Folder",
        "Share your documents", "What Documents says about this call, in its own words",
        "⟨U+202E⟩00001", "once, for exactly this call, within 10 minutes",
    ):  # fmt: skip
        assert sentence in said, sentence
    assert "<script>" not in page
    assert "\u202e" not in page
    assert "folder:1" not in said


async def test_a_registered_tool_is_called_by_its_title(site: Site):
    browser, user = await ana(site)
    rows = site.core.rows

    def name_tool(tx):
        resource = rows.resources.get(tx, DOCS)
        assert resource is not None
        tool = Tool(name="share_folder", title="Share a folder", scopes=frozenset({"docs:share"}))
        rows.resources.update(tx, replace(resource, tools=(tool,)))

    await site.core.store.write(name_tool)
    approval = await asked(site, user)
    said = words((await browser.get(f"/approvals/{approval.id}")).text)
    assert "It wants to use Share a folder share_folder" in said
    assert "Share a folder on Taxes" in words((await browser.get("/approvals")).text)


async def test_a_yes_and_the_next_look(site: Site):
    browser, user = await ana(site)
    approval = await asked(site, user)
    answer = await decide(browser, approval, "yes")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/approvals/{approval.id}?done=approved"
    page = (await browser.get(answer.headers["location"])).text
    assert "It is good for this one call" in words(page)
    assert "<button" not in page[page.index("<main") :]
    assert await status(site, approval) is ApprovalStatus.APPROVED


async def test_a_no(site: Site):
    browser, user = await ana(site)
    approval = await asked(site, user)
    answer = await decide(browser, approval, "no")
    assert answer.headers["location"].endswith("?done=not_approved")
    assert "You did not approve" in words((await browser.get(answer.headers["location"])).text)
    assert await status(site, approval) is ApprovalStatus.DENIED


@requirement("approval:answer:once")
async def test_a_double_click_and_a_second_thought_change_nothing(site: Site):
    browser, user = await ana(site)
    approval = await asked(site, user)
    page = f"/approvals/{approval.id}"
    form = {"csrf": hidden((await browser.get(page)).text)["csrf"]}
    yes, no = {**form, "decision": "yes"}, {**form, "decision": "no"}
    twice = await asyncio.gather(*(browser.post(page, yes) for _ in range(4)))
    assert sorted(a.headers["location"].partition("=")[2] for a in twice) == [
        "answered_before", "answered_before", "answered_before", "approved",
    ]  # fmt: skip
    late = await browser.post(page, no)
    assert late.headers["location"].endswith("?done=answered_before")
    assert await status(site, approval) is ApprovalStatus.APPROVED


async def test_what_is_over_is_shown_calmly(site: Site):
    browser, user = await ana(site)
    approval = await asked(site, user)
    page = f"/approvals/{approval.id}"
    form = {"csrf": hidden((await browser.get(page)).text)["csrf"], "decision": "yes"}
    site.clock.advance(seconds=601)
    assert "Its time is over" in words((await browser.get(page)).text)
    answer = await browser.post(page, form)
    assert answer.headers["location"].endswith("?done=too_late")
    assert await status(site, approval) is ApprovalStatus.EXPIRED


@requirement("approval:call:ends")
async def test_after_a_revocation_only_a_no_is_left(site: Site):
    browser, user = await ana(site)
    approval = await asked(site, user)
    core, now = site.core, site.clock.now()
    record = AuditRecord(tag=AuditTag.DELEGATION_REVOKED, outcome=Outcome.DONE, at=now)

    def revoke(tx):
        value = core.rows.delegations.get(tx, "dlg_1")
        assert value is not None
        close_delegation(core, tx, value, reason="user", audit=record)

    await core.store.write(revoke)
    page = (await browser.get(f"/approvals/{approval.id}")).text
    assert "A yes would let nothing through" in words(page)
    assert 'value="yes"' not in page
    answer = await decide(browser, approval, "yes")
    assert answer.headers["location"].endswith("?done=ended")
    assert await status(site, approval) is ApprovalStatus.PENDING


@requirement("approval:answer:foreign")
async def test_another_persons_question_is_as_one_that_does_not_exist(site: Site):
    _, user = await ana(site)
    approval = await asked(site, user)
    await site.add_user("eve@example.com", name="Eve")
    eve = await site.browser().signed_in("eve@example.com")
    own = await token_of(eve)
    foreign, unknown = f"/approvals/{approval.id}", f"/approvals/apv_{'0' * 32}"
    shown = [await eve.get(path) for path in (foreign, unknown)]
    posted = [await eve.post(path, {"csrf": own, "decision": "yes"}) for path in (foreign, unknown)]
    assert {a.status_code for a in (*shown, *posted)} == {404}
    assert len({words(a.text) for a in (*shown, *posted)}) == 1
    assert "share_folder" not in (await eve.get("/approvals")).text
    for strange in ("/approvals/%E2%82%AC", "/approvals/a%20b", "/approvals/..%2Fagents"):
        assert (await eve.get(strange)).status_code == 404
        assert (await eve.post(strange, {"csrf": own})).status_code == 404
    assert await status(site, approval) is ApprovalStatus.PENDING


@requirement("approval:answer:session")
async def test_no_form_of_another_site_and_no_token_answers(site: Site):
    browser, user = await ana(site)
    approval = await asked(site, user)
    page = f"/approvals/{approval.id}"
    own = await browser.csrf(page)
    forged = [
        await browser.post(page, {"decision": "yes"}),
        await browser.post(page, {"csrf": "x" * 43, "decision": "yes"}),
        await browser.post(
            page, {"csrf": own, "decision": "yes"}, headers={"Origin": "https://evil.example"}
        ),
        await browser.post(
            page, {"csrf": own, "decision": "yes"}, headers={"Sec-Fetch-Site": "cross-site"}
        ),
    ]
    assert [a.status_code for a in forged] == [403] * 4
    # A token in place of the session is nobody.
    stranger = site.browser()
    answer = await stranger.post(
        page, {"csrf": own, "decision": "yes"}, headers={"Authorization": "Bearer whatever"}
    )
    assert answer.headers["location"].startswith("/sign-in")
    # A link alone (GET) answers nothing, whatever its query says.
    await browser.get(f"{page}?decision=yes&csrf={own}")
    # And neither does a form without an answer.
    assert (await browser.post(page, {"csrf": own})).headers["location"] == page
    assert await status(site, approval) is ApprovalStatus.PENDING


async def test_the_link_leads_through_sign_in_to_the_question(site: Site):
    _, user = await ana(site)
    approval = await asked(site, user)
    page = f"/approvals/{approval.id}"
    phone = site.browser("203.0.113.9")
    there = (await phone.get(page)).headers["location"]
    assert there.startswith("/sign-in?next=")
    answer = await phone.sign_in("ana@example.com", page=there)
    assert answer.headers["location"] == page
    assert "Allow this once?" in words((await phone.get(page)).text)


@requirement("approval:answer:fresh")
async def test_a_stale_session_signs_in_again_for_what_is_risky(site: Site):
    browser, user = await ana(site)
    site.clock.advance(seconds=120)
    approval = await asked(site, user, max_age=60)
    page = f"/approvals/{approval.id}"
    assert "sign in again" in words((await browser.get(page)).text)
    answer = await decide(browser, approval, "yes")
    there = answer.headers["location"]
    assert there.startswith("/sign-in?next=")
    assert await status(site, approval) is ApprovalStatus.PENDING
    answer = await browser.sign_in("ana@example.com", page=there)
    assert answer.headers["location"] == page
    assert "sign in again" not in words((await browser.get(page)).text)
    assert (await decide(browser, approval, "yes")).headers["location"].endswith("=approved")
    # A no needs no more than the session.
    site.clock.advance(seconds=120)
    other = await asked(site, user, "b" * 43, max_age=60)
    assert (await decide(browser, other, "no")).headers["location"].endswith("=not_approved")


async def test_an_administrator_sees_all_without_the_words_and_nobody_else_does(site: Site):
    browser, user = await ana(site)
    approval = await asked(site, user, summary="Something private")
    assert (await browser.get("/admin/approvals")).status_code == 404
    await site.add_user("root@example.com", role=Role.ADMIN)
    admin = await site.browser().signed_in("root@example.com")
    page = (await admin.get("/admin/approvals?status=pending")).text
    assert "ana@example.com" in page
    assert "share_folder on Taxes" in words(page)
    assert "Something private" not in page
    await decide(browser, approval, "no")
    assert "share_folder" not in (await admin.get("/admin/approvals?status=pending")).text
    assert "Denied" in words((await admin.get("/admin/approvals")).text)
    # An administrator answers for nobody.
    own = await asked(site, replace(user), "c" * 43)
    answer = await admin.post(
        f"/approvals/{own.id}", {"csrf": await token_of(admin), "decision": "yes"}
    )
    assert answer.status_code == 404
