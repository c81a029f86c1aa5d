"""RFC 6749 §4.1, §6 with RFC 7636 and X13: codes are good once, refresh tokens rotate."""

import asyncio

import httpx2
import jwt
import pytest

from server.domain.people import UserStatus
from server.domain.registry import ClientAuth, GrantType
from tests.requirements import requirement
from tests.support.stage import Stage
from tests.support.world import DOCS, NOTES, VERIFIER, Party, World

CODE_CLIENT = frozenset({GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN})


async def public_client(w: World) -> Party:
    """Register a public client of agent A's kind of rights, without an agent."""
    return await w.client("public", auth=ClientAuth.NONE, grant_types=CODE_CLIENT)


async def refresh(w: World, party: Party, token: str, **extra: str) -> httpx2.Response:
    """Refresh."""
    data = {"grant_type": "refresh_token", "refresh_token": token, **extra}
    if party.secret is None:
        data["client_id"] = party.client.id
    return await w.post("/token", data, by=party)


@requirement("oidc:2:id-token-claims", "oidc:2:id-token-aud", "oidc:3.1.2.1:nonce")
async def test_a_sign_in_gives_an_id_token_for_the_client(stage: Stage) -> None:
    w = stage.world
    plain = await w.client("plain")
    code = await w.code(plain, stage.ada, scope="openid", nonce="n-1")
    body = (await w.redeem(plain, code)).json()
    token = jwt.decode(body["id_token"], options={"verify_signature": False})
    assert token["aud"] == plain.client.id
    assert (token["sub"], token["nonce"]) == (stage.ada.id, "n-1")
    assert token["acr"] == "urn:mandate:acr:password"
    assert "grant_id" not in body


@requirement(
    "rfc7636:4.6:verified",
    "rfc7636:4.6:missing-verifier",
    "rfc6749:4.1.3:code-of-client",
    "rfc6749:4.1.3:redirect-uri-same",
    "rfc7636:4.1:verifier-grammar",
)
async def test_a_code_is_bound_to_client_redirect_and_verifier(stage: Stage) -> None:
    w = stage.world
    plain = await w.client("plain")
    code = await w.code(plain, stage.ada)
    other = await w.client("other")
    cases = [
        (other, {}),
        (plain, {"redirect_uri": "https://app.example/cb2"}),
        (plain, {"redirect_uri": ""}),
        (plain, {"code_verifier": ""}),
        (plain, {"code_verifier": VERIFIER[:-1] + "x"}),
        (plain, {"code_verifier": "short"}),
        (plain, {"code": code + "x"}),
    ]
    for party, changed in cases:
        answer = await w.redeem(party, changed.pop("code", code), **changed)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), changed
    # None of that used it up.
    assert (await w.redeem(plain, code)).status_code == 200


@requirement("rfc6749:4.1.2:code-once", "rfc6749:4.1.2:code-short")
async def test_a_replayed_code_revokes_what_it_issued(stage: Stage) -> None:
    w = stage.world
    session = await w.session(stage.ada)
    code = await w.code(stage.a, stage.ada, grant=stage.grant, scope="docs:read", session=session)
    first = (await w.redeem(stage.a, code)).json()
    minted = await w.exchange(stage.a, first["access_token"], resource=DOCS)
    token = minted.json()["access_token"]
    again = await w.redeem(stage.a, code)
    assert (again.status_code, again.json()["reason"]) == (400, "code_replayed")
    seen = await w.post("/introspect", {"token": token}, by=stage.docs)
    assert seen.json() == {"active": False}
    answer = await refresh(w, stage.a, first["refresh_token"])
    assert answer.json()["reason"] == "refresh_revoked"
    late = await w.code(stage.a, stage.ada, grant=stage.grant, session=session)
    w.clock.advance(seconds=60)
    assert (await w.redeem(stage.a, late)).json()["reason"] == "code_expired"


@requirement("mandate:code:50-at-once")
async def test_fifty_at_once_redeem_a_code_once(stage: Stage) -> None:
    w = stage.world
    plain = await w.client("plain")
    code = await w.code(plain, stage.ada)
    answers = await asyncio.gather(*(w.redeem(plain, code) for _ in range(50)))
    won = [a for a in answers if a.status_code == 200]
    assert len(won) == 1
    assert {a.json()["error"] for a in answers if a.status_code != 200} == {"invalid_grant"}
    # The replays revoked what the winner got.
    seen = await w.post("/introspect", {"token": won[0].json()["access_token"]}, by=plain)
    assert seen.json() == {"active": False}


@requirement("x13:public-rotates", "x13:same-successor", "mandate:refresh:50-at-once")
async def test_fifty_at_once_get_one_successor(stage: Stage) -> None:
    w = stage.world
    public = await public_client(w)
    code = await w.code(public, stage.ada)
    token = (await w.redeem(public, code)).json()["refresh_token"]
    answers = await asyncio.gather(*(refresh(w, public, token) for _ in range(50)))
    assert {a.status_code for a in answers} == {200}
    successors = {a.json()["refresh_token"] for a in answers}
    assert len(successors) == 1
    successor = successors.pop()
    assert successor != token
    # Ten seconds on, the same client still gets the same successor; after that it is theft.
    w.clock.advance(seconds=10)
    assert (await refresh(w, public, token)).json()["refresh_token"] == successor
    w.clock.advance(ms=1)
    answer = await refresh(w, public, token)
    assert answer.json()["reason"] == "refresh_reused"
    answer = await refresh(w, public, successor)
    assert answer.json()["reason"] == "refresh_revoked"


async def test_of_late_replays_at_once_one_ends_the_family(stage: Stage) -> None:
    w = stage.world
    public = await public_client(w)
    first = (await w.redeem(public, await w.code(public, stage.ada))).json()["refresh_token"]
    await refresh(w, public, first)
    w.clock.advance(seconds=11)
    # Whoever shares the row and then wants to write to it would wait for all others who do.
    answers = await asyncio.gather(*(refresh(w, public, first) for _ in range(8)))
    reasons = sorted(a.json().get("reason") for a in answers)
    assert reasons == ["refresh_reused"] + ["refresh_revoked"] * 7


@requirement("x13:reuse-kills-family", "rfc9700:4.14.2:family-revoked")
async def test_reuse_revokes_the_access_tokens_too(stage: Stage) -> None:
    w = stage.world
    public = await public_client(w)
    auditor = await w.client("auditor", may_introspect=True)
    first = (await w.redeem(public, await w.code(public, stage.ada))).json()
    second = (await refresh(w, public, first["refresh_token"])).json()
    w.clock.advance(seconds=11)
    await refresh(w, public, first["refresh_token"])
    for body in (first, second):
        seen = await w.post("/introspect", {"token": body["access_token"]}, by=auditor)
        assert seen.json() == {"active": False}


@requirement("x13:confidential-key-bound", "rfc6749:6:bound-to-client")
async def test_a_confidential_client_keeps_its_refresh_token(stage: Stage) -> None:
    w = stage.world
    plain = await w.client("plain")
    body = (await w.redeem(plain, await w.code(plain, stage.ada))).json()
    for _ in range(3):
        again = (await refresh(w, plain, body["refresh_token"])).json()
        assert "refresh_token" not in again
        w.clock.advance(minutes=5)
    other = await w.client("other")
    answer = await refresh(w, other, body["refresh_token"])
    assert answer.json()["reason"] == "refresh_unknown"
    opted = await w.client("opted", rotate_refresh=True)
    body = (await w.redeem(opted, await w.code(opted, stage.ada))).json()
    assert (await refresh(w, opted, body["refresh_token"])).json()["refresh_token"]


@requirement("rfc6749:6:scope-not-wider")
async def test_a_refresh_narrows_and_never_widens(stage: Stage) -> None:
    w = stage.world
    session = await w.session(stage.ada)
    code = await w.code(
        stage.a, stage.ada, grant=stage.grant, scope="docs:read docs:write", session=session
    )
    token = (await w.redeem(stage.a, code)).json()["refresh_token"]
    answer = await refresh(w, stage.a, token, scope="docs:read")
    assert answer.json()["scope"] == "docs:read"
    answer = await refresh(w, stage.a, token, scope="docs:read docs:delete")
    assert answer.json()["error"] == "invalid_scope"
    answer = await refresh(w, stage.a, token, resource=NOTES)
    assert answer.json()["error"] == "invalid_target"


@pytest.mark.parametrize("how", ["user", "session", "delegation", "expiry"])
@requirement("x9:recomputed")
async def test_a_refresh_ends_with_what_it_rests_on(stage: Stage, how: str) -> None:
    w = stage.world
    session = await w.session(stage.ada)
    code = await w.code(stage.a, stage.ada, grant=stage.grant, scope="docs:read", session=session)
    token = (await w.redeem(stage.a, code)).json()["refresh_token"]
    now, rows = w.clock.now(), w.core.rows
    if how == "user":
        await w.set_user(stage.ada, status=UserStatus.DISABLED)
    elif how == "session":
        await w.core.store.write(lambda tx: rows.sessions.end(tx, session.id, now))
    elif how == "delegation":
        await w.core.store.write(
            lambda tx: rows.delegations.close(tx, stage.grant.id, now=now, reason="user")
        )
    else:
        w.clock.advance(days=31)
    answer = await refresh(w, stage.a, token)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert answer.json()["action"] == "consent"


async def test_a_resource_that_nobody_named_is_no_audience(stage: Stage) -> None:
    w = stage.world
    session = await w.session(stage.ada)
    code = await w.code(stage.a, stage.ada, grant=stage.grant, scope="docs:read", session=session)
    answer = await w.redeem(stage.a, code, resource=DOCS)
    assert answer.json()["error"] == "invalid_target"
    code = await w.code(
        stage.a,
        stage.ada,
        grant=stage.grant,
        scope="docs:read",
        session=session,
        resources=(DOCS, NOTES),
    )
    assert (await w.redeem(stage.a, code)).json()["reason"] == "target_missing"
    body = (await w.redeem(stage.a, code, resource=DOCS)).json()
    token = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert token["aud"] == DOCS
    assert token["act"] == {"sub": stage.a.agent.id}
