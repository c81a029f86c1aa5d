"""Attacks on approvals: change the call after the yes, replay it, borrow it, outlive what gave it."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from server.delegation.lifecycle import close_delegation
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.people import UserStatus
from server.domain.registry import Status
from server.protocol.approved_call import asked_of
from server.services.approvals import Answer, answer_approval
from server.services.registration import add_client
from tests.requirements import requirement
from tests.support.approvals import ARGUMENTS, asking, docs_token, hash_of, say, subject_token
from tests.support.stage import Stage, set_stage
from tests.support.world import DOCS, Party, World


async def ask(stage: Stage, body: dict[str, Any], w: World | None = None) -> tuple[bool, str, str]:
    """Return decision, reason and the approval's id."""
    answer = await (w or stage.world).ask(stage.docs, body)
    context = answer["context"]
    return answer["decision"], context.get("reason", ""), context.get("approval", {}).get("id", "")


async def approved(stage: Stage, token: str, **kw: Any) -> str:
    """Have Ada say yes to the usual call, and return the approval's id."""
    _, reason, approval_id = await ask(stage, asking(token, **kw))
    assert reason == "approval_required"
    assert await say(stage.world, stage, approval_id) is Answer.APPROVED
    return approval_id


@requirement("approval:call:exact")
@pytest.mark.parametrize(
    "change",
    [
        {"arguments": {"document_id": "t1", "amount": 1}},
        {"tool": "erase"},
        {"tool": "erase", "arguments_hash": hash_of(ARGUMENTS)},
        {"relation": "editor"},
        {"scope": "docs:write"},
        {"on": "document:t2"},
    ],
    ids="-".join,
)
async def test_another_call_than_the_approved_one_is_another_question(
    stage: Stage, change: dict[str, Any]
) -> None:
    await stage.world.relate(("folder:tax", "parent", "document:t2"))
    token = await docs_token(stage)
    first = await approved(stage, token)

    changed = await ask(stage, asking(token, **change))

    assert changed[:2] == (False, "approval_required")
    assert changed[2] != first
    # The yes is still there for what it was given to.
    assert (await ask(stage, asking(token)))[0] is True


@requirement("approval:call:exact")
async def test_no_other_agent_client_delegation_or_person_can_use_a_yes(stage: Stage) -> None:
    w, token = stage.world, await docs_token(stage)
    first = await approved(stage, token)
    others = {
        "agent": await _hop(stage),
        "client": await _second_client(stage),
        "delegation": await _second_delegation(stage),
        "person": await _other_person(stage),
    }
    for who, other in others.items():
        found = await ask(stage, asking(other))
        assert found[:2] == (False, "approval_required"), who
        assert found[2] != first, who
    assert (await ask(stage, asking(token)))[0] is True
    assert len(await w.audited(AuditTag.APPROVAL_USED)) == 1


async def _hop(stage: Stage) -> str:
    """B's token, for Ada, by a hop from A."""
    w = stage.world
    ticket = await w.exchange(
        stage.a, await subject_token(stage), resource=w.uri(stage.b), scope="docs:read"
    )
    answer = await w.exchange(
        stage.b, ticket.json()["access_token"], resource=DOCS, scope="docs:read"
    )
    return str(answer.json()["access_token"])


async def _second_client(stage: Stage) -> str:
    """A's token by another client of A's."""
    w = stage.world
    made = await add_client(w.core, replace(stage.a.client, id="", name="second"), by="test")
    party = Party(made.client, made.secret, stage.a.agent)
    answer = await w.exchange(party, await _for_agent(stage), resource=DOCS, scope="docs:read")
    return str(answer.json()["access_token"])


async def _for_agent(stage: Stage) -> str:
    """A token whose audience is A itself: every client of A may present it (X3)."""
    return await subject_token(stage)


async def _second_delegation(stage: Stage) -> str:
    w = stage.world
    session = await w.session(stage.ada)
    grant = await w.delegation(stage.ada, stage.a, stage.grant.details, sid=session.id)
    code = await w.code(stage.a, stage.ada, grant=grant, scope="docs:read", session=session)
    subject = (await w.redeem(stage.a, code)).json()["access_token"]
    answer = await w.exchange(stage.a, subject, resource=DOCS, scope="docs:read")
    return str(answer.json()["access_token"])


async def _other_person(stage: Stage) -> str:
    w = stage.world
    ben = await w.user("ben")
    await w.relate((f"user:{ben.id}", "viewer", "folder:tax"))
    session = await w.session(ben)
    grant = await w.delegation(ben, stage.a, stage.grant.details, sid=session.id)
    code = await w.code(stage.a, ben, grant=grant, scope="docs:read", session=session)
    subject = (await w.redeem(stage.a, code)).json()["access_token"]
    answer = await w.exchange(stage.a, subject, resource=DOCS, scope="docs:read")
    return str(answer.json()["access_token"])


@requirement("approval:call:ends")
async def test_a_yes_dies_with_what_it_was_given_to(stage: Stage) -> None:
    w, token = stage.world, await docs_token(stage)
    await approved(stage, token)
    for ended, back in (
        (w.set_agent(stage.a, status=Status.SUSPENDED), lambda: w.set_agent(stage.a)),
        (_client(stage, Status.SUSPENDED), lambda: _client(stage, Status.ACTIVE)),
        (
            w.set_user(stage.ada, status=UserStatus.DISABLED),
            lambda: w.set_user(stage.ada, status=UserStatus.ACTIVE),
        ),
    ):
        await ended
        assert (await ask(stage, asking(token)))[0] is False
        await back()
    record = AuditRecord(tag=AuditTag.DELEGATION_REVOKED, outcome=Outcome.DONE, at=w.clock.now())
    await w.core.store.write(
        lambda tx: close_delegation(w.core, tx, stage.grant, reason="user", audit=record)
    )
    assert await ask(stage, asking(token)) == (False, "delegation_revoked", "")
    assert await w.audited(AuditTag.APPROVAL_USED) == []


async def _client(stage: Stage, status: Status) -> None:
    core, client = stage.world.core, replace(stage.a.client, status=status)
    await core.store.write(lambda tx: core.rows.clients.update(tx, client))


@requirement("approval:call:ends")
async def test_nothing_can_be_allowed_after_the_end_but_denied_it_can(stage: Stage) -> None:
    w, token = stage.world, await docs_token(stage)
    _, _, approval_id = await ask(stage, asking(token))
    await w.set_agent(stage.a, status=Status.SUSPENDED)

    assert await say(w, stage, approval_id) is Answer.ENDED
    assert await say(w, stage, approval_id, yes=False) is Answer.DENIED


@requirement("approval:call:ends")
async def test_a_withdrawn_agent_does_not_get_its_yes_back(stage: Stage) -> None:
    w = stage.world
    first = await approved(stage, await docs_token(stage))
    w.clock.advance(seconds=5)
    await w.set_agent(stage.a, not_before=w.clock.now())

    found = await ask(stage, asking(await docs_token(stage)))

    assert found[:2] == (False, "approval_required")
    assert found[2] != first


async def test_a_revocation_between_decision_and_use_lets_nothing_through(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    w, token = stage.world, await docs_token(stage)
    await approved(stage, token)
    record = AuditRecord(tag=AuditTag.DELEGATION_REVOKED, outcome=Outcome.DONE, at=w.clock.now())
    asked_about: list[bool] = []

    class Overtaken:
        """The store, in which the delegation is revoked just before the unit that uses the yes."""

        def __init__(self) -> None:
            self._store = w.core.store

        async def write(self, work: Any) -> Any:
            if asked_about:
                asked_about.clear()
                await self._store.write(
                    lambda tx: close_delegation(
                        w.core, tx, stage.grant, reason="user", audit=record
                    )
                )
            return await self._store.write(work)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

    def watched(*given: Any) -> Any:
        asked_about.append(True)
        return asked_of(*given)

    monkeypatch.setattr("server.protocol.evaluation.asked_of", watched)
    overtaken = replace(w.core, store=Overtaken())
    monkeypatch.setattr(w.server.services.evaluation, "_core", overtaken)
    assert await ask(stage, asking(token)) == (False, "delegation_revoked", "")
    assert await w.audited(AuditTag.APPROVAL_USED) == []


@requirement("approval:answer:foreign")
async def test_nobody_answers_for_somebody_else(stage: Stage) -> None:
    w, token = stage.world, await docs_token(stage)
    _, _, approval_id = await ask(stage, asking(token))
    eve = await w.user("eve")
    session = await w.session(eve)
    answers = [
        await answer_approval(w.core, each, user_id=eve.id, sid=session.id, yes=True)
        for each in (approval_id, "apv_0", approval_id[:-1])
    ]
    assert answers == [Answer.UNKNOWN] * 3
    # Nor with Ada's name and another's session, nor with a session that has ended.
    assert (
        await answer_approval(w.core, approval_id, user_id=stage.ada.id, sid=session.id, yes=True)
        is Answer.SIGN_IN
    )
    sid = stage.grant.sid or ""
    old = await w.session(stage.ada)
    await w.core.store.write(lambda tx: w.core.rows.sessions.end(tx, old.id, w.clock.now()))
    assert (
        await answer_approval(w.core, approval_id, user_id=stage.ada.id, sid=old.id, yes=True)
        is Answer.SIGN_IN
    )
    assert (await ask(stage, asking(token)))[1] == "approval_required"
    assert (
        await answer_approval(w.core, approval_id, user_id=stage.ada.id, sid=sid, yes=True)
        is Answer.APPROVED
    )


@requirement("approval:answer:fresh")
@pytest.mark.parametrize("scope", ["docs:delete", "docs:read"])
async def test_what_destroys_needs_a_fresh_sign_in(stage: Stage, scope: str) -> None:
    w = stage.world
    detail = replace(stage.grant.details[0], scopes=frozenset({"docs:read", "docs:delete"}))
    session = await w.session(stage.ada)
    grant = await w.delegation(stage.ada, stage.a, (detail,), sid=session.id)
    w.clock.advance(seconds=901)
    code = await w.code(
        stage.a, stage.ada, grant=grant, scope="docs:read docs:delete", session=session
    )
    subject = (await w.redeem(stage.a, code)).json()["access_token"]
    token = (await w.exchange(stage.a, subject, resource=DOCS, scope=scope)).json()["access_token"]
    wish: dict[str, Any] = {"max_age": 60} if scope == "docs:read" else {}
    _, _, approval_id = await ask(stage, asking(token, scope=scope, **wish))

    async def yes(sid: str) -> Answer:
        return await answer_approval(w.core, approval_id, user_id=stage.ada.id, sid=sid, yes=True)

    assert await yes(session.id) is Answer.SIGN_IN
    fresh = await w.session(stage.ada)
    assert await yes(fresh.id) is Answer.APPROVED


@requirement("approval:call:once", "approval:call:needs-yes")
async def test_two_workers_ask_once_and_use_a_yes_once(workers: tuple[World, World]) -> None:
    one, two = workers
    stage = await set_stage(one)
    token = await docs_token(stage)
    body = asking(token)

    first = await asyncio.gather(*(ask(stage, body, (one, two)[n % 2]) for n in range(20)))
    assert len(set(first)) == 1
    approval_id = first[0][2]
    assert await say(two, stage, approval_id) is Answer.APPROVED

    raced = await asyncio.gather(*(ask(stage, body, (one, two)[n % 2]) for n in range(20)))

    assert [found[0] for found in raced].count(True) == 1
    # Who came too late asks again, all of them the same.
    assert len({found[2] for found in raced if not found[0]}) == 1
    assert len(await one.audited(AuditTag.APPROVAL_USED)) == 1


@requirement("approval:answer:once")
async def test_two_workers_take_one_answer(workers: tuple[World, World]) -> None:
    one, two = workers
    stage = await set_stage(one)
    _, _, approval_id = await ask(stage, asking(await docs_token(stage)))

    answers = await asyncio.gather(
        *(say((one, two)[n % 2], stage, approval_id, yes=n % 3 == 0) for n in range(12))
    )

    assert answers.count(Answer.ANSWERED_BEFORE) == 11
    given = await one.audited(AuditTag.APPROVAL_GIVEN)
    denied = await one.audited(AuditTag.APPROVAL_DENIED)
    assert len(given) + len(denied) == 1


@requirement("approval:answer:session")
async def test_no_token_of_any_kind_answers(stage: Stage) -> None:
    w, delegated = stage.world, await docs_token(stage)
    _, _, approval_id = await ask(stage, asking(delegated))
    own, actor = await subject_token(stage), await w.actor_token(stage.a)
    for token in (delegated, own, actor):
        for path in (f"/approvals/{approval_id}", f"/access/v1/approvals/{approval_id}"):
            answer = await w.http.post(
                path,
                data={"decision": "yes", "csrf": token},
                headers={"Authorization": f"Bearer {token}"},
            )
            assert answer.status_code in (303, 405), path
            assert "sign-in" in answer.headers.get("location", "sign-in")
    assert (await ask(stage, asking(delegated)))[1] == "approval_required"
