"""An agent asks for more, and the person gives a part of it on the page."""

import re
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from server.delegation.approvals import DENIALS, FRESH, LONGEST
from server.domain.audit import AuditFilter, AuditRecord, AuditTag
from server.domain.unit import Unit
from tests.own_mcp.conftest import AGENT_SCOPES, Desk
from tests.own_mcp.rpc import done, refused
from tests.requirements import requirement
from tests.support.people_site import hidden, words
from tests.support.seat import seat
from tests.support.world import DOCS, NOTES

WANTED: list[dict[str, Any]] = [
    {
        "resource": DOCS,
        "scopes": ["docs:read", "docs:write", "docs:delete"],
        "objects": ["folder:home", "folder:tax"],
    },
    {"resource": NOTES, "scopes": ["notes:read"], "objects": []},
]
_SWITCH = re.compile(
    r'<input type="checkbox" name="(scope|object)" value="([^"]*)"( checked)?( disabled)?>'
)


async def asked(desk: Desk) -> str:
    """Ask for much; return the id."""
    found = await done(
        desk.w, desk.agent_token, "request_access", authority=WANTED, why="to tidy up"
    )
    await seat(desk.w, desk.ada)
    return str(found["approval_id"])


async def page(desk: Desk, approval_id: str) -> str:
    answer = await desk.w.http.get(f"/approvals/{approval_id}")
    assert answer.status_code == 200, answer.text
    return answer.text


def switches(text: str) -> dict[tuple[str, str], bool]:
    """Return the switches of a page, and which are on."""
    return {(name, value): bool(on) for name, value, on, _ in _SWITCH.findall(text)}


async def post(desk: Desk, approval_id: str, **picked: list[str]) -> httpx2.Response:
    """Approve with these switches on."""
    form = {"csrf": hidden(await page(desk, approval_id))["csrf"], "decision": "yes", **picked}
    return await desk.w.http.post(f"/approvals/{approval_id}", data=form)


async def yes(desk: Desk, approval_id: str, **picked: list[str]) -> None:
    """Approve, and be believed."""
    answer = await post(desk, approval_id, **picked)
    assert (answer.status_code, answer.headers.get("location")) == (
        303, f"/approvals/{approval_id}?done=approved",
    ), answer.text  # fmt: skip


async def told(desk: Desk, approval_id: str) -> dict[str, Any]:
    """Return what the agent sees of it."""
    return await done(desk.w, desk.agent_token, "access_request_status", approval_id=approval_id)


@requirement("approval:more:picked")
async def test_each_thing_is_a_switch_and_what_destroys_is_off(desk: Desk) -> None:
    text = await page(desk, await asked(desk))
    assert switches(text) == {
        ("scope", "0:docs:read"): True,
        ("scope", "0:docs:write"): True,
        ("scope", "0:docs:delete"): False,
        ("object", "0:folder:home"): True,
        ("object", "0:folder:tax"): True,
        ("scope", "1:notes:read"): True,
    }
    assert "What you leave off stays closed" in words(text)


@requirement("approval:more:picked")
async def test_what_is_switched_off_is_not_given(desk: Desk) -> None:
    w, approval_id = desk.w, await asked(desk)
    picked = {"scope": ["0:docs:read"], "object": ["0:folder:home"]}
    await yes(desk, approval_id, **picked)
    found = await told(desk, approval_id)
    assert found["status"] == "approved"
    assert found["authority"] == [
        {"resource": DOCS, "name": "Docs", "scopes": ["docs:read"], "objects": ["folder:home"]}
    ]
    token = await done(
        w, desk.agent_token, "exchange_token", resource=DOCS, scopes=["docs:read"],
        grant_id=found["grant_id"],
    )  # fmt: skip
    for document, may in (("h1", True), ("t1", False)):
        question = {
            "subject": {"type": "access_token", "id": token["access_token"]},
            "action": {"name": "docs:read", "properties": {"relation": "viewer"}},
            "resource": {"type": "document", "id": document},
        }
        assert (await w.ask(desk.docs, question))["decision"] is may
    created = await recorded(desk, AuditTag.DELEGATION_CREATED)
    [row] = [detail for _, detail in created if detail.get("extends")]
    assert (row["extends"], row["narrowed"]) == (desk.grant.id, "yes")


async def recorded(desk: Desk, tag: AuditTag) -> list[tuple[AuditRecord, dict[str, str]]]:
    """Return what the trail tells of events of one kind."""
    core, wanted = desk.w.core, AuditFilter(user_id=desk.ada.id)
    found = await core.store.read(
        lambda tx: core.rows.audit.search(tx, wanted, before=None, limit=50)
    )
    records = [each.record for each in found.entries]
    return [(record, dict(record.detail)) for record in records if record.tag is tag]


@pytest.mark.parametrize(
    "picked",
    [
        {},
        {"object": ["0:folder:home"]},  # a thing, and nothing to do with it
        {"scope": ["0:docs:read"]},  # something to do, on none of the things
        {"scope": ["0:docs:share"], "object": ["0:folder:home"]},  # never asked for
        {"scope": ["0:docs:read"], "object": ["0:folder:other", "folder:home", "1:folder:home"]},
        {
            "scope": [
                "9:docs:read",
                "-1:docs:read",
                "\u0660:docs:read",
                "0x0:docs:read",
                "docs:read",
            ]
        },
    ],
)
@requirement("approval:more:picked")
async def test_nothing_picked_is_no_yes(desk: Desk, picked: dict[str, list[str]]) -> None:
    approval_id = await asked(desk)
    answer = await post(desk, approval_id, **picked)
    assert answer.status_code == 400
    assert "switch on what the agent may have" in words(answer.text)
    # As it was left.
    on = {(name, value) for name, values in picked.items() for value in values}
    assert {switch for switch, is_on in switches(answer.text).items() if is_on} <= on
    assert (await told(desk, approval_id))["status"] == "pending"
    # It can still be answered.
    picked = {"scope": ["1:notes:read"]}
    await yes(desk, approval_id, **picked)
    assert [part["resource"] for part in (await told(desk, approval_id))["authority"]] == [NOTES]


@requirement("approval:more:picked")
async def test_more_than_was_asked_for_cannot_be_given(desk: Desk) -> None:
    approval_id = await asked(desk)
    picked = {
        "scope": ["0:docs:read", "0:docs:share", "1:docs:read", "0:notes:read"],
        "object": ["0:folder:home", "0:folder:secret", "1:folder:tax"],
    }
    await yes(desk, approval_id, **picked)
    assert (await told(desk, approval_id))["authority"] == [
        {"resource": DOCS, "name": "Docs", "scopes": ["docs:read"], "objects": ["folder:home"]}
    ]


async def test_what_somebody_does_not_hold_can_be_left_off(desk: Desk) -> None:
    approval_id = await asked(desk)
    await desk.w.unrelate((f"user:{desk.ada.id}", "owner", "folder:tax"))
    every = {"scope": ["0:docs:read"], "object": ["0:folder:home", "0:folder:tax"]}
    answer = await post(desk, approval_id, **every)
    assert answer.status_code == 400
    assert "you cannot give all of this" in words(answer.text)
    # What was switched off stays off.
    assert not switches(answer.text)["scope", "0:docs:write"]
    every["object"].pop()
    await yes(desk, approval_id, **every)


async def test_what_includes_something_left_off_is_not_given_either(desk: Desk) -> None:
    w = desk.w

    def include(tx: Unit) -> None:
        resource = w.core.rows.resources.get(tx, DOCS)
        assert resource is not None
        write = replace(resource.scopes["docs:write"], includes=frozenset({"docs:read"}))
        w.core.rows.resources.update(
            tx, replace(resource, scopes={**resource.scopes, "docs:write": write})
        )

    await w.core.store.write(include)
    approval_id = await asked(desk)
    assert "Includes: " in words(await page(desk, approval_id))
    on = {"object": ["0:folder:home"]}
    answer = await post(desk, approval_id, scope=["0:docs:write"], **on)
    assert answer.status_code == 400
    await yes(desk, approval_id, scope=["0:docs:read"], **on)
    assert (await told(desk, approval_id))["authority"][0]["scopes"] == ["docs:read"]


async def test_the_trail_tells_what_was_given_and_not_what_was_asked(desk: Desk) -> None:
    approval_id = await asked(desk)
    await yes(desk, approval_id, scope=["0:docs:read"], object=["0:folder:home"])
    found = await told(desk, approval_id)
    [(record, detail)] = await recorded(desk, AuditTag.APPROVAL_GIVEN)
    assert (record.object, detail["scope"]) == ("folder:home", "docs:read")
    assert detail["given"] == found["grant_id"]
    # What the yes has made outlasts it, for the person as for the agent.
    desk.w.clock.advance(seconds=LONGEST + 1)
    said = words(await page(desk, approval_id))
    assert "You approved what you left switched on" in said
    assert "Nothing was allowed" not in said
    [(record, detail)] = [
        each for each in await recorded(desk, AuditTag.DELEGATION_CREATED)
        if each[1].get("extends")
    ]  # fmt: skip
    assert (record.object, detail["scope"]) == ("folder:home", "docs:read")
    [(record, _)] = await recorded(desk, AuditTag.APPROVAL_ASKED)
    assert record.object == "folder:home folder:tax"


@requirement("approval:flood:quiet", "approval:more:picked")
async def test_giving_a_part_again_and_again_silences_as_a_no_does(desk: Desk) -> None:
    await seat(desk.w, desk.ada)
    picked = {"scope": ["0:docs:read"], "object": ["0:folder:home"]}

    async def give_reading(*scopes: str, more: tuple[dict[str, Any], ...] = ()) -> None:
        part = {"resource": DOCS, "scopes": ["docs:read", *scopes], "objects": ["folder:home"]}
        found = await done(
            desk.w, desk.agent_token, "request_access", authority=[part, *more], why="again"
        )
        await yes(desk, found["approval_id"], **picked)

    # What destroys was off at first: to leave it there is no answer to it.
    await give_reading("docs:delete")
    await give_reading("docs:write")
    await give_reading("docs:write", "docs:delete")
    assert DENIALS == 3
    await give_reading("docs:write", more=(WANTED[1],))
    last = {**WANTED[0], "scopes": ["docs:delete"]}
    no = await refused(desk.w, desk.agent_token, "request_access", authority=[last], why="again")
    assert no["reason"] == "too_many_approvals"


async def test_what_was_given_before_is_not_asked_for_again(desk: Desk) -> None:
    approval_id = await asked(desk)
    await yes(desk, approval_id, scope=["0:docs:read"], object=["0:folder:home"])
    part = {"resource": DOCS, "scopes": ["docs:read"], "objects": ["folder:home"]}
    no = await refused(desk.w, desk.agent_token, "request_access", authority=[part], why="again")
    assert no["reason"] == "nothing_more"
    # The question itself is answered as before.
    again = await done(
        desk.w, desk.agent_token, "request_access", authority=WANTED, why="to tidy up"
    )
    assert (again["approval_id"], again["status"]) == (approval_id, "approved")
    await done(desk.w, desk.agent_token, "release", grant_id=again["grant_id"], everything=True)
    over = await told(desk, approval_id)
    assert (over["status"], over["grant_id"], over["authority"]) == ("expired", None, None)


@requirement("approval:answer:fresh")
async def test_only_what_destroys_needs_a_fresh_sign_in_and_that_comes_first(desk: Desk) -> None:
    await seat(desk.w, desk.ada)
    desk.w.clock.advance(seconds=FRESH + 1)
    token = await desk.token_of(desk.ada, desk.grant, desk.a, " ".join(sorted(AGENT_SCOPES)))
    found = await done(desk.w, token, "request_access", authority=WANTED, why="to tidy up")
    approval_id = found["approval_id"]
    text = await page(desk, approval_id)
    assert "first sign in again" in words(text)
    assert f'href="/sign-in?next=%2Fapprovals%2F{approval_id}"' in text
    assert ("scope", "0:docs:delete", "", " disabled") in _SWITCH.findall(text)
    # A form that says otherwise is sent to sign in, and nothing is given.
    risky = {"scope": ["0:docs:delete"], "object": ["0:folder:home"]}
    answer = await post(desk, approval_id, **risky)
    assert answer.headers["location"].startswith("/sign-in?next=")
    assert (await done(desk.w, token, "access_request_status", approval_id=approval_id))[
        "status"
    ] == "pending"
    await yes(desk, approval_id, scope=["0:docs:read"], object=["0:folder:home"])
