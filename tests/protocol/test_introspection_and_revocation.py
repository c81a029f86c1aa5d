"""RFC 7662, RFC 7009 and our own bearer APIs by X10: who may ask, and what they see."""

from dataclasses import replace

from server.delegation.lifecycle import narrow_delegation
from server.domain.audit import AuditRecord, AuditTag, Outcome
from tests.protocol.test_decision import at_docs
from tests.requirements import requirement
from tests.support.stage import Stage
from tests.support.world import DOCS


@requirement("x10:introspection-callers", "x10:others-inactive", "rfc7662:2.2:inactive-is-bare")
async def test_only_those_concerned_see_a_token(stage: Stage) -> None:
    w = stage.world
    token = await at_docs(stage)
    for party in (stage.docs, stage.a):
        seen = (await w.post("/introspect", {"token": token}, by=party)).json()
        assert seen["active"] is True
        assert seen["sub"] == stage.ada.id
        assert seen["act"] == {"sub": stage.a.agent.id}
        assert seen["grant_id"] == stage.grant.id
        assert seen["authorization_details"][0]["objects"] == ["folder:tax"]
    auditor = await w.client("auditor", may_introspect=True)
    assert (await w.post("/introspect", {"token": token}, by=auditor)).json()["active"]
    for party in (stage.b, stage.notes):
        seen = await w.post("/introspect", {"token": token}, by=party)
        assert seen.json() == {"active": False}
    answer = await w.post("/introspect", {"token": token})
    assert answer.status_code == 401


@requirement("rfc7662:2.2:unknown-inactive", "rfc7662:2.3:bad-client-401")
async def test_unknown_and_malformed_tokens_are_just_inactive(stage: Stage) -> None:
    w = stage.world
    for token in ("x", "a.b.c", "é" * 10, "x" * 5000, stage.subject[:-2]):
        seen = await w.post("/introspect", {"token": token}, by=stage.docs)
        assert (seen.status_code, seen.json()) == (200, {"active": False})
    assert (await w.post("/introspect", {"x": "1"}, by=stage.docs)).status_code == 400
    wrong = {"Authorization": "Basic " + "eDp5"}
    assert (await w.post("/introspect", {"token": "x"}, headers=wrong)).status_code == 401


@requirement(
    "rfc7009:2.2:unknown-is-200", "rfc7009:2.2:immediate", "rfc7009:2.1:client-authenticated"
)
async def test_a_client_revokes_its_own_tokens_and_what_came_of_them(stage: Stage) -> None:
    w = stage.world
    token = await at_docs(stage)
    # Not B's to revoke: nothing happens, and nothing is said.
    answer = await w.post("/revoke", {"token": token}, by=stage.b)
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await w.post("/introspect", {"token": token}, by=stage.docs)).json()["active"]
    assert (await w.post("/revoke", {"token": "unknown"}, by=stage.a)).status_code == 200
    assert (await w.post("/revoke", {"token": token})).status_code == 401
    answer = await w.post(
        "/revoke", {"token": stage.subject, "token_type_hint": "nonsense"}, by=stage.a
    )
    assert answer.status_code == 200
    seen = await w.post("/introspect", {"token": token}, by=stage.docs)
    assert seen.json() == {"active": False}
    answer = await w.exchange(stage.a, stage.subject, resource=DOCS)
    assert answer.json()["reason"] == "token_revoked"


@requirement(
    "oidc:5.3:userinfo-sub",
    "oidc:5.3:userinfo-refuses-act",
    "x10:own-apis-refuse-act",
    "defect:l-own-api-refuses-delegated",
)
async def test_userinfo_serves_plain_tokens_only(stage: Stage) -> None:
    w = stage.world
    plain = await w.client("plain")
    code = await w.code(plain, stage.ada, scope="openid profile email")
    token = (await w.redeem(plain, code)).json()["access_token"]
    answer = await w.http.get("/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert answer.json() == {
        "sub": stage.ada.id,
        "name": "Ada",
        "email": "ada@example.test",
        "email_verified": False,
    }
    delegated = await at_docs(stage)
    for bad in (delegated, stage.subject, "x", await w.actor_token(stage.a)):
        answer = await w.http.get("/userinfo", headers={"Authorization": f"Bearer {bad}"})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer error=")
    answer = await w.http.get("/userinfo", params={"access_token": token})
    assert answer.status_code == 401
    assert answer.headers.get_list("www-authenticate")[0] == "Bearer"


async def test_an_agent_reads_what_it_holds(stage: Stage) -> None:
    w = stage.world
    own = {"Authorization": f"Bearer {await w.actor_token(stage.a)}"}
    answer = await w.http.get(f"/grants/{stage.grant.id}", headers=own)
    assert answer.json()["authorization_details"] == [
        {
            "type": "mandate",
            "resource": DOCS,
            "scopes": ["docs:read", "docs:write"],
            "objects": ["folder:tax"],
        }
    ]
    of_b = {"Authorization": f"Bearer {await w.actor_token(stage.b)}"}
    foreign = await w.http.get(f"/grants/{stage.grant.id}", headers=of_b)
    unknown = await w.http.get("/grants/dlg_unknown", headers=own)
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.content == unknown.content
    delegated = {"Authorization": f"Bearer {stage.subject}"}
    assert (await w.http.get(f"/grants/{stage.grant.id}", headers=delegated)).status_code == 401


@requirement("x9:narrowing-permanent", "x9:recomputed")
async def test_introspection_tells_what_is_in_force_now(stage: Stage) -> None:
    w = stage.world
    token = await at_docs(stage)
    for subject in (token, stage.subject):
        seen = await w.post("/introspect", {"token": subject}, by=stage.a)
        assert seen.json()["scope"] == "docs:read docs:write"
    record = AuditRecord(tag=AuditTag.DELEGATION_NARROWED, outcome=Outcome.DONE, at=w.clock.now())
    narrower = (replace(stage.grant.details[0], scopes=frozenset({"docs:read"})),)
    await w.core.store.write(
        lambda tx: narrow_delegation(
            w.core,
            tx,
            stage.grant,
            details=narrower,
            expires_at=stage.grant.expires_at,
            audit=record,
        )
    )
    for subject in (token, stage.subject):
        seen = await w.post("/introspect", {"token": subject}, by=stage.a)
        assert seen.json()["scope"] == "docs:read"
    answer = await w.exchange(stage.a, stage.subject, resource=DOCS, scope="docs:write")
    assert answer.json()["error"] == "invalid_scope"
