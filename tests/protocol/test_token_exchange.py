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
from tests.support.stage import ALL, Stage
from tests.support.world import ACCESS, DOCS, ID, NOTES, World


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
