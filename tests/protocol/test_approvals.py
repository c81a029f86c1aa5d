"""A call that needs a person's fresh yes: asked once, allowed once, and only as it was asked."""

from typing import Any

import pytest

from server.delegation.approvals import DENIALS, PENDING, QUIET_MS, UNWANTED
from server.domain.audit import AuditTag
from server.services.approvals import Answer
from tests.requirements import requirement
from tests.support.approvals import asking, docs_token, hash_of, say
from tests.support.stage import Stage
from tests.support.world import DOCS, ISSUER

MINUTE: dict[str, Any] = {"for": 60}


def told(answer: dict[str, Any]) -> tuple[bool, str | None, dict[str, Any]]:
    context = answer["context"]
    return answer["decision"], context.get("reason"), context.get("approval", {})


@requirement("approval:call:needs-yes")
async def test_without_a_yes_the_call_waits_and_is_asked_about_once(stage: Stage) -> None:
    w, token = stage.world, await docs_token(stage)

    first = told(await w.ask(stage.docs, asking(token)))
    again = told(await w.ask(stage.docs, asking(token)))

    allowed, reason, approval = first
    assert (allowed, reason) == (False, "approval_required")
    assert approval == {
        "id": approval["id"],
        "status": "pending",
        "expires_in": 600,
        "interval": 5,
        "approve_url": f"{ISSUER}/approvals/{approval['id']}",
    }
    assert again == first
    assert len(await w.audited(AuditTag.APPROVAL_ASKED)) == 1


@requirement("approval:call:once", "mandate:audit:both-named")
async def test_a_yes_lets_the_exact_call_through_once(stage: Stage) -> None:
    w, token = stage.world, await docs_token(stage)
    approval = told(await w.ask(stage.docs, asking(token)))[2]
    assert await say(w, stage, approval["id"]) is Answer.APPROVED

    used = told(await w.ask(stage.docs, asking(token)))
    replayed = told(await w.ask(stage.docs, asking(token)))

    assert used == (True, None, {"id": approval["id"], "status": "used"})
    assert replayed[:2] == (False, "approval_required")
    assert replayed[2]["id"] != approval["id"]
    for tag in (AuditTag.APPROVAL_GIVEN, AuditTag.APPROVAL_USED):
        [row] = await w.audited(tag)
        assert (row[2], row[4]) == (stage.ada.id, stage.grant.id)
        assert stage.a.agent.id in row[3]


@requirement("approval:call:denied")
async def test_a_no_stands_for_a_while_and_then_it_may_be_asked_again(stage: Stage) -> None:
    w, token = stage.world, await docs_token(stage)
    approval = told(await w.ask(stage.docs, asking(token)))[2]
    w.clock.advance(seconds=200)
    assert await say(w, stage, approval["id"], yes=False) is Answer.DENIED

    token = await docs_token(stage)
    refused = told(await w.ask(stage.docs, asking(token)))
    assert refused == (
        False,
        "approval_denied",
        {"id": approval["id"], "status": "denied", "expires_in": 600},
    )
    w.clock.advance(seconds=601)
    later = told(await w.ask(stage.docs, asking(await docs_token(stage))))
    assert later[1] == "approval_required"
    assert later[2]["id"] != approval["id"]


@requirement("approval:call:expires")
async def test_a_question_and_a_yes_are_over_after_their_time(stage: Stage) -> None:
    w = stage.world
    first = told(await w.ask(stage.docs, asking(await docs_token(stage), **MINUTE)))[2]
    assert first["expires_in"] == 60
    w.clock.advance(seconds=60)
    assert await say(w, stage, first["id"]) is Answer.EXPIRED

    second = told(await w.ask(stage.docs, asking(await docs_token(stage), **MINUTE)))[2]
    assert second["id"] != first["id"]
    w.clock.advance(seconds=30)
    assert await say(w, stage, second["id"]) is Answer.APPROVED
    w.clock.advance(seconds=60)
    late = told(await w.ask(stage.docs, asking(await docs_token(stage), **MINUTE)))
    assert late[1] == "approval_required"
    assert late[2]["id"] not in (first["id"], second["id"])


@requirement("approval:call:no-authority")
async def test_a_yes_adds_no_authority(stage: Stage) -> None:
    w, token = stage.world, await docs_token(stage)
    # Not consented, so nobody is even asked.
    beyond = asking(token, {"document_id": "h1"}, on="document:h1")
    assert told(await w.ask(stage.docs, beyond))[1:] == ("consent_object", {})
    assert await w.audited(AuditTag.APPROVAL_ASKED) == []

    approval = told(await w.ask(stage.docs, asking(token)))[2]
    assert await say(w, stage, approval["id"]) is Answer.APPROVED
    await w.unrelate((f"user:{stage.ada.id}", "owner", "folder:tax"))
    assert told(await w.ask(stage.docs, asking(token)))[1:] == ("user_relation", {})
    # The yes was not spent by a call that could not go on.
    await w.relate((f"user:{stage.ada.id}", "owner", "folder:tax"))
    assert told(await w.ask(stage.docs, asking(token)))[0] is True


@requirement("approval:call:dry")
async def test_a_batch_asks_nobody_and_uses_nothing(stage: Stage) -> None:
    w, token = stage.world, await docs_token(stage)
    batch = {"evaluations": [asking(token)]}
    answer = await w.http.post("/access/v1/evaluations", json=batch, headers=stage.docs.basic)
    [one] = answer.json()["evaluations"]
    assert told(one) == (False, "approval_required", {})
    assert await w.audited(AuditTag.APPROVAL_ASKED) == []

    approval = told(await w.ask(stage.docs, asking(token)))[2]
    await say(w, stage, approval["id"])
    answer = await w.http.post("/access/v1/evaluations", json=batch, headers=stage.docs.basic)
    assert answer.json()["evaluations"][0]["decision"] is False
    assert told(await w.ask(stage.docs, asking(token)))[0] is True


async def test_an_agent_as_itself_and_a_plain_token_have_nobody_to_ask(stage: Stage) -> None:
    w = stage.world
    own = await w.post(
        "/token",
        {"grant_type": "client_credentials", "resource": "https://docs.example/mcp"},
        by=stage.a,
    )
    question = asking(own.json()["access_token"])
    question["action"]["properties"] |= {"principal": "agent user"}
    await w.relate((f"agent:{stage.a.agent.id}", "viewer", "document:t1"))
    del question["resource"], question["action"]["properties"]["relation"]
    assert told(await w.ask(stage.docs, question))[1] == "principal_not_accepted"


@pytest.mark.parametrize(
    "wanted",
    [
        {"arguments_hash": "short"},
        {"arguments_hash": hash_of({})[:-1] + "B"},
        {"summary": ""},
        {"summary": "x" * 301},
        {"for": 0},
        {"for": 601},
        {"for": True},
        {"max_age": -1},
        {"once": True},
        {"arguments_hash": None},
    ],
)
async def test_a_malformed_wish_is_refused(stage: Stage, wanted: dict[str, Any]) -> None:
    body = asking(await docs_token(stage), **wanted)
    answer = await stage.world.http.post(
        "/access/v1/evaluation", json=body, headers=stage.docs.basic
    )
    assert answer.status_code == 400
    assert answer.json()["reason"] == "malformed"


@requirement("approval:flood:bounded")
async def test_an_agent_cannot_flood_a_person(stage: Stage) -> None:
    w, token = stage.world, await docs_token(stage)
    for number in range(PENDING):
        answer = told(await w.ask(stage.docs, asking(token, {"n": number})))
        assert answer[1] == "approval_required"
    refused = told(await w.ask(stage.docs, asking(token, {"n": "more"})))
    assert refused == (False, "too_many_approvals", {"retry_after": 600})
    # Those that wait are not lost by it.
    assert told(await w.ask(stage.docs, asking(token, {"n": 0})))[1] == "approval_required"


@requirement("approval:flood:quiet")
async def test_after_some_denials_the_agent_has_to_be_quiet(stage: Stage) -> None:
    w = stage.world
    for number in range(DENIALS):
        token = await docs_token(stage)
        approval = told(await w.ask(stage.docs, asking(token, {"n": number})))[2]
        await say(w, stage, approval["id"], yes=False)
    token = await docs_token(stage)
    assert told(await w.ask(stage.docs, asking(token, {"n": "more"})))[1] == "too_many_approvals"
    w.clock.advance(seconds=QUIET_MS // 1000 + 1)
    token = await docs_token(stage)
    assert told(await w.ask(stage.docs, asking(token, {"n": "more"})))[1] == "approval_required"


async def _ignored(stage: Stage, count: int) -> None:
    """Ask, and let the question run out, so many times."""
    for number in range(count):
        token = await docs_token(stage)
        answer = told(await stage.world.ask(stage.docs, asking(token, {"n": number}, **BRIEF)))
        assert answer[1] == "approval_required", number
        stage.world.clock.advance(seconds=30)


BRIEF: dict[str, Any] = {"for": 1}


@requirement("approval:flood:quiet")
async def test_who_is_always_ignored_has_to_be_quiet_too(stage: Stage) -> None:
    await _ignored(stage, UNWANTED)
    token = await docs_token(stage)
    answer = told(await stage.world.ask(stage.docs, asking(token, {"n": "more"})))
    assert answer[1] == "too_many_approvals"


@requirement("approval:flood:quiet")
async def test_what_was_allowed_never_counts_against_an_agent(stage: Stage) -> None:
    w = stage.world
    for number in range(UNWANTED + PENDING):
        token = await docs_token(stage)
        approval = told(await w.ask(stage.docs, asking(token, {"n": number})))[2]
        assert await say(w, stage, approval["id"]) is Answer.APPROVED, number


@requirement("approval:flood:bounded")
async def test_many_agents_together_are_bounded_as_well(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    w, token = stage.world, await docs_token(stage)
    monkeypatch.setattr("server.delegation.approvals.PENDING_IN_ALL", 2)
    for number in range(2):
        await w.ask(stage.docs, asking(token, {"n": number}))
    ticket = await w.exchange(stage.a, stage.subject, resource=w.uri(stage.b), scope="docs:read")
    other = await w.exchange(
        stage.b, ticket.json()["access_token"], resource=DOCS, scope="docs:read"
    )
    answer = told(await w.ask(stage.docs, asking(other.json()["access_token"])))
    assert answer[1] == "too_many_approvals"
