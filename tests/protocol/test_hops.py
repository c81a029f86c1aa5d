"""X4, X6, X7: the next hop, the way downstream, impersonation and ID tokens as subjects."""

from dataclasses import replace

import httpx2

from server.delegation.lifecycle import close_delegation
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.delegation import Detail
from server.domain.registry import GrantType, Status
from tests.protocol.test_token_exchange import claims, refused
from tests.requirements import requirement
from tests.support.stage import ALL, Stage
from tests.support.world import DOCS, ID, ISSUER, NOTES


async def handover(stage: Stage, **extra: str) -> httpx2.Response:
    """Let A make a ticket for B."""
    w = stage.world
    return await w.exchange(stage.a, stage.subject, resource=w.uri(stage.b), **extra)


@requirement(
    "x4:handover-child",
    "x4:handover-token-only-here",
    "x4:may-act-is-delegate",
    "rfc8693:4.4:may-act",
)
async def test_handing_on_makes_a_child_row_and_a_ticket(stage: Stage) -> None:
    w = stage.world
    answer = await handover(stage, scope="docs:read")
    assert answer.status_code == 200, answer.text
    ticket = answer.json()["access_token"]
    child = answer.json()["grant_id"]
    assert child != stage.grant.id
    assert claims(ticket)["may_act"] == {"sub": stage.b.agent.id}
    assert "act" not in claims(ticket)
    # Good at the token endpoint only.
    question = {
        "subject": {"type": "access_token", "id": ticket},
        "action": {"name": "docs:read"},
    }
    assert (await w.ask(stage.docs, question))["decision"] is False
    answer = await w.exchange(stage.b, ticket, resource=DOCS, scope="docs:read docs:write")
    assert answer.status_code == 200, answer.text
    token = claims(answer.json()["access_token"])
    assert answer.json()["scope"] == "docs:read"
    assert token["act"] == {"sub": stage.b.agent.id, "act": {"sub": stage.a.agent.id}}
    assert token["grant_id"] == child
    # Again: the same child, no second row.
    assert (await handover(stage, scope="docs:read")).json()["grant_id"] == child


@requirement("x4:delegate-is-actor")
async def test_a_ticket_serves_its_agent_alone(stage: Stage) -> None:
    w = stage.world
    ticket = (await handover(stage)).json()["access_token"]
    refused(await w.exchange(stage.a, ticket, resource=DOCS), "invalid_request", "not_presenter")
    gamma = await w.agent("gamma", ALL, {DOCS})
    refused(await w.exchange(gamma, ticket, resource=DOCS), "invalid_request", "not_presenter")
    # B with A's actor token is neither A nor B.
    actor_a = await w.actor_token(stage.a)
    refused(
        await w.exchange(stage.b, ticket, actor=actor_a, resource=DOCS),
        "invalid_request",
        "actor_mismatch",
    )


@requirement("defect:f-depth-cap", "x4:hand-on-by-consent", "x4:depth-cap")
async def test_a_hop_beyond_the_consent_is_refused(stage: Stage) -> None:
    w = stage.world
    gamma = await w.agent("gamma", ALL, {DOCS})
    refused(
        await w.exchange(stage.a, stage.subject, resource=w.uri(gamma)),
        "invalid_target",
        "handover_not_consented",
    )
    unknown = await w.exchange(stage.a, stage.subject, resource=f"{ISSUER}/agents/agt_nobody")
    refused(unknown, "invalid_target", "handover_not_consented")
    ticket = (await handover(stage)).json()["access_token"]
    refused(
        await w.exchange(stage.b, ticket, resource=w.uri(stage.a)),
        "invalid_target",
        "handover_not_consented",
    )


async def test_a_handover_can_narrow_objects_but_not_widen_them(stage: Stage) -> None:
    wider = f'[{{"type":"mandate","resource":"{DOCS}","scopes":["docs:read"],"objects":["folder:home"]}}]'
    answer = await handover(stage, authorization_details=wider)
    assert answer.json()["error"] == "invalid_authorization_details"
    narrower = wider.replace("folder:home", "document:t1")
    answer = await handover(stage, authorization_details=narrower)
    assert answer.status_code == 200, answer.text
    assert answer.json()["authorization_details"][0]["objects"] == ["document:t1"]


@requirement("defect:h-introspection-shows-act", "x9:recomputed")
async def test_revoking_the_parent_kills_the_child_and_its_tokens(stage: Stage) -> None:
    w = stage.world
    ticket = (await handover(stage)).json()["access_token"]
    token = (await w.exchange(stage.b, ticket, resource=DOCS)).json()["access_token"]
    seen = await w.post("/introspect", {"token": token}, by=stage.docs)
    assert seen.json()["act"]["act"] == {"sub": stage.a.agent.id}
    # Suspending the first agent of the chain stops the second.
    await w.set_agent(stage.a, status=Status.SUSPENDED)
    seen = await w.post("/introspect", {"token": token}, by=stage.docs)
    assert seen.json() == {"active": False}
    await w.set_agent(stage.a, status=Status.ACTIVE)
    record = AuditRecord(tag=AuditTag.DELEGATION_REVOKED, outcome=Outcome.DONE, at=w.clock.now())
    closed = await w.core.store.write(
        lambda tx: close_delegation(w.core, tx, stage.grant, reason="user", audit=record)
    )
    assert len(closed) == 2
    seen = await w.post("/introspect", {"token": token}, by=stage.docs)
    assert seen.json() == {"active": False}
    answer = await w.exchange(stage.b, ticket, resource=DOCS)
    refused(answer, "invalid_request", "delegation_revoked")


@requirement("x7:impersonation-flag", "x7:impersonation-narrower", "x2:actor-token-forbidden")
async def test_impersonation_needs_the_flag_and_a_plain_subject(stage: Stage) -> None:
    w = stage.world
    plain = await w.client("reports", may_impersonate=True, scopes=frozenset({"docs:read"}))
    session = await w.session(stage.ada)
    code = await w.code(
        plain, stage.ada, scope="openid docs:read docs:write", resources=(DOCS,), session=session
    )
    subject = (await w.redeem(plain, code)).json()["access_token"]
    answer = await w.exchange(plain, subject, actor=None, resource=DOCS, scope="docs:read")
    assert answer.status_code == 200, answer.text
    assert "act" not in claims(answer.json()["access_token"])
    assert claims(answer.json()["access_token"])["sub"] == stage.ada.id
    # X2: an actor token where nobody acts.
    actor = await w.actor_token(stage.a)
    refused(
        await w.exchange(plain, subject, actor=actor, resource=DOCS),
        "invalid_request",
        "actor_token_without_agent",
    )
    rows = w.core.rows
    await w.core.store.write(
        lambda tx: rows.clients.update(tx, replace(plain.client, may_impersonate=False))
    )
    refused(
        await w.exchange(plain, subject, actor=None, resource=DOCS),
        "invalid_request",
        "actor_token_required",
    )


@requirement("x7:id-token-subject", "x7:id-token-proves-who", "defect:k-foreign-id-token")
async def test_an_id_token_proves_who_and_no_more(stage: Stage) -> None:
    w = stage.world
    session = await w.session(stage.ada)
    code = await w.code(
        stage.a, stage.ada, scope="openid docs:read", grant=stage.grant, session=session
    )
    id_token = (await w.redeem(stage.a, code)).json()["id_token"]
    assert "act" not in claims(id_token)
    answer = await w.exchange(stage.a, id_token, subject_token_type=ID, resource=DOCS)
    assert answer.status_code == 200, answer.text
    refused(
        await w.exchange(stage.b, id_token, subject_token_type=ID, resource=DOCS),
        "invalid_request",
        "not_presenter",
    )
    w.clock.advance(seconds=299)
    assert (
        await w.exchange(stage.a, id_token, subject_token_type=ID, resource=DOCS)
    ).status_code == 200
    await w.core.store.write(lambda tx: w.core.rows.sessions.end(tx, session.id, w.clock.now()))
    refused(
        await w.exchange(stage.a, id_token, subject_token_type=ID, resource=DOCS),
        "invalid_request",
        "session_ended",
    )


async def test_public_clients_and_clients_without_the_grant_cannot_exchange(stage: Stage) -> None:
    w = stage.world
    limited = await w.client(
        "limited", agent=stage.a.agent, grant_types=frozenset({GrantType.CLIENT_CREDENTIALS})
    )
    refused(
        await w.exchange(limited, stage.subject, resource=DOCS),
        "unauthorized_client",
        "grant_not_allowed",
    )


@requirement("x6:downstream-edge", "x6:no-edge-invalid-target")
async def test_a_resource_server_goes_on_only_along_a_consented_edge(stage: Stage) -> None:
    w = stage.world
    hub = await w.agent("docs-hub", {"notes:read", "notes:write"}, {NOTES}, resource_id=DOCS)
    at_docs = (await w.exchange(stage.a, stage.subject, resource=DOCS)).json()["access_token"]
    refused(
        await w.exchange(hub, at_docs, resource=NOTES, scope="notes:read"),
        "invalid_target",
        "no_edge",
    )
    eve = await w.user("bob")
    session = await w.session(eve)
    grant = await w.delegation(
        eve,
        stage.a,
        (Detail(resource=DOCS, scopes=frozenset({"docs:read"}), objects=("folder:tax",)),),
        allow_edges=((DOCS, "docs:read", NOTES, "notes:read"),),
        sid=session.id,
    )
    code = await w.code(stage.a, eve, grant=grant, scope="docs:read", session=session)
    subject = (await w.redeem(stage.a, code)).json()["access_token"]
    at_docs = (await w.exchange(stage.a, subject, resource=DOCS)).json()["access_token"]
    answer = await w.exchange(hub, at_docs, resource=NOTES, scope="notes:read notes:write")
    assert answer.status_code == 200, answer.text
    token = claims(answer.json()["access_token"])
    assert token["scope"] == "notes:read"
    assert token["act"] == {"sub": hub.agent.id, "act": {"sub": stage.a.agent.id}}
    question = {
        "subject": {"type": "access_token", "id": answer.json()["access_token"]},
        "action": {"name": "notes:read"},
    }
    assert (await w.ask(stage.notes, question))["decision"] is True
    # Another agent's server cannot use a token that was not sent to it.
    refused(await w.exchange(stage.b, at_docs, resource=NOTES), "invalid_request", "not_presenter")
