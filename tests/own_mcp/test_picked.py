"""An agent asks for more, and the person gives a part of it on the page."""

import re
from typing import Any

import pytest

from server.domain.audit import AuditFilter, AuditTag
from tests.own_mcp.conftest import Desk
from tests.own_mcp.rpc import done
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
_SWITCH = re.compile(r'<input type="checkbox" name="(scope|object)" value="([^"]*)"( checked)?>')


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


async def yes(desk: Desk, approval_id: str, **picked: list[str]) -> str:
    """Approve with these switches on; return what the next page is told."""
    form = {"csrf": hidden(await page(desk, approval_id))["csrf"], "decision": "yes", **picked}
    answer = await desk.w.http.post(f"/approvals/{approval_id}", data=form)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).partition("?done=")[2]


async def told(desk: Desk, approval_id: str) -> dict[str, Any]:
    """Return what the agent sees of it."""
    return await done(desk.w, desk.agent_token, "access_request_status", approval_id=approval_id)


@requirement("approval:more:picked")
async def test_each_thing_is_a_switch_and_what_destroys_is_off(desk: Desk) -> None:
    text = await page(desk, await asked(desk))
    switches = {(name, value): bool(on) for name, value, on in _SWITCH.findall(text)}
    assert switches == {
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
    assert await yes(desk, approval_id, **picked) == "approved"
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
    [row] = [each for each in await opened(desk) if each.get("extends")]
    assert (row["extends"], row["narrowed"]) == (desk.grant.id, "yes")


async def opened(desk: Desk) -> list[dict[str, Any]]:
    """Return what the audit tells of delegations that were made."""
    core, wanted = desk.w.core, AuditFilter(user_id=desk.ada.id)
    found = await core.store.read(
        lambda tx: core.rows.audit.search(tx, wanted, before=None, limit=50)
    )
    made = [each.record for each in found.entries]
    return [dict(r.detail) for r in made if r.tag is AuditTag.DELEGATION_CREATED]


@pytest.mark.parametrize(
    "picked",
    [
        {},
        {"object": ["0:folder:home"]},  # a thing, and nothing to do with it
        {"scope": ["0:docs:read"]},  # something to do, on none of the things
        {"scope": ["0:docs:share"], "object": ["0:folder:home"]},  # never asked for
        {"scope": ["0:docs:read"], "object": ["0:folder:other", "folder:home", "1:folder:home"]},
        {"scope": ["9:docs:read", "-1:docs:read", "\u0660:docs:read", "0x0:docs:read", "docs:read"]},
    ],
)
@requirement("approval:more:picked")
async def test_nothing_picked_is_no_yes(desk: Desk, picked: dict[str, list[str]]) -> None:
    approval_id = await asked(desk)
    assert await yes(desk, approval_id, **picked) == "nothing_picked"
    assert (await told(desk, approval_id))["status"] == "pending"
    assert "switch on what the agent may have" in words(
        (await desk.w.http.get(f"/approvals/{approval_id}?done=nothing_picked")).text
    )
    # It can still be answered.
    picked = {"scope": ["1:notes:read"]}
    assert await yes(desk, approval_id, **picked) == "approved"
    assert [part["resource"] for part in (await told(desk, approval_id))["authority"]] == [NOTES]


@requirement("approval:more:picked")
async def test_more_than_was_asked_for_cannot_be_given(desk: Desk) -> None:
    approval_id = await asked(desk)
    picked = {
        "scope": ["0:docs:read", "0:docs:share", "1:docs:read", "0:notes:read"],
        "object": ["0:folder:home", "0:folder:secret", "1:folder:tax"],
    }
    assert await yes(desk, approval_id, **picked) == "approved"
    assert (await told(desk, approval_id))["authority"] == [
        {"resource": DOCS, "name": "Docs", "scopes": ["docs:read"], "objects": ["folder:home"]}
    ]


async def test_what_somebody_does_not_hold_can_be_left_off(desk: Desk) -> None:
    approval_id = await asked(desk)
    await desk.w.unrelate((f"user:{desk.ada.id}", "owner", "folder:tax"))
    every = {"scope": ["0:docs:read"], "object": ["0:folder:home", "0:folder:tax"]}
    assert await yes(desk, approval_id, **every) == "not_held"
    every["object"].pop()
    assert await yes(desk, approval_id, **every) == "approved"
