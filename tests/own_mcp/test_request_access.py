"""An agent asks for more: once, of the right person, and a yes gives exactly that."""

import asyncio
from typing import Any

import pytest

from mcp_tools.tools.access_tools import KEY
from server.domain.audit import AuditTag
from server.services.approvals import Answer, answer_approval
from tests.own_mcp.conftest import PERSON_SCOPES, Desk, furnish
from tests.own_mcp.rpc import call, done, post, refused, tool_call
from tests.requirements import requirement
from tests.support.approvals import everything
from tests.support.databases import Databases
from tests.support.world import DOCS, NOTES, World, prepared, world_at

HOME: dict[str, Any] = {"resource": DOCS, "scopes": ["docs:read"], "objects": ["folder:home"]}


async def ask(desk: Desk, **more: Any) -> dict[str, Any]:
    """Ask for Ada's other folder."""
    arguments = {"authority": [HOME], "why": "to sum up the rent", **more}
    return await done(desk.w, desk.agent_token, "request_access", **arguments)


async def answer(desk: Desk, approval_id: str, *, yes: bool) -> Answer:
    """Let Ada answer on her page."""
    session = await desk.w.session(desk.ada)
    return await answer_approval(
        desk.w.core, approval_id, user_id=desk.ada.id, sid=session.id, yes=yes,
        picked=await everything(desk.w, approval_id),
    )  # fmt: skip


@requirement("own-mcp:ask:bound")
async def test_the_same_question_is_put_once_and_another_is_another(desk: Desk):
    first = await ask(desk)
    assert (first["status"], first["interval"], first["grant_id"]) == ("pending", 5, None)
    assert first["approve_url"] == f"http://127.0.0.1:9000/approvals/{first['approval_id']}"
    assert 0 < first["expires_in"] <= 600
    # The reason is not what is asked for; what is asked for is.
    assert (await ask(desk, why="please"))["approval_id"] == first["approval_id"]
    more = await ask(desk, authority=[{**HOME, "scopes": ["docs:read", "docs:write"]}])
    assert more["approval_id"] != first["approval_id"]
    asked = await desk.w.audited(AuditTag.APPROVAL_ASKED)
    assert [row[0] for row in asked] == ["done", "done"]


@requirement("own-mcp:ask:exact")
async def test_a_yes_gives_exactly_what_was_asked_beside_the_own(desk: Desk):
    asked = await ask(desk)
    assert await answer(desk, asked["approval_id"], yes=True) is Answer.APPROVED
    told = await done(
        desk.w, desk.agent_token, "access_request_status", approval_id=asked["approval_id"]
    )
    assert told["status"] == "approved"
    assert told["grant_id"] not in {None, desk.grant.id}

    async def reads(grant_id: str | None, document: str) -> bool:
        found = await done(
            desk.w, desk.agent_token, "exchange_token", resource=DOCS, scopes=["docs:read"],
            grant_id=grant_id,
        )  # fmt: skip
        question = {
            "subject": {"type": "access_token", "id": found["access_token"]},
            "action": {"name": "docs:read", "properties": {"relation": "viewer"}},
            "resource": {"type": "document", "id": document},
        }
        return bool((await desk.w.ask(desk.docs, question))["decision"])

    assert await reads(told["grant_id"], "h1")
    assert not await reads(told["grant_id"], "t1")  # never added up
    assert await reads(None, "t1")
    assert not await reads(None, "h1")
    no = await refused(
        desk.w, desk.agent_token, "exchange_token", resource=DOCS, scopes=["docs:write"],
        grant_id=told["grant_id"],
    )  # fmt: skip
    assert no["reason"] == "nothing_left"
    # Nor anybody else's by its name.
    no = await refused(
        desk.w, desk.agent_token, "exchange_token", resource=DOCS, grant_id=desk.bens.id
    )
    unknown = await refused(
        desk.w, desk.agent_token, "exchange_token", resource=DOCS, grant_id="dlg_unknown"
    )
    assert no == unknown
    # What was given is given back like anything else.
    gone = await done(
        desk.w, desk.agent_token, "release", grant_id=told["grant_id"], everything=True
    )
    assert gone["closed"] == 1


async def test_a_no_is_a_no(desk: Desk):
    asked = await ask(desk)
    assert await answer(desk, asked["approval_id"], yes=False) is Answer.DENIED
    again = await ask(desk)
    assert (again["approval_id"], again["status"]) == (asked["approval_id"], "denied")
    assert "do not ask again" in again["next_step"]


async def test_a_question_ends_with_its_time_and_with_the_delegation(desk: Desk):
    first = await ask(desk)
    await done(desk.w, desk.own_token, "revoke_delegation", grant_id=desk.grant.id)
    result = await call(
        desk.w, desk.agent_token, "access_request_status", approval_id=first["approval_id"]
    )
    assert result["structuredContent"]["reason"] == "delegation_revoked"


@requirement("own-mcp:ask:bound")
async def test_the_requests_of_others_are_unknown(desk: Desk):
    asked = await ask(desk)
    bens = await desk.token_of(desk.ben, desk.bens, desk.a, "mandate:ask")
    other = await desk.w.delegation(desk.ada, desk.b, (desk.grant.details[1],))
    of_b = await desk.token_of(desk.ada, other, desk.b, "mandate:ask")
    told = [
        await refused(desk.w, token, "access_request_status", approval_id=name)
        for token, name in (
            (bens, asked["approval_id"]), (of_b, asked["approval_id"]), (bens, "apv_unknown"),
        )
    ]  # fmt: skip
    assert told[0] == told[1] == told[2]
    assert told[0]["reason"] == "approval_unknown"


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"resource": "https://nowhere.example/mcp", "scopes": ["x"]}, "unknown_target"),
        ({"resource": DOCS, "scopes": ["docs:share"]}, "nothing_left"),
        ({"resource": DOCS, "scopes": ["docs:read"], "objects": ["note:1"]}, "nothing_left"),
        ({"resource": DOCS, "scopes": ["docs:read"], "objects": ["folder:tax"]}, "nothing_more"),
        ({"resource": DOCS, "scopes": []}, "nothing_left"),
        ({"resource": NOTES, "scopes": ["docs:read"]}, "nothing_left"),
    ],
)
async def test_nobody_is_asked_for_what_cannot_be_given(desk: Desk, part: Any, reason: str):
    no = await refused(desk.w, desk.agent_token, "request_access", authority=[part], why="because")
    assert no["reason"] == reason
    assert await desk.w.audited(AuditTag.APPROVAL_ASKED) == []


async def test_a_person_is_not_flooded(desk: Desk):
    for number in range(5):
        await ask(desk, authority=[{**HOME, "objects": [f"folder:{number}"]}])
    no = await refused(
        desk.w, desk.agent_token, "request_access",
        authority=[{**HOME, "objects": ["folder:6"]}], why="one more",
    )  # fmt: skip
    assert (no["reason"], no["action"]) == ("too_many_approvals", "stop")


@requirement("own-mcp:ask:no-yes")
async def test_a_person_sees_what_waits_and_may_say_no_but_no_tool_says_yes(desk: Desk):
    asked = await ask(desk)
    waiting = (await done(desk.w, desk.own_token, "list_approvals"))["approvals"]
    assert [each["approval_id"] for each in waiting] == [asked["approval_id"]]
    assert waiting[0]["agent"]["name"] == "alpha"
    assert waiting[0]["authority"][0]["objects"] == ["folder:home"]
    bens = await desk.person_token(desk.ben, PERSON_SCOPES)
    told = [
        await refused(desk.w, bens, "deny_approval", approval_id=name)
        for name in (asked["approval_id"], "apv_unknown")
    ]
    assert told[0] == told[1]
    gone = await done(desk.w, desk.own_token, "deny_approval", approval_id=asked["approval_id"])
    assert gone["outcome"] == "denied"
    again = await done(desk.w, desk.own_token, "deny_approval", approval_id=asked["approval_id"])
    assert again["outcome"] == "answered_before"
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    for token in (desk.own_token, desk.agent_token):
        listed = (await post(desk.w, token, message)).json()["result"]["tools"]
        assert not [tool["name"] for tool in listed if "approve" in tool["name"]]
    # Not even with an agent's token: the tool is a person's.
    answered = await post(
        desk.w, desk.agent_token, tool_call("deny_approval", {"approval_id": "apv_x"})
    )
    assert answered.status_code == 403


async def test_two_workers_put_one_question(databases: Databases, clock: Any):
    url = databases.copy_of("prepared", prepared)
    async with world_at(url, clock) as one, world_at(url, clock) as two:
        desk = await furnish(one)
        arguments = {"authority": [HOME], "why": "to sum up the rent"}
        found = await asyncio.gather(
            *(done(w, desk.agent_token, "request_access", **arguments) for w in (one, two, one))
        )
        assert len({each["approval_id"] for each in found}) == 1
        told = await done(
            two, desk.agent_token, "access_request_status", approval_id=found[0]["approval_id"]
        )
        assert told["status"] == "pending"


@requirement("own-mcp:ask:state")
async def test_the_state_of_a_request_is_sealed_and_any_worker_takes_it(
    databases: Databases, clock: Any
):
    url = databases.copy_of("prepared", prepared)
    async with world_at(url, clock) as one, world_at(url, clock) as two:
        desk = await furnish(one)

        async def send(w: World, token: str, state: str | None, **more: Any) -> dict[str, Any]:
            message = tool_call(
                "request_access", {"authority": [HOME], "why": "to sum up the rent", **more}
            )
            message["params"]["_meta"] = {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}},
            }
            if state is not None:
                message["params"] |= {
                    "requestState": state,
                    "inputResponses": {KEY: {"action": "accept"}},
                }
            headers = {
                "MCP-Protocol-Version": "2026-07-28",
                "Mcp-Method": "tools/call",
                "Mcp-Name": "request_access",
            }
            return dict((await post(w, token, message, **headers)).json())

        asked = (await send(one, desk.agent_token, None))["result"]
        assert asked["resultType"] == "input_required"
        page, state = asked["inputRequests"][KEY]["params"]["url"], asked["requestState"]
        approval_id = page.rpartition("/")[2]
        assert approval_id not in state
        for worker in (two, one):
            told = (await send(worker, desk.agent_token, state))["result"]["structuredContent"]
            assert (told["approval_id"], told["status"]) == (approval_id, "pending")
        # Forged, or brought with other arguments, or by the agent of another person.
        bens = await desk.token_of(desk.ben, desk.bens, desk.a, "mandate:ask")
        for answer in (
            await send(two, desk.agent_token, approval_id),
            await send(two, desk.agent_token, state[:-4] + "AAAA"),
            await send(two, desk.agent_token, state, why="something else"),
            await send(two, bens, state),
        ):
            assert "error" in answer or answer["result"].get("isError"), answer
