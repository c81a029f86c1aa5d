"""An agent asks for more than it holds: a yes makes a new delegation, and nothing else."""

from dataclasses import replace
from typing import Any

import httpx2
import pytest

from authz.decision import Denied
from server.delegation.approvals import LONGEST, TooMany
from server.delegation.lifecycle import close_delegation, narrow_delegation
from server.delegation.standing import Standing, standing
from server.domain.approvals import Approval
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.delegation import Delegation, Detail
from server.domain.refusal import Refused
from server.domain.registry import Ceiling
from server.services.approvals import Answer
from server.services.escalation import ask_for_more
from tests.requirements import requirement
from tests.support.approvals import say
from tests.support.stage import ALL, Stage
from tests.support.world import DOCS, ISSUER, NOTES

HOME = Detail(resource=DOCS, scopes=frozenset({"docs:read"}), objects=("folder:home",))
SEARCH = Detail(resource=NOTES, scopes=frozenset({"notes:read"}))


async def alive(stage: Stage, token: str) -> Standing:
    core = stage.world.core
    await core.snapshot.refresh()
    presented = await stage.world.server.services.reader.read(token)
    assert not isinstance(presented, Denied)
    found = await standing(core, presented.record, core.clock.now())
    assert isinstance(found, Standing)
    return found


async def ask(stage: Stage, *details: Detail, token: str = "") -> Approval | TooMany | Refused:
    found = await alive(stage, token or stage.subject)
    return await ask_for_more(stage.world.core, found, details, why="I need it.")


@pytest.mark.parametrize("why", ["x" * 301, "\x00", "\u202eyes", "\ud800"])
async def test_a_reason_that_cannot_be_shown_is_refused(stage: Stage, why: str) -> None:
    found = await ask_for_more(
        stage.world.core, await alive(stage, stage.subject), (HOME,), why=why
    )
    assert isinstance(found, Refused)
    assert found.reason == "malformed"


async def waiting(stage: Stage, *details: Detail) -> Approval:
    found = await ask(stage, *details)
    assert isinstance(found, Approval), found
    return found


async def given(stage: Stage, *details: Detail) -> Delegation:
    """Have Ada allow more, and return the delegation that her yes made."""
    approval = await waiting(stage, *details)
    assert await say(stage.world, stage, approval.id) is Answer.APPROVED
    core = stage.world.core

    def load(tx: Any) -> Delegation:
        stored = core.rows.approvals.get(tx, approval.id)
        assert stored is not None
        value = core.rows.delegations.get(tx, stored.new_grant_id or "")
        assert value is not None
        return value

    return await core.store.read(load)


async def exchange(stage: Stage, **kw: Any) -> httpx2.Response:
    return await stage.world.exchange(stage.a, stage.subject, **kw)


async def may_read(stage: Stage, token: str, document: str) -> bool:
    answer = await stage.world.ask(
        stage.docs,
        {
            "subject": {"type": "access_token", "id": token},
            "action": {"name": "docs:read", "properties": {"relation": "viewer"}},
            "resource": {"type": "document", "id": document},
        },
    )
    return bool(answer["decision"])


@requirement("approval:more:new-delegation", "x9:more-is-new")
async def test_a_yes_makes_a_new_delegation_that_is_used_by_name(stage: Stage) -> None:
    w = stage.world
    new = await given(stage, HOME)
    assert (new.extends, new.details, new.path) == (stage.grant.id, (HOME,), (new.id,))
    assert (new.sid, new.expires_at) == (stage.grant.sid, stage.grant.expires_at)
    old = await w.core.store.read(lambda tx: w.core.rows.delegations.get(tx, stage.grant.id))
    assert old == stage.grant  # it holds no more than before

    plain = (await exchange(stage, resource=DOCS, scope="docs:read")).json()
    more = (await exchange(stage, resource=DOCS, scope="docs:read", grant_id=new.id)).json()
    assert plain["grant_id"] == stage.grant.id
    assert more["grant_id"] == new.id
    # Never a union: each token reaches what its own delegation holds.
    for token, reached in ((plain, "t1"), (more, "h1")):
        for document in ("t1", "h1"):
            assert await may_read(stage, token["access_token"], document) is (document == reached)


@requirement("approval:more:new-delegation")
async def test_it_gives_scopes_that_no_token_of_before_had(stage: Stage) -> None:
    new = await given(stage, SEARCH)
    answer = await exchange(stage, resource=NOTES, scope="notes:read", grant_id=new.id)
    assert answer.status_code == 200, answer.text
    assert answer.json()["scope"] == "notes:read"
    # Not more than the yes, not elsewhere, and not without its name.
    for kw, reason in (
        ({"resource": NOTES, "scope": "notes:write", "grant_id": new.id}, "nothing_left"),
        ({"resource": DOCS, "scope": "docs:read", "grant_id": new.id}, "target_not_consented"),
        ({"resource": NOTES, "scope": "notes:read"}, "target_not_consented"),
    ):
        answer = await exchange(stage, **kw)
        assert (answer.status_code, answer.json()["reason"]) == (400, reason), kw


@requirement("approval:more:new-delegation")
async def test_it_ends_with_the_one_beside_which_it_was_given(stage: Stage) -> None:
    w, core = stage.world, stage.world.core
    new = await given(stage, HOME)
    token = (await exchange(stage, resource=DOCS, grant_id=new.id)).json()["access_token"]
    assert await may_read(stage, token, "h1")
    record = AuditRecord(tag=AuditTag.DELEGATION_REVOKED, outcome=Outcome.DONE, at=w.clock.now())
    soon = w.clock.now() + 60_000
    await core.store.write(
        lambda tx: narrow_delegation(
            core, tx, stage.grant, details=stage.grant.details, expires_at=soon, audit=record
        )
    )
    after = await core.store.read(lambda tx: core.rows.delegations.get(tx, new.id))
    assert after is not None
    assert after.expires_at == soon
    closed = await core.store.write(
        lambda tx: close_delegation(core, tx, stage.grant, reason="user", audit=record)
    )
    assert set(closed) == {stage.grant.id, new.id}
    assert not await may_read(stage, token, "h1")


@requirement("approval:more:new-delegation")
async def test_no_foreign_subject_reaches_it(stage: Stage) -> None:
    w = stage.world
    new = await given(stage, HOME)
    session = await w.session(stage.ada)
    other = await w.delegation(stage.ada, stage.a, stage.grant.details, sid=session.id)
    code = await w.code(stage.a, stage.ada, grant=other, scope="docs:read", session=session)
    subject = (await w.redeem(stage.a, code)).json()["access_token"]
    answer = await w.exchange(stage.a, subject, resource=DOCS, grant_id=new.id)
    assert answer.json()["reason"] == "consent_required"
    # Nor does an agent that the subject was handed on to.
    ticket = await w.exchange(stage.a, stage.subject, resource=w.uri(stage.b), scope="docs:read")
    answer = await w.exchange(
        stage.b, ticket.json()["access_token"], resource=DOCS, grant_id=new.id
    )
    assert answer.json()["reason"] == "consent_required"
    # Nor does a server that got a token of the old one, though it is an agent as well.
    hub = await w.agent("docs-hub", {"docs:read"}, {DOCS}, resource_id=DOCS)
    received = (await exchange(stage, resource=DOCS)).json()["access_token"]
    answer = await w.exchange(hub, received, resource=DOCS, grant_id=new.id)
    assert answer.json()["reason"] == "consent_required"
    # A plain delegation is still not reached by another one's token.
    answer = await exchange(stage, resource=DOCS, grant_id=other.id)
    assert answer.json()["reason"] == "consent_required"


@requirement("approval:more:bounds")
@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        (replace(HOME, scopes=frozenset({"docs:admin"})), "nothing_left"),
        (replace(HOME, scopes=frozenset()), "nothing_left"),
        (replace(HOME, resource="https://else.example/mcp"), "unknown_target"),
        (replace(HOME, objects=("document:h1",)), "nothing_left"),
        (replace(HOME, objects=("mandate/tool:x",)), "nothing_left"),
        (replace(HOME, objects=tuple(f"folder:{n}" for n in range(51))), "malformed"),
        (replace(HOME, objects=("folder:tax",)), "nothing_more"),
        (replace(HOME, objects=("folder:a b",)), "malformed"),
        (replace(HOME, objects=("folder:\x00",)), "malformed"),
        (replace(HOME, resource="\x00"), "malformed"),
        (replace(HOME, resource="\ud800"), "malformed"),
    ],
)
async def test_what_can_never_be_given_is_not_asked(
    stage: Stage, detail: Detail, reason: str
) -> None:
    found = await ask(stage, detail)
    assert isinstance(found, Refused)
    assert found.reason == reason
    assert await stage.world.audited(AuditTag.APPROVAL_ASKED) == []


async def test_what_a_scope_includes_comes_with_it(stage: Stage) -> None:
    core = stage.world.core

    def include(tx: Any) -> None:
        resource = core.rows.resources.get(tx, DOCS)
        assert resource is not None
        write = replace(resource.scopes["docs:write"], includes=frozenset({"docs:read"}))
        scopes = {**resource.scopes, "docs:write": write}
        core.rows.resources.update(tx, replace(resource, scopes=scopes))

    await core.store.write(include)
    new = await given(stage, replace(HOME, scopes=frozenset({"docs:write"})))
    assert new.details[0].scopes == {"docs:read", "docs:write"}


@requirement("approval:more:bounds")
async def test_what_the_person_does_not_hold_is_not_given(stage: Stage) -> None:
    w = stage.world
    approval = await waiting(stage, HOME)
    own = (f"user:{stage.ada.id}", "owner", "folder:home")
    await w.unrelate(own)
    assert await say(w, stage, approval.id) is Answer.NOT_HELD
    await w.relate(own)
    await w.set_agent(stage.a, ceiling=Ceiling(scopes=frozenset({"docs:write"})))
    assert await say(w, stage, approval.id) is Answer.NOT_HELD
    rooted = Ceiling(
        scopes=frozenset(ALL), resources=frozenset({DOCS}), object_roots=("folder:tax",)
    )
    await w.set_agent(stage.a, ceiling=rooted)
    assert await say(w, stage, approval.id) is Answer.NOT_HELD
    assert len(await w.audited(AuditTag.DELEGATION_CREATED)) == 1


async def test_only_the_agent_that_the_person_allowed_asks(stage: Stage) -> None:
    w = stage.world
    ticket = await w.exchange(stage.a, stage.subject, resource=w.uri(stage.b), scope="docs:read")
    token = await w.exchange(stage.b, ticket.json()["access_token"], resource=DOCS)
    found = await ask(stage, HOME, token=token.json()["access_token"])
    assert isinstance(found, Refused)
    assert found.reason == "not_root"


async def test_the_same_question_waits_once_and_a_no_stands(stage: Stage) -> None:
    first, again = await waiting(stage, HOME), await waiting(stage, HOME)
    assert first == again
    await say(stage.world, stage, first.id, yes=False)
    denied = await waiting(stage, HOME)
    assert (denied.id, denied.stored.value) == (first.id, "denied")
    assert await stage.world.audited(AuditTag.DELEGATION_CREATED) != []


async def state(stage: Stage, approval_id: str, token: str) -> httpx2.Response:
    return await stage.world.http.get(
        f"/access/v1/approvals/{approval_id}", headers={"Authorization": f"Bearer {token}"}
    )


@requirement("approval:state:bound")
async def test_the_agent_sees_how_it_stands_and_what_came_of_it(stage: Stage) -> None:
    w = stage.world
    approval = await waiting(stage, HOME)
    own = await w.actor_token(stage.a)
    answer = await state(stage, approval.id, own)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "id": approval.id,
        "kind": "escalation",
        "status": "pending",
        "expires_in": 600,
        "interval": 5,
        "approve_url": f"{ISSUER}/approvals/{approval.id}",
    }
    await say(w, stage, approval.id)
    told = (await state(stage, approval.id, own)).json()
    assert told["status"] == "approved"
    answer = await exchange(stage, resource=DOCS, scope="docs:read", grant_id=told["grant_id"])
    assert answer.status_code == 200, answer.text
    # What the yes has made outlasts it: whoever looks late is told of it as well.
    w.clock.advance(seconds=LONGEST + 1)
    late = (await state(stage, approval.id, await w.actor_token(stage.a))).json()
    assert (late["status"], late["grant_id"]) == ("approved", told["grant_id"])
    assert "expires_in" not in late


@requirement("approval:state:bound")
async def test_another_agent_and_another_token_learn_nothing(stage: Stage) -> None:
    w = stage.world
    approval = await waiting(stage, HOME)
    theirs, own = await w.actor_token(stage.b), await w.actor_token(stage.a)
    foreign = await state(stage, approval.id, theirs)
    unknown = await state(stage, "apv_" + "0" * 32, own)
    assert (foreign.status_code, foreign.json()) == (unknown.status_code, unknown.json())
    assert unknown.status_code == 404
    # The agent's token for the person is no token for this.
    for token in (stage.subject, "x.y.z", ""):
        assert (await state(stage, approval.id, token)).status_code == 401


async def test_nobody_waits_for_what_has_ended(stage: Stage) -> None:
    w, core = stage.world, stage.world.core
    approval = await waiting(stage, HOME)
    record = AuditRecord(tag=AuditTag.DELEGATION_REVOKED, outcome=Outcome.DONE, at=w.clock.now())
    await core.store.write(
        lambda tx: close_delegation(core, tx, stage.grant, reason="user", audit=record)
    )
    told = (await state(stage, approval.id, await w.actor_token(stage.a))).json()
    assert told == {"id": approval.id, "kind": "escalation", "status": "expired"}


async def test_rows_are_locked_in_one_order_whatever_was_written_last(stage: Stage) -> None:
    w, core = stage.world, stage.world.core
    w.clock.advance(seconds=1)
    beside = await given(stage, HOME)
    base = await core.snapshot.delegation(stage.grant.id)
    assert base is not None
    assert base.sid is not None
    # Written again on a full page it lies behind what extends it: who locked as rows lie would lock
    # the other way round than who ends the base first, and the two would wait for each other.
    other = await w.user("carl")
    for _ in range(40):
        await w.delegation(other, stage.a, stage.grant.details)
    await core.store.write(lambda tx: core.rows.delegations.narrow(tx, base))
    rows, sid = core.rows.delegations, base.sid
    assert await core.store.read(lambda tx: rows.of_session(tx, sid)) == [base.id, beside.id]
    pair = await core.store.read(lambda tx: rows.of_pair(tx, base.user_id, base.agent_id))
    assert [row.id for row in pair] == [base.id, beside.id]
