"""`/admin/why`: administrators see why a relation holds or not, and nobody else does."""

from urllib.parse import quote

import pytest

from authz.decision import Reason
from server.domain.audit import AuditRecord, AuditTag, Outcome
from tests.flows.test_admin import console
from tests.support.delegations import leave_behind, stored
from tests.support.people_site import Site, words


def asked(user: str, relation: str, thing: str) -> str:
    return f"/admin/why?user={quote(user)}&relation={quote(relation)}&object={quote(thing)}"


async def test_a_yes_is_shown_with_the_tuple_that_carries_it(site: Site):
    browser, _, _ = await console(site)
    await leave_behind(site, await stored(site, "dlg_1"))
    answer = await browser.get(asked("user:usr_ben", "viewer", "folder:1"))
    page = words(answer.text)
    assert answer.status_code == 200
    assert "Yes user:usr_ben holds viewer on folder:1" in page
    assert "Named by the tuple folder:1#viewer@user:usr_ben" in page


async def test_a_no_is_shown_with_the_nearest_tuple_and_a_person_by_address(site: Site):
    browser, _, ana = await console(site)
    page = words((await browser.get(asked("ANA@example.com", "viewer", "folder:1"))).text)
    assert "does not hold viewer on folder:1" in page
    assert f"folder:1#viewer@user:{ana.id}" in page


async def test_what_is_shown_is_what_is_so_now(small_site: Site):
    browser, _, _ = await console(small_site)
    question = asked("user:usr_ben", "viewer", "folder:1")
    assert "does not hold" in words((await browser.get(question)).text)
    await leave_behind(small_site, await stored(small_site, "dlg_1"))
    assert "does not hold" not in words((await browser.get(question)).text)


@pytest.mark.parametrize(
    ("question", "told"),
    [
        (asked("nobody@example.com", "viewer", "folder:1"), "nobody with this address or id"),
        (asked("user:usr_ben", "flies", "folder:1"), "relation 'folder#flies' not found"),
        (asked("user:usr_ben", "viewer", "folder"), "not an object"),
        (asked("user:usr_ben", "", "folder:1"), "Say all three"),
        (asked("user:" + "x" * 2000, "viewer", "folder:1"), "not a user"),
        (asked("user:usr_ben", "viewer", "<script>alert(1)</script>"), "not an object"),
    ],
)
async def test_what_cannot_be_asked_is_told(small_site: Site, question: str, told: str):
    browser, _, _ = await console(small_site)
    answer = await browser.get(question)
    assert answer.status_code == 400
    assert told in words(answer.text)
    assert "<script" not in answer.text


async def test_names_of_the_graph_are_shown_as_text(small_site: Site):
    browser, _, _ = await console(small_site)
    page = (await browser.get(asked("user:<b>\u202ex</b>", "viewer", "folder:<i>1</i>"))).text
    assert "<b>" not in page
    assert "<i>" not in page
    assert "\u202e" not in page
    assert "&lt;b&gt;" in page


async def test_without_a_question_there_is_the_form(small_site: Site):
    browser, _, _ = await console(small_site)
    answer = await browser.get("/admin/why")
    assert answer.status_code == 200
    assert "Ask about one relation" in words(answer.text)


async def test_a_decision_in_the_trail_leads_to_its_reason(small_site: Site):
    browser, _, ana = await console(small_site)

    async def decided(reason: Reason | None, thing: str = "folder:1") -> str:
        small_site.clock.advance(seconds=1)
        record = AuditRecord(
            tag=AuditTag.DECISION,
            outcome=Outcome.DONE if reason is None else Outcome.REFUSED,
            reason=None if reason is None else reason.value,
            at=small_site.clock.now(),
            user_id=ana.id,
            agents=("agt_a",),
            grant_id="dlg_1",
            object=thing,
            detail={"relation": "viewer"},
        )
        core = small_site.core
        await core.store.write(lambda tx: core.rows.audit.record(tx, record))
        page = (await browser.get("/admin/audit")).text
        newest = page.partition("<tbody")[2].partition("</tr>")[0]
        return newest.partition('href="/admin/why?')[2].partition('"')[0].replace("&amp;", "&")

    user = f"user=user%3A{ana.id}&relation=viewer&object=folder%3A1"
    assert await decided(None) == user
    assert await decided(Reason.USER_RELATION) == user
    consent = "user=consent%3Adlg_1.0&relation=consented&object=folder%3A1"
    assert await decided(Reason.CONSENT_OBJECT) == consent
    ceiling = "user=agent%3Aagt_a&relation=ceiling&object=folder%3A1"
    assert await decided(Reason.CEILING_OBJECT) == ceiling
    # Nothing of the graph, or not one question.
    assert await decided(Reason.CEILING_SCOPE) == ""
    assert await decided(Reason.USER_RELATION, "folder:1 folder:2") == ""
    answer = await browser.get(f"/admin/why?{consent}")
    assert "Yes consent:dlg_1.0 holds consented on folder:1" in words(answer.text)
