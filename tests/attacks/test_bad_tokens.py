"""Forged tokens at every place where a token is taken: refused as the standard says, unchanged."""

import json
from typing import Any

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec

from authz.jose import to_jwk
from authz.jose.algorithms import sign
from server.domain.registry import ClientAuth
from server.protocol.client_assertion import ASSERTION_TYPE
from tests.attacks.forged import forgeries
from tests.attacks.untouched import fault_of, state_of
from tests.keys.material import b64, segment
from tests.requirements import requirement
from tests.support.stage import Stage
from tests.support.world import ACCESS, CHALLENGE, DOCS, EXCHANGE, ISSUER, Party, World

KEY = ec.generate_private_key(ec.SECP256R1())
JWK = {**to_jwk(KEY.public_key()), "kid": "mine", "alg": "ES256", "use": "sig"}


async def _jwk_of(w: World, token: str) -> dict[str, Any]:
    keys = (await w.http.get("/jwks")).json()["keys"]
    return next(key for key in keys if key["alg"] == "ES256")


async def _exchange(stage: Stage, subject: str, actor: str) -> httpx2.Response:
    data = {
        "grant_type": EXCHANGE, "subject_token": subject, "subject_token_type": ACCESS,
        "actor_token": actor, "actor_token_type": ACCESS, "resource": DOCS,
    }  # fmt: skip
    return await stage.world.post("/token", data, by=stage.a)


@requirement("mandate:input:no-500", "jose:no-key-from-header", "rfc8693:2.2.2:invalid-request")
async def test_a_forged_subject_or_actor_token_is_an_invalid_request(stage: Stage):
    w, subject = stage.world, stage.subject
    actor = await w.actor_token(stage.a)
    jwk = await _jwk_of(w, subject)
    before, faults = await state_of(w), {}
    for trick, forged in forgeries(subject, jwk):
        if fault := fault_of(await _exchange(stage, forged, actor), "invalid_request"):
            faults["subject", trick] = fault
    for trick, forged in forgeries(actor, jwk):
        if fault := fault_of(await _exchange(stage, subject, forged), "invalid_request"):
            faults["actor", trick] = fault
    assert faults == {}
    assert await state_of(w) == before
    assert (await _exchange(stage, subject, actor)).status_code == 200


@requirement("rfc7662:2.2:inactive-is-bare", "rfc7009:2.2:unknown-is-200")
async def test_a_forged_token_is_inactive_and_revoking_it_does_nothing(stage: Stage):
    w = stage.world
    token = (await w.exchange(stage.a, stage.subject, resource=DOCS)).json()["access_token"]
    before = await state_of(w)
    for trick, forged in forgeries(token, await _jwk_of(w, token)):
        for party in (stage.a, stage.docs):
            answer = await w.post("/introspect", {"token": forged}, by=party)
            assert (answer.status_code, answer.json()) == (200, {"active": False}), trick
        answer = await w.post("/revoke", {"token": forged}, by=stage.a)
        assert (answer.status_code, answer.content) == (200, b""), trick
    assert await state_of(w) == before
    answer = await w.post("/introspect", {"token": token}, by=stage.docs)
    assert answer.json()["active"] is True


@requirement("rfc6749:10.10:unguessable")
async def test_a_forged_bearer_token_opens_neither_userinfo_nor_a_grant(stage: Stage):
    w = stage.world
    plain = await w.client("plain")
    answer = await w.redeem(plain, await w.code(plain, stage.ada, scope="openid email"))
    user, actor = answer.json()["access_token"], await w.actor_token(stage.a)
    before, faults = await state_of(w), {}
    grant = f"/grants/{stage.grant.id}"
    for path, good in (("/userinfo", user), (grant, actor)):
        for trick, forged in forgeries(good, await _jwk_of(w, good)):
            headers = [(b"Authorization", f"Bearer {forged}".encode())]
            if fault := fault_of(await w.http.get(path, headers=headers), "401 invalid_token"):
                faults[path, trick] = fault
        answer = await w.http.get(path, headers={"Authorization": f"Bearer {good}"})
        assert answer.status_code == 200
    assert faults == {}
    assert await state_of(w) == before


async def test_a_forged_token_is_denied_at_the_evaluation_and_writes_no_tuple(stage: Stage):
    w = stage.world
    token = (await w.exchange(stage.a, stage.subject, resource=DOCS)).json()["access_token"]
    before = await state_of(w)
    action = {"name": "docs:read"}
    writes = [{"user": f"user:{stage.ada.id}", "relation": "viewer", "object": "document:t1"}]
    for trick, forged in forgeries(token, await _jwk_of(w, token)):
        if len(forged) <= 16_384:
            told = await w.ask(stage.docs, {"subject": {"id": forged}, "action": action})
            assert told["decision"] is False, trick
            assert told["context"].keys() == {"evaluation_id", "reason", "action"}, trick
            assert told["context"]["reason"] == "token_invalid", trick
        body = {"writes": writes, "token": forged}
        answer = await w.http.post("/access/v1/relations", json=body, headers=stage.docs.basic)
        assert fault_of(answer, "403 access_denied") is None, (trick, answer.text)
    assert await state_of(w) == before
    told = await w.ask(stage.docs, {"subject": {"id": token}, "action": action})
    assert told["decision"] is True


def _assertion(
    client_id: str, now: int, header: dict[str, Any] | None = None, **claims: Any
) -> str:
    payload = {
        "iss": client_id, "sub": client_id, "aud": ISSUER, "iat": now, "exp": now + 60, "jti": "one",
        **claims,
    }  # fmt: skip
    message = (
        f"{segment({'alg': 'ES256', 'kid': 'mine', 'typ': 'JWT', **(header or {})})}."
        + segment({name: value for name, value in payload.items() if value is not ...})
    )
    return f"{message}.{b64(sign('ES256', KEY, message.encode()))}"


async def _assert(stage: Stage, path: str, assertion: str, **more: Any) -> httpx2.Response:
    data = {
        "client_assertion": assertion, "client_assertion_type": ASSERTION_TYPE,
        "grant_type": "client_credentials", "token": "x", "response_type": "code",
        "redirect_uri": "https://app.example/cb", "scope": "docs:read", "code_challenge": CHALLENGE,
        "code_challenge_method": "S256", **more,
    }  # fmt: skip
    if path == "/token":
        del data["scope"]
    return await stage.world.http.post(path, data={k: v for k, v in data.items() if v is not None})


async def _keyed(stage: Stage) -> Party:
    return await stage.world.client(
        "keyed", agent=stage.b.agent, auth=ClientAuth.PRIVATE_KEY_JWT, jwks=json.dumps({"keys": [JWK]}),
        scopes=frozenset({"docs:read"}),
    )  # fmt: skip


@requirement("rfc7523:3:signature", "rfc7523:3:aud", "rfc7523:3:iss-sub", "rfc7523:3:exp")
async def test_a_forged_client_assertion_authenticates_nobody_and_uses_nothing_up(stage: Stage):
    party = await _keyed(stage)
    me, now = party.client.id, stage.world.clock.now() // 1000
    good = _assertion(me, now)
    before, faults = await state_of(stage.world), {}
    wrong = dict(forgeries(good, JWK))
    wrong |= {
        "aud of the endpoint": _assertion(me, now, aud=f"{ISSUER}/token"),
        "two aud": _assertion(me, now, aud=[ISSUER, "https://other.example"]),
        "no aud": _assertion(me, now, aud=...),
        "iss of another": _assertion(me, now, iss=stage.a.client.id),
        "sub of another": _assertion(me, now, sub=stage.a.client.id),
        "no jti": _assertion(me, now, jti=...),
        "giant jti": _assertion(me, now, jti="x" * 999),
        "no exp": _assertion(me, now, exp=...),
        "expired": _assertion(me, now, exp=now - 60, iat=now - 120),
        "for years": _assertion(me, now, exp=now + 10**8),
        "from tomorrow": _assertion(me, now, nbf=now + 86400, exp=now + 86460),
        "exp of text": _assertion(me, now, exp=str(now + 60)),
        "an access token": stage.subject,
    }
    for path in ("/token", "/introspect", "/revoke", "/par"):
        for trick, forged in wrong.items():
            answer = await _assert(stage, path, forged, client_id=me)
            if fault := fault_of(answer, "401 invalid_client"):
                faults[path, trick] = fault
        for kind in (None, "x", ASSERTION_TYPE.upper()):
            answer = await _assert(stage, path, good, client_assertion_type=kind)
            if fault := fault_of(answer, "401 invalid_client"):
                faults[path, f"type {kind}"] = fault
        for client_id in (stage.a.client.id, "cli_nobody"):
            answer = await _assert(stage, path, good, client_id=client_id)
            if fault := fault_of(answer, "401 invalid_client"):
                faults[path, f"as {client_id}"] = fault
    assert faults == {}
    assert await state_of(stage.world) == before


@requirement("rfc7523:3:jti-once", "rfc7523:2.2:client-id-optional")
async def test_an_assertion_is_good_once_at_whichever_endpoint(stage: Stage):
    party = await _keyed(stage)
    me, now = party.client.id, stage.world.clock.now() // 1000
    for number, (path, status) in enumerate(
        (("/token", 200), ("/introspect", 200), ("/revoke", 200), ("/par", 201))
    ):
        assertion = _assertion(me, now, jti=f"jti-{number}")
        assert (await _assert(stage, path, assertion)).status_code == status
        for other in ("/token", "/introspect", "/revoke", "/par"):
            answer = await _assert(stage, other, assertion)
            assert fault_of(answer, "401 invalid_client") is None, answer.text
