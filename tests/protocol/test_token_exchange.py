"""RFC 8693 by X1-X7: who may exchange what for what, each refusal beside its control."""

from dataclasses import replace
from typing import Any

import httpx2
import jwt
import pytest

from server.delegation.lifecycle import close_delegation
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.delegation import Detail
from server.domain.people import UserStatus
from server.domain.registry import Ceiling, GrantType, Status
from tests.requirements import requirement
from tests.support.world import ACCESS, ALL, DOCS, ID, ISSUER, NOTES, Stage, World


def claims(token: str) -> dict[str, Any]:
    """Read a token without verifying it, as an attacker would."""
    return dict(jwt.decode(token, options={"verify_signature": False}))


def refused(answer: httpx2.Response, error: str, reason: str) -> None:
    """Expect a refusal by its error and its reason."""
    body = answer.json()
    assert (answer.status_code, body["error"], body["reason"]) == (400, error, reason), body


async def user_token(w: World, stage: Stage, audience: str) -> str:
    """Get a person's own token at a plain client, for one audience."""
    plain = await w.client("plain")
    session = await w.session(stage.ada)
    code = await w.code(
        plain, stage.ada, scope="openid docs:read", resources=(audience,), session=session
    )
    answer = await w.redeem(plain, code)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@requirement(
    "x1:scope-always-returned",
    "x4:act-from-rows",
    "x9:no-refresh-from-exchange",
    "rfc8693:2.2.1:issued-token-type",
    "rfc8693:2.2.1:token-type",
    "rfc8693:4.1:act",
    "rfc9068:2.1:typ",
    "rfc9396:7:returned",
    "mandate:audit:both-named",
)
async def test_an_agent_gets_a_narrow_token_that_names_user_and_agent(stage: Stage) -> None:
    w = stage.world
    answer = await w.exchange(stage.a, stage.subject, resource=DOCS, scope="docs:read")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["scope"] == "docs:read"
    assert body["issued_token_type"] == ACCESS
    assert body["grant_id"] == stage.grant.id
    assert body["authorization_details"] == [
        {"type": "mandate", "resource": DOCS, "scopes": ["docs:read"], "objects": ["folder:tax"]}
    ]
    assert "refresh_token" not in body
    token = claims(body["access_token"])
    assert token["sub"] == stage.ada.id
    assert token["act"] == {"sub": stage.a.agent.id}
    assert token["aud"] == DOCS
    assert jwt.get_unverified_header(body["access_token"])["typ"] == "at+jwt"
    assert answer.headers["cache-control"] == "no-store"
    [row] = await w.audited(AuditTag.EXCHANGE)
    assert row[0] == "done"
    assert row[2] == stage.ada.id
    assert stage.a.agent.id in row[3]


@requirement(
    "x2:actor-token-required",
    "x7:no-act-laundering",
    "defect:a-act-without-actor",
    "x1:branch-on-provenance",
)
async def test_a_delegated_token_without_actor_token_is_no_subject(stage: Stage) -> None:
    w = stage.world
    answer = await w.exchange(stage.a, stage.subject, actor=None, resource=DOCS)
    refused(answer, "invalid_request", "actor_token_missing")
    plain = await w.client("mule", may_impersonate=True)
    # Not even a client that may impersonate launders it into a user token (keycloak#52691).
    answer = await w.exchange(plain, stage.subject, actor=None, resource=DOCS)
    refused(answer, "invalid_request", "not_presenter")


@requirement("defect:b-blank-subject", "rfc8693:2.1:subject-token-required")
@pytest.mark.parametrize("subject", ["", None])
async def test_a_missing_subject_token_never_falls_back(stage: Stage, subject: str | None) -> None:
    answer = await stage.world.exchange(stage.a, "x", subject_token=subject, resource=DOCS)
    refused(answer, "invalid_request", "subject_token_missing")
    answer = await stage.world.exchange(stage.a, "x", subject_token=" ", resource=DOCS)
    assert answer.status_code == 400


async def test_a_duplicated_subject_token_is_refused(stage: Stage) -> None:
    w = stage.world
    actor = await w.actor_token(stage.a)
    body = (
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange"
        f"&subject_token={stage.subject}&subject_token={stage.subject}"
        f"&subject_token_type={ACCESS}&actor_token={actor}&actor_token_type={ACCESS}"
    )
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await w.http.post("/token", content=body, headers={**stage.a.basic, **kind})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@requirement("x2:actor-token-kind", "defect:c-actor-of-client")
async def test_an_actor_token_serves_only_its_own_client(stage: Stage) -> None:
    w = stage.world
    of_b = await w.actor_token(stage.b)
    answer = await w.exchange(stage.a, stage.subject, actor=of_b, resource=DOCS)
    refused(answer, "invalid_request", "actor_mismatch")
    twin = await w.client("alpha-twin", agent=stage.a.agent, scopes=frozenset(ALL))
    of_twin = await w.actor_token(twin)
    answer = await w.exchange(stage.a, stage.subject, actor=of_twin, resource=DOCS)
    refused(answer, "invalid_request", "actor_mismatch")


@requirement("x2:actor-token-plain")
async def test_an_actor_token_for_a_resource_is_no_actor_token(stage: Stage) -> None:
    w = stage.world
    answer = await w.post(
        "/token",
        {"grant_type": "client_credentials", "resource": DOCS, "scope": "docs:read"},
        by=stage.a,
    )
    token = answer.json()["access_token"]
    refused(
        await w.exchange(stage.a, stage.subject, actor=token, resource=DOCS),
        "invalid_request",
        "actor_mismatch",
    )


@requirement("x9:actor-revocation-cascades", "x2:actor-token-alive")
async def test_a_revoked_actor_token_serves_no_more_and_takes_its_children_along(
    stage: Stage,
) -> None:
    w = stage.world
    actor = await w.actor_token(stage.a)
    minted = await w.exchange(stage.a, stage.subject, actor=actor, resource=DOCS)
    token = minted.json()["access_token"]
    answer = await w.post("/introspect", {"token": token}, by=stage.docs)
    assert answer.json()["active"] is True
    assert (await w.post("/revoke", {"token": actor}, by=stage.a)).status_code == 200
    answer = await w.exchange(stage.a, stage.subject, actor=actor, resource=DOCS)
    refused(answer, "invalid_request", "actor_token_revoked")
    answer = await w.post("/introspect", {"token": token}, by=stage.docs)
    assert answer.json() == {"active": False}


async def test_an_actor_token_from_before_not_before_is_dead(stage: Stage) -> None:
    w = stage.world
    actor = await w.actor_token(stage.a)
    w.clock.advance(seconds=1)
    await w.set_agent(stage.a, not_before=w.clock.now())
    # The subject is older as well, and as dead.
    answer = await w.exchange(stage.a, stage.subject, actor=actor, resource=DOCS)
    refused(answer, "invalid_request", "agent_not_before")


@requirement("x1:subject-kinds", "x1:error-codes", "rfc8693:2.2.2:invalid-request")
async def test_tokens_of_other_kinds_are_no_subjects(stage: Stage) -> None:
    w = stage.world
    own = await w.actor_token(stage.a)
    refused(await w.exchange(stage.a, own, resource=DOCS), "invalid_request", "wrong_kind")
    for token in ("not.a.token", "opaque", "a" * 9000):
        answer = await w.exchange(stage.a, token, resource=DOCS)
        refused(answer, "invalid_request", "token_invalid")


@requirement("x1:declared-type-matches", "rfc8693:2.1:unknown-token-type")
async def test_a_declared_type_must_be_the_records(stage: Stage) -> None:
    answer = await stage.world.exchange(
        stage.a, stage.subject, subject_token_type=ID, resource=DOCS
    )
    refused(answer, "invalid_request", "type_mismatch")
    answer = await stage.world.exchange(
        stage.a,
        stage.subject,
        subject_token_type="urn:ietf:params:oauth:token-type:refresh_token",
        resource=DOCS,
    )
    refused(answer, "invalid_request", "subject_token_type_unsupported")


@requirement("x3:bytes-give-nothing", "x3:presenter-bound", "x3:resource-server-not-presenter")
async def test_holding_the_bytes_gives_nothing(stage: Stage) -> None:
    w = stage.world
    answer = await w.exchange(stage.b, stage.subject, resource=DOCS)
    refused(answer, "invalid_request", "not_presenter")
    at_docs = (await w.exchange(stage.a, stage.subject, resource=DOCS)).json()["access_token"]
    for_exchange = await w.client(
        "docs-exchanging", resource_id=DOCS, grant_types=frozenset(GrantType)
    )
    # X3: a resource server that is no agent cannot exchange what it received.
    answer = await w.exchange(for_exchange, at_docs, actor=None, resource=DOCS)
    refused(answer, "invalid_request", "not_presenter")


async def test_a_user_token_for_the_agent_is_its_subject(stage: Stage) -> None:
    w = stage.world
    token = await user_token(w, stage, w.uri(stage.a))
    refused(await w.exchange(stage.b, token, resource=DOCS), "invalid_request", "not_presenter")
    # A plain grant at the chat client has no delegation of its own: its scope is empty, so the
    # code of a consent for the agent is what gives it one.
    plain = w.parties["plain"]
    session = await w.session(stage.ada)
    code = await w.code(
        plain,
        stage.ada,
        scope="docs:read",
        resources=(w.uri(stage.a),),
        session=session,
        grant=stage.grant,
    )
    subject = (await w.redeem(plain, code)).json()["access_token"]
    assert "act" not in claims(subject)
    answer = await w.exchange(stage.a, subject, resource=DOCS)
    assert answer.status_code == 200, answer.text
    assert claims(answer.json()["access_token"])["act"] == {"sub": stage.a.agent.id}


@requirement(
    "x5:several-need-grant-id",
    "x5:grant-id-decides",
    "x5:foreign-as-unknown",
    "x5:none-is-consent-required",
)
async def test_several_delegations_are_never_united(stage: Stage) -> None:
    w = stage.world
    plain = await w.client("chat")
    other = await w.delegation(
        stage.ada, stage.a, (Detail(resource=DOCS, scopes=frozenset({"docs:delete"})),)
    )
    session = await w.session(stage.ada)
    code = await w.code(
        plain,
        stage.ada,
        scope="docs:read docs:delete",
        resources=(w.uri(stage.a),),
        session=session,
        grant=stage.grant,
    )
    subject = (await w.redeem(plain, code)).json()["access_token"]
    answer = await w.exchange(stage.a, subject, resource=DOCS, scope="docs:read")
    refused(answer, "invalid_request", "grant_id_required")
    answer = await w.exchange(
        stage.a, subject, resource=DOCS, scope="docs:read", grant_id=stage.grant.id
    )
    assert answer.json()["grant_id"] == stage.grant.id
    foreign = await w.delegation(
        await w.user("eve"), stage.a, (Detail(resource=DOCS, scopes=frozenset({"docs:read"})),)
    )
    unknown = await w.exchange(stage.a, subject, resource=DOCS, grant_id="dlg_unknown")
    of_eve = await w.exchange(stage.a, subject, resource=DOCS, grant_id=foreign.id)
    refused(unknown, "invalid_request", "consent_required")
    assert of_eve.content == unknown.content
    assert unknown.json()["action"] == "consent"
    assert other.id != stage.grant.id


@requirement("x6:scope-intersection", "x6:omitted-scope", "defect:e-never-wider")
async def test_the_result_is_the_intersection_of_every_term(stage: Stage) -> None:
    w = stage.world
    answer = await w.exchange(
        stage.a, stage.subject, resource=DOCS, scope="docs:read docs:write docs:delete"
    )
    assert answer.json()["scope"] == "docs:read docs:write"
    answer = await w.exchange(stage.a, stage.subject, resource=DOCS, scope="docs:delete")
    refused(answer, "invalid_scope", "nothing_left")
    # Omitted: the target's default.
    answer = await w.exchange(stage.a, stage.subject, resource=DOCS)
    assert answer.json()["scope"] == "docs:read"
    # A narrower subject stays narrow.
    narrow = answer.json()["access_token"]
    answer = await w.exchange(stage.a, narrow, resource=DOCS, scope="docs:write")
    refused(answer, "invalid_scope", "nothing_left")
    # The agent's ceiling, whatever was consented.
    ceiling = Ceiling(scopes=frozenset({"docs:read"}), resources=frozenset({DOCS}))
    await w.set_agent(stage.a, ceiling=ceiling)
    answer = await w.exchange(stage.a, stage.subject, resource=DOCS, scope="docs:write")
    refused(answer, "invalid_scope", "nothing_left")


@requirement(
    "x6:one-target",
    "x6:default-target",
    "defect:i-unknown-is-error",
    "rfc8693:2.2.2:invalid-target",
    "rfc8707:2:invalid-target",
)
async def test_exactly_one_registered_consented_target(stage: Stage) -> None:
    w = stage.world
    refused(await w.exchange(stage.a, stage.subject), "invalid_target", "target_missing")
    refused(
        await w.exchange(stage.a, stage.subject, resource="https://nobody.example"),
        "invalid_target",
        "unknown_target",
    )
    refused(
        await w.exchange(stage.a, stage.subject, resource=NOTES),
        "invalid_target",
        "target_not_consented",
    )
    refused(
        await w.exchange(stage.a, stage.subject, resource=DOCS, audience=NOTES),
        "invalid_target",
        "several_targets",
    )
    answer = await w.exchange(stage.a, stage.subject, resource=DOCS, audience=DOCS)
    assert answer.status_code == 200
    refused(
        await w.exchange(
            stage.a,
            stage.subject,
            resource=DOCS,
            requested_token_type="urn:ietf:params:oauth:token-type:refresh_token",
        ),
        "invalid_request",
        "requested_token_type_unsupported",
    )


async def test_a_token_never_outlives_its_subject_nor_the_delegation(stage: Stage) -> None:
    w = stage.world
    w.clock.advance(seconds=100)
    answer = await w.exchange(stage.a, stage.subject, resource=DOCS)
    body = answer.json()
    assert body["expires_in"] == 200
    assert claims(body["access_token"])["exp"] <= claims(stage.subject)["exp"]
    w.clock.advance(seconds=201)
    answer = await w.exchange(stage.a, stage.subject, resource=DOCS)
    refused(answer, "invalid_request", "token_expired")
    assert answer.json()["action"] == "retry"


@requirement("defect:d-disabled-stops-all", "x10:active-rechecks")
async def test_whatever_dies_ends_the_exchange_and_the_tokens(stage: Stage) -> None:
    w = stage.world
    token = (await w.exchange(stage.a, stage.subject, resource=DOCS)).json()["access_token"]

    async def alive() -> tuple[int, bool]:
        exchanged = await w.exchange(stage.a, stage.subject, resource=DOCS)
        seen = await w.post("/introspect", {"token": token}, by=stage.docs)
        return exchanged.status_code, seen.json()["active"]

    assert await alive() == (200, True)
    await w.set_user(stage.ada, status=UserStatus.DISABLED)
    assert await alive() == (400, False)
    await w.set_user(stage.ada, status=UserStatus.ACTIVE)
    assert await alive() == (200, True)
    rows = w.core.rows
    await w.core.store.write(
        lambda tx: rows.clients.update(tx, replace(stage.a.client, status=Status.SUSPENDED))
    )
    seen = await w.post("/introspect", {"token": token}, by=stage.docs)
    assert seen.json()["active"] is False
    await w.core.store.write(lambda tx: rows.clients.update(tx, stage.a.client))
    assert await alive() == (200, True)
    record = AuditRecord(tag=AuditTag.DELEGATION_REVOKED, outcome=Outcome.DONE, at=w.clock.now())
    await w.core.store.write(
        lambda tx: close_delegation(w.core, tx, stage.grant, reason="user", audit=record)
    )
    assert await alive() == (400, False)


@requirement("x9:ends-with-session")
async def test_the_end_of_the_session_ends_a_delegation_without_offline_access(
    stage: Stage,
) -> None:
    w = stage.world
    assert stage.grant.sid is not None
    sid = stage.grant.sid
    await w.core.store.write(lambda tx: w.core.rows.sessions.end(tx, sid, w.clock.now()))
    answer = await w.exchange(stage.a, stage.subject, resource=DOCS)
    refused(answer, "invalid_request", "session_ended")


async def test_a_suspended_agent_gets_nothing(stage: Stage) -> None:
    w = stage.world
    actor = await w.actor_token(stage.a)
    await w.set_agent(stage.a, status=Status.SUSPENDED)
    answer = await w.exchange(stage.a, stage.subject, actor=actor, resource=DOCS)
    assert answer.json()["reason"] == "agent_suspended"
    await w.set_agent(stage.a, status=Status.RETIRED)
    answer = await w.exchange(stage.a, stage.subject, actor=actor, resource=DOCS)
    assert answer.json()["reason"] == "agent_retired"


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
    wider = (
        '[{{"type":"mandate","resource":"{}","scopes":["docs:read"],"objects":["folder:home"]}}]'.format(DOCS)
    )
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
