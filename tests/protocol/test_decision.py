"""X11, X12: the decision on a call is the AND of its legs, and what a call leaves behind."""

from dataclasses import replace
from typing import Any

import pytest

from server.domain.audit import AuditTag
from server.domain.delegation import Detail
from server.domain.people import UserStatus
from server.domain.registry import Ceiling, Status
from tests.requirements import requirement
from tests.support.stage import ALL, Stage
from tests.support.world import DOCS, NOTES


def question(token: str, scope: str = "docs:read", **kw: Any) -> dict[str, Any]:
    """Ask whether a token may read the given objects."""
    objects = [dict(zip(("type", "id"), o.split(":"), strict=True)) for o in kw.pop("on", ())]
    return {
        "subject": {"type": "access_token", "id": token},
        "action": {"name": scope, "properties": {"relation": "viewer", "tool": "read", **kw}},
        "resources": objects,
    }


async def at_docs(stage: Stage, scope: str = "docs:read docs:write") -> str:
    """Get A's token for the documents server."""
    answer = await stage.world.exchange(stage.a, stage.subject, resource=DOCS, scope=scope)
    return str(answer.json()["access_token"])


@requirement("x11:and-of-legs", "x10:resource-sees-chain", "mandate:audit:both-named")
async def test_an_allowed_call_names_the_user_and_every_agent(stage: Stage) -> None:
    w = stage.world
    token = await at_docs(stage)
    answer = await w.ask(stage.docs, question(token, on=["document:t1"]))
    assert answer["decision"] is True, answer
    context = answer["context"]
    assert context["sub"] == stage.ada.id
    assert context["act"] == [stage.a.agent.id]
    assert context["grant_id"] == stage.grant.id
    assert context["objects"] == [{"type": "document", "id": "t1", "decision": True}]
    [row] = await w.audited(AuditTag.DECISION)
    assert (row[0], row[2], row[4], row[5]) == (
        "done",
        stage.ada.id,
        stage.grant.id,
        "document:t1",
    )
    assert stage.a.agent.id in row[3]


@requirement("x11:each-leg-alone")
async def test_each_leg_alone_decides_with_its_own_reason(stage: Stage) -> None:
    w = stage.world
    token = await at_docs(stage)

    async def asked(**kw: Any) -> str:
        answer = await w.ask(stage.docs, question(token, on=["document:t1"], **kw))
        if answer["decision"]:
            return "allowed"
        return str(answer["context"]["reason"])

    assert await asked() == "allowed"
    own = (f"user:{stage.ada.id}", "owner", "folder:tax")
    await w.unrelate(own)
    assert await asked() == "user_relation"
    await w.relate(own)
    assert await asked() == "allowed"
    assert stage.a.agent is not None
    await w.set_agent(stage.a, ceiling=Ceiling(scopes=frozenset(ALL), resources=frozenset()))
    assert await asked() == "ceiling_resource"
    await w.set_agent(
        stage.a, ceiling=Ceiling(scopes=frozenset({"docs:write"}), resources=frozenset({DOCS}))
    )
    assert await asked() == "ceiling_scope"
    rooted = replace(stage.a.agent.ceiling, object_roots=("folder:home",))
    await w.set_agent(stage.a, ceiling=rooted)
    assert await asked() == "ceiling_object"
    await w.relate((f"agent:{stage.a.agent.id}", "ceiling", "folder:tax"))
    assert await asked() == "allowed"
    await w.set_agent(stage.a, ceiling=stage.a.agent.ceiling)
    await w.set_agent(stage.a, status=Status.SUSPENDED)
    assert await asked() == "agent_suspended"
    await w.set_agent(stage.a)
    await w.set_user(stage.ada, status=UserStatus.DISABLED)
    assert await asked() == "user_disabled"
    await w.set_user(stage.ada)
    assert await asked() == "allowed"
    consent = (f"consent:{stage.grant.id}.0", "consented", "folder:tax")
    await w.unrelate(consent)
    assert await asked() == "consent_object"
    await w.relate(consent)
    narrowed = replace(
        stage.grant,
        details=(replace(stage.grant.details[0], scopes=frozenset({"docs:write"})),),
    )
    await w.core.store.write(lambda tx: w.core.rows.delegations.narrow(tx, narrowed))
    assert await asked() == "consent_scope"


async def test_the_users_right_does_not_reach_beyond_the_consent(stage: Stage) -> None:
    w = stage.world
    token = await at_docs(stage)
    # Ada owns both folders; only one was consented.
    answer = await w.ask(stage.docs, question(token, on=["document:h1"]))
    assert answer["context"]["reason"] == "consent_object"
    # And consent does not give Ada what she has not: nobody owns this one.
    await w.relate((f"consent:{stage.grant.id}.0", "consented", "document:x"))
    answer = await w.ask(stage.docs, question(token, on=["document:x"]))
    assert answer["context"]["reason"] == "user_relation"
    # An unknown object is no other case.
    answer = await w.ask(stage.docs, question(token, on=["document:nothing"]))
    assert answer["context"]["reason"] == "user_relation"


@requirement("x11:several-objects-all")
async def test_several_objects_must_all_be_allowed(stage: Stage) -> None:
    answer = await stage.world.ask(
        stage.docs, question(await at_docs(stage), on=["document:t1", "document:h1"])
    )
    assert answer["decision"] is False
    assert [o["decision"] for o in answer["context"]["objects"]] == [True, False]


async def test_the_scope_is_the_tokens_and_the_resources(stage: Stage) -> None:
    w = stage.world
    token = await at_docs(stage, "docs:read")
    for scope in ("docs:write", "docs:delete", "notes:read", "openid", "docs:read docs:write"):
        answer = await w.ask(stage.docs, question(token, scope, on=["document:t1"]))
        assert answer["context"]["reason"] == "insufficient_scope", scope
    answer = await w.ask(stage.docs, question(token, on=["document:t1"]))
    assert answer["decision"] is True


@requirement("rfc8707:2:audience-restricted")
async def test_a_token_for_another_resource_tells_nothing(stage: Stage) -> None:
    w = stage.world
    answer = await w.ask(stage.notes, question(await at_docs(stage), "notes:read"))
    assert answer["decision"] is False
    assert set(answer["context"]) == {"evaluation_id", "reason", "action"}
    assert answer["context"]["reason"] == "wrong_audience"


@requirement("x8:guarded-tool-wants-delegation", "x8:agent-self-scope", "x8:consent-not-inherited")
async def test_an_agent_as_itself_needs_a_tool_that_says_so(stage: Stage) -> None:
    w = stage.world
    answer = await w.post(
        "/token",
        {"grant_type": "client_credentials", "resource": DOCS, "scope": "docs:read docs:write"},
        by=stage.a,
    )
    # docs:write is not marked as an agent's own.
    assert answer.json()["scope"] == "docs:read"
    token = answer.json()["access_token"]
    reply = await w.ask(stage.docs, question(token, on=["document:t1"]))
    assert reply["context"]["reason"] == "principal_not_accepted"
    reply = await w.ask(stage.docs, question(token, on=["document:t1"], principal="agent"))
    assert reply["context"]["reason"] == "user_relation"
    await w.relate((f"agent:{stage.a.agent.id}", "viewer", "document:t1"))
    reply = await w.ask(stage.docs, question(token, on=["document:t1"], principal="agent"))
    assert reply["decision"] is True
    assert reply["context"]["act"] == []


async def test_a_persons_plain_token_needs_a_tool_that_says_so(stage: Stage) -> None:
    w = stage.world
    plain = await w.client("plain")
    code = await w.code(plain, stage.ada, scope="docs:read", resources=(DOCS,))
    token = (await w.redeem(plain, code)).json()["access_token"]
    reply = await w.ask(stage.docs, question(token, on=["document:h1"]))
    assert reply["context"]["reason"] == "principal_not_accepted"
    for principal in ("user", "person"):
        reply = await w.ask(stage.docs, question(token, on=["document:h1"], principal=principal))
        assert reply["decision"] is True


@requirement("own-mcp:person:no-act")
async def test_what_is_for_a_person_alone_takes_no_agents_token(stage: Stage) -> None:
    w = stage.world
    answer = await w.exchange(stage.a, stage.subject, resource=DOCS, scope="docs:read")
    token = answer.json()["access_token"]
    reply = await w.ask(stage.docs, question(token, on=["document:t1"], principal="person"))
    assert reply["context"]["reason"] == "principal_not_accepted"
    # And by the scope: an agent that got it before it was set apart is refused from then on.
    resource = await w.core.snapshot.resource(DOCS)
    assert resource is not None
    own = replace(resource.scopes["docs:read"], person_only=True, agent_own=False)
    changed = replace(resource, scopes={**resource.scopes, own.name: own})
    await w.core.store.write(lambda tx: w.core.rows.resources.update(tx, changed))
    reply = await w.ask(stage.docs, question(token, on=["document:t1"]))
    assert reply["context"]["reason"] == "ceiling_scope"
    answer = await w.exchange(stage.a, stage.subject, resource=DOCS, scope="docs:read")
    assert answer.json()["reason"] == "nothing_left"


async def test_only_a_resource_server_may_ask(stage: Stage) -> None:
    w = stage.world
    body = question(await at_docs(stage), on=["document:t1"])
    answer = await w.http.post("/access/v1/evaluation", json=body)
    assert answer.status_code == 401
    answer = await w.http.post("/access/v1/evaluation", json=body, headers=stage.a.basic)
    assert (answer.status_code, answer.json()["reason"]) == (403, "no_resource")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b'{"subject":1}',
        b'{"subject":{},"action":{}}',
        b'{"subject":{"id":"x"},"action":{"name":"a","properties":{"principal":"root"}}}',
        b'{"subject":{"id":"x"},"action":{"name":"a"},"resources":[1]}',
        b'{"subject":{"id":"x"},"action":{"name":"a"},"resources":"y"}',
        b'{"subject":{"id":"x"},"action":{"name":"a"},"resource":{"type":"t","id":""}}',
        b'{"subject":{"id":"x","id":"y"},"action":{"name":"a"}}',
        b'{"subject":{"id":"x"},"action":{"name":[]},"context":7}',
        b'{"a":' * 200 + b"1" + b"}" * 200,
        b" " * 70_000,
    ],
)
@requirement("mandate:input:no-500")
async def test_hostile_bodies_get_the_standard_error(stage: Stage, body: bytes) -> None:
    for path in ("/access/v1/evaluation", "/access/v1/relations"):
        answer = await stage.world.http.post(path, content=body, headers=stage.docs.basic)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), path


async def relations(stage: Stage, **body: Any) -> Any:
    """Write tuples as the documents server."""
    return await stage.world.http.post("/access/v1/relations", json=body, headers=stage.docs.basic)


async def test_a_resource_server_writes_tuples_of_its_own_types_only(stage: Stage) -> None:
    w = stage.world
    new = {"user": "folder:tax", "relation": "parent", "object": "document:new"}
    answer = await relations(stage, writes=[new], labels={"document:new": "Budget"})
    assert answer.status_code == 200, answer.text
    assert int(answer.json()["revision"]) > 0
    reply = await w.ask(stage.docs, question(await at_docs(stage), on=["document:new"]))
    assert reply["decision"] is True
    labels = await w.core.store.read(
        lambda tx: w.core.rows.resources.labels(tx, ["document:new", "document:t1"])
    )
    assert labels == {"document:new": "Budget"}
    consent = {
        "user": f"consent:{stage.grant.id}.0",
        "relation": "consented",
        "object": "folder:home",
    }
    answer = await relations(stage, writes=[consent])
    assert (answer.status_code, answer.json()["reason"]) == (403, "reserved_relation")
    foreign = {"user": "user:x", "relation": "owner", "object": "agent:y"}
    answer = await relations(stage, writes=[foreign])
    assert (answer.status_code, answer.json()["reason"]) == (403, "foreign_type")
    nonsense = {"user": "user:x", "relation": "no_such", "object": "document:new"}
    answer = await relations(stage, writes=[nonsense])
    assert (answer.status_code, answer.json()["reason"]) == (400, "tuple_refused")
    by_notes = await w.http.post(
        "/access/v1/relations", json={"writes": [new]}, headers=stage.notes.basic
    )
    assert by_notes.status_code == 403


@requirement("x12:effects-recorded", "x12:sharing-off")
async def test_a_delegated_call_leaves_effects_and_cannot_share(stage: Stage) -> None:
    w = stage.world
    token = await at_docs(stage)
    mine = {"user": f"user:{stage.ada.id}", "relation": "owner", "object": "document:made"}
    answer = await relations(stage, writes=[mine], token=token)
    assert answer.status_code == 200, answer.text
    [effect] = await w.core.store.read(lambda tx: w.core.rows.effects.of(tx, stage.grant.id))
    assert (effect.subject, effect.object) == (f"user:{stage.ada.id}", "document:made")
    eve = {"user": "user:usr_eve", "relation": "viewer", "object": "document:made"}
    for other in (eve, {**eve, "user": "agent:agt_x"}):
        answer = await relations(stage, writes=[other], token=token)
        assert (answer.status_code, answer.json()["error"]) == (403, "sharing_not_consented")
    # The control: the same tuple, where the consent allows sharing.
    sharing = await w.delegation(
        stage.ada,
        stage.a,
        (Detail(resource=DOCS, scopes=frozenset({"docs:read"}), objects=("folder:tax",)),),
        allow_sharing=True,
    )
    session = await w.session(stage.ada)
    code = await w.code(stage.a, stage.ada, grant=sharing, scope="docs:read", session=session)
    subject = (await w.redeem(stage.a, code)).json()["access_token"]
    shared = (await w.exchange(stage.a, subject, resource=DOCS)).json()["access_token"]
    assert (await relations(stage, writes=[eve], token=shared)).status_code == 200
    # A dead or foreign token writes nothing.
    await w.set_user(stage.ada, status=UserStatus.DISABLED)
    answer = await relations(stage, writes=[mine], token=token)
    assert (answer.status_code, answer.json()["reason"]) == (403, "user_disabled")
    assert NOTES != DOCS


@requirement("x11:error-denies")
async def test_a_check_that_fails_denies(stage: Stage) -> None:
    reply = await stage.world.ask(
        stage.docs, question(await at_docs(stage), on=["document:t1"], relation="no_such")
    )
    assert reply["decision"] is False
