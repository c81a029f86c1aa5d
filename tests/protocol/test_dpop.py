"""RFC 9449 at the server: every grant binds to the key that was proven, every API asks for it."""

from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest

from server.domain.registry import ClientAuth, GrantType
from server.protocol.dpop import NONCE_SLOT
from tests.protocol.test_token_exchange import claims
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.dpop import Holder
from tests.support.flow_site import told
from tests.support.prover import Prover
from tests.support.stage import Stage, set_stage
from tests.support.world import DOCS, ISSUER, Party, World, world

CODE_CLIENT = frozenset({GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN})


async def public_client(w: World) -> Party:
    return await w.client("public", auth=ClientAuth.NONE, grant_types=CODE_CLIENT)


@requirement("rfc9449:5:token-type", "rfc9449:6.1:jkt", "rfc9449:6.2:introspection")
async def test_every_grant_binds_its_token_to_the_key_that_was_proven(stage: Stage) -> None:
    w, mine = stage.world, Prover(stage.world)
    session = await w.session(stage.ada)
    code = await w.code(stage.a, stage.ada, grant=stage.grant, scope="docs:read", session=session)
    redeemed = (await mine.redeem(stage.a, code)).json()
    refreshed = (await mine.refresh(stage.a, redeemed["refresh_token"])).json()
    own = await mine.token({"grant_type": "client_credentials"}, stage.a)
    actor = own.json()["access_token"]
    exchanged = await mine.exchange(stage.a, refreshed["access_token"], actor, resource=DOCS)
    for body in (redeemed, refreshed, own.json(), exchanged.json()):
        assert body["token_type"] == "DPoP", body
        assert claims(body["access_token"])["cnf"] == {"jkt": mine.holder.jkt}
        seen = (await w.post("/introspect", {"token": body["access_token"]}, by=stage.a)).json()
        assert (seen["token_type"], seen["cnf"]) == ("DPoP", {"jkt": mine.holder.jkt})
    # Control: without a proof it is a bearer token, and says so.
    plain = (await w.post("/token", {"grant_type": "client_credentials"}, by=stage.a)).json()
    assert plain["token_type"] == "Bearer"
    assert "cnf" not in claims(plain["access_token"])
    seen = (await w.post("/introspect", {"token": plain["access_token"]}, by=stage.a)).json()
    assert seen["token_type"] == "Bearer"
    assert "cnf" not in seen


@requirement("rfc9449:5:invalid-proof")
async def test_a_bad_proof_is_told_by_its_reason_and_uses_nothing_up(stage: Stage) -> None:
    w, mine = stage.world, Prover(stage.world)
    plain = await w.client("plain")
    code = await w.code(plain, stage.ada)
    for changed, reason in (
        ({"htu": f"{ISSUER}/par"}, "proof_htu"),
        ({"htm": "GET"}, "proof_htm"),
        ({"iat": 1}, "proof_iat"),
        ({"header": {"typ": "JWT"}}, "proof_typ"),
        ({"jti": None}, "proof_claim"),
    ):
        answer = await mine.redeem(plain, code, **changed)
        body = answer.json()
        assert (answer.status_code, body["error"], body["reason"]) == (
            400, "invalid_dpop_proof", reason,
        )  # fmt: skip
    assert (await mine.redeem(plain, code)).status_code == 200


@requirement("rfc9449:5:refresh-public")
async def test_a_public_client_refreshes_with_its_own_key_alone(stage: Stage) -> None:
    w, mine, thief = stage.world, Prover(stage.world), Prover(stage.world)
    public = await public_client(w)
    token = (await mine.redeem(public, await w.code(public, stage.ada))).json()["refresh_token"]
    answer = await thief.refresh(public, token)
    assert (answer.json()["error"], answer.json()["reason"]) == ("invalid_grant", "proof_key")
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": public.client.id}
    answer = await w.post("/token", form)
    assert answer.json()["error"] == "invalid_dpop_proof"
    assert answer.json()["reason"] == "proof_required"
    # What a thief tries is in the trail, also in the name of a public client.
    tried = [row[1] for row in await w.audited_of(public) if row[0] == "refused"]
    assert tried == ["proof_key", "proof_required"]
    # None of that used it up or ended the family.
    again = await mine.refresh(public, token)
    assert again.json()["token_type"] == "DPoP"


@requirement("rfc9449:5:refresh-public")
async def test_a_refresh_token_is_bound_from_the_first_proof_on(stage: Stage) -> None:
    w, mine = stage.world, Prover(stage.world)
    public = await public_client(w)
    token = (await w.redeem(public, await w.code(public, stage.ada))).json()["refresh_token"]
    body = (await mine.refresh(public, token)).json()
    assert body["token_type"] == "DPoP"
    # Also the one before, which may be repeated for ten seconds (X13).
    for old in (token, body["refresh_token"]):
        answer = await Prover(w).refresh(public, old)
        assert answer.json()["reason"] == "proof_key"
    assert (await mine.refresh(public, token)).json()["refresh_token"] == body["refresh_token"]


@requirement("rfc9449:5:refresh-confidential")
async def test_a_confidential_client_may_change_its_key_but_not_go_without(stage: Stage) -> None:
    w, mine, new = stage.world, Prover(stage.world), Prover(stage.world)
    plain = await w.client("plain")
    token = (await mine.redeem(plain, await w.code(plain, stage.ada))).json()["refresh_token"]
    body = (await new.refresh(plain, token)).json()
    assert claims(body["access_token"])["cnf"] == {"jkt": new.holder.jkt}
    # A downgrade: proofs are kept away from the server.
    answer = await w.post(
        "/token", {"grant_type": "refresh_token", "refresh_token": token}, by=plain
    )
    assert answer.json()["reason"] == "proof_required"


@requirement("rfc9449:5.1:metadata")
async def test_the_metadata_lists_the_algorithms(stage: Stage) -> None:
    body = (await stage.world.http.get("/.well-known/oauth-authorization-server")).json()
    assert body["dpop_signing_alg_values_supported"] == [
        "ES256", "ES384", "EdDSA", "Ed25519", "RS256", "PS256",
    ]  # fmt: skip


@requirement("rfc9449:5.2:required")
async def test_a_client_that_must_bind_gets_no_bearer_token(stage: Stage) -> None:
    w, mine = stage.world, Prover(stage.world)
    must = await w.agent("must", {"docs:read"}, {DOCS}, dpop_bound_access_tokens=True)
    form = {"grant_type": "client_credentials"}
    answer = await w.post("/token", form, by=must)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")
    assert answer.json()["reason"] == "proof_missing"
    assert (await mine.token(form, must)).json()["token_type"] == "DPoP"
    [row] = [r for r in await w.audited_of(must) if r[0] == "refused"]
    assert row[1] == "proof_missing"


@requirement("rfc9449:7.1:scheme", "rfc9449:7.1:challenge", "rfc9449:7.2:not-as-bearer")
async def test_userinfo_and_grants_take_a_bound_token_with_its_proof_alone(stage: Stage) -> None:
    w, mine = stage.world, Prover(stage.world)
    plain = await w.client("plain")
    person = (await mine.redeem(plain, await w.code(plain, stage.ada))).json()["access_token"]
    agent = await mine.own(stage.a)
    for path, token in (("/userinfo", person), (f"/grants/{stage.grant.id}", agent)):
        good = await mine.get(path, token)
        assert good.status_code == 200, good.text
        for answer, reason, first in (
            (await mine.get(path, token, scheme="Bearer"), "proof_required", "Bearer error="),
            (await Prover(w).get(path, token), "proof_required", 'DPoP error="invalid_token"'),
            (await mine.get(path, token, ath="x"), "proof_ath", "DPoP error="),
            (await mine.get(path, token, htm="POST"), "proof_htm", "DPoP error="),
            (await mine.get(path, token, htu=ISSUER), "proof_htu", "DPoP error="),
            (await w.http.get(path, headers={"Authorization": f"DPoP {token}"}),
             "proof_missing", 'DPoP error="invalid_dpop_proof"'),
            (await w.http.get(path, headers={"Authorization": f"Bearer {token}"}),
             "proof_required", 'Bearer error="invalid_token"'),
        ):  # fmt: skip
            assert (answer.status_code, answer.json()["reason"]) == (401, reason)
            challenges = answer.headers.get_list("www-authenticate")
            assert challenges[0].startswith(first)
            assert 'algs="ES256 ' in next(c for c in challenges if c.startswith("DPoP"))
    # RFC 9449 §7.1: a token that is not bound does not become so by a proof.
    token = await w.actor_token(stage.a)
    answer = await mine.get(f"/grants/{stage.grant.id}", token)
    assert (answer.status_code, answer.json()["reason"]) == (401, "not_bound")
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await w.http.get(f"/grants/{stage.grant.id}", headers=bearer)).status_code == 200


async def test_a_resource_server_says_which_key_it_has_checked(stage):
    w, mine = stage.world, Prover(stage.world)
    session = await w.session(stage.ada)
    code = await w.code(
        stage.a, stage.ada, grant=stage.grant, scope="docs:read", session=session,
        resources=(DOCS,),
    )  # fmt: skip
    token = (await mine.redeem(stage.a, code)).json()["access_token"]

    def question(**subject):
        return {
            "subject": {"type": "access_token", "id": token, **subject},
            "action": {"name": "docs:read", "properties": {"relation": "viewer"}},
            "resource": {"type": "document", "id": "t1"},
        }

    good = {"properties": {"cnf": {"jkt": mine.holder.jkt}}}
    assert (await w.ask(stage.docs, question(**good)))["decision"] is True
    other = {"properties": {"cnf": {"jkt": Holder().jkt}}}
    unproven: list[dict[str, Any]] = [{}, {"properties": {}}, other]
    for said in unproven:
        answer = await w.ask(stage.docs, question(**said))
        assert answer["decision"] is False
        assert answer["context"]["reason"] == "proof_required"
    broken: list[dict[str, Any]] = [
        {"cnf": {}}, {"cnf": "x"}, {"cnf": {"jkt": "x"}}, {"cnf": None},
    ]  # fmt: skip
    for malformed in broken:
        body = question(properties=malformed)
        answer = await w.http.post("/access/v1/evaluation", json=body, headers=stage.docs.basic)
        assert (answer.status_code, answer.json()["reason"]) == (400, "malformed")
    search = {**question(**good), "resource": {"type": "document"}}
    for said, found in ((good, 1), ({}, 0)):
        body = {**search, "subject": question(**said)["subject"]}
        listed = await w.http.post(
            "/access/v1/search/resource", json=body, headers=stage.docs.basic
        )
        assert len(listed.json()["results"]) == found, listed.text
    write = {
        "writes": [{"user": f"user:{stage.ada.id}", "relation": "owner", "object": "document:new"}],
        "token": token,
    }
    for cnf, status in (({}, 403), ({"cnf": {"jkt": mine.holder.jkt}}, 200)):
        answer = await w.http.post(
            "/access/v1/relations", json={**write, **cnf}, headers=stage.docs.basic
        )
        assert answer.status_code == status, answer.text


@requirement("rfc9449:10:code-bound")
async def test_a_code_is_redeemed_by_the_key_that_asked_for_it(stage: Stage) -> None:
    w, mine = stage.world, Prover(stage.world)
    public = await public_client(w)
    code = await w.code(public, stage.ada, dpop_jkt=mine.holder.jkt)
    for answer in (await w.redeem(public, code), await Prover(w).redeem(public, code)):
        body = answer.json()
        assert (body["error"], body["reason"]) == ("invalid_grant", "proof_key")
    assert (await mine.redeem(public, code)).json()["token_type"] == "DPoP"


@requirement("rfc9449:10:code-bound", "rfc9449:10.1:par-header")
@pytest.mark.parametrize("how", ["query", "par", "par header"])
async def test_the_front_channel_carries_the_key_to_the_code(flow, how):
    mine, http = Holder(), flow.site.browser().http
    browser = await flow.person()
    asked = flow.request(**({} if how == "par header" else {"dpop_jkt": mine.jkt}))
    if how != "query":
        headers = {}
        if how == "par header":
            now = flow.site.clock.now()
            headers["DPoP"] = mine.proof("POST", f"{flow.issuer}/par", now=now)
        pushed = await http.post(
            f"{flow.issuer}/par", data=asked, headers=headers, auth=(flow.client.id, flow.secret)
        )
        assert pushed.status_code == 201, pushed.text
        asked = {"client_id": flow.client.id, "request_uri": pushed.json()["request_uri"]}
    page = await flow.follow(browser, await browser.get("/authorize", params=asked))
    await flow.decide(browser, page, scope=["docs:read"])
    rows = await flow.site.rows("SELECT document FROM authorization_code")
    assert mine.jkt in rows[0][0]


@requirement("rfc9449:10.1:par-header")
async def test_a_pushed_request_whose_keys_differ_is_refused(flow):
    mine, http = Holder(), flow.site.browser().http

    async def push(proof, **asked):
        answer = await http.post(
            f"{flow.issuer}/par", data=flow.request(**asked), headers={"DPoP": proof},
            auth=(flow.client.id, flow.secret),
        )  # fmt: skip
        return answer.status_code, answer.json().get("reason", "")

    def proof():
        return mine.proof("POST", f"{flow.issuer}/par", now=flow.site.clock.now())

    assert await push(proof(), dpop_jkt=Holder().jkt) == (400, "dpop_jkt")
    assert await push(proof(), dpop_jkt="short") == (400, "dpop_jkt")
    one = proof()
    assert await push(one, dpop_jkt=mine.jkt) == (201, "")
    assert await push(one) == (400, "proof_replayed")
    assert await push("x") == (400, "proof_malformed")
    answer = await flow.site.browser().get("/authorize", params=flow.request(dpop_jkt="short"))
    assert told(answer)["error"] == "invalid_request"


@pytest.fixture
async def strict(databases: Databases, clock: FrozenClock) -> AsyncIterator[Stage]:
    """Run a server that demands nonces."""
    async with world(databases, clock, dpop_nonce=True) as w:
        yield await set_stage(w)


@requirement("rfc9449:8:use-dpop-nonce", "rfc9449:8.2:new-nonce")
async def test_a_server_that_wants_a_nonce_gives_one_and_takes_it(strict: Stage) -> None:
    w, mine = strict.world, Prover(strict.world)
    form = {"grant_type": "client_credentials"}
    asked = await mine.token(form, strict.a)
    assert (asked.status_code, asked.json()["error"]) == (400, "use_dpop_nonce")
    nonce = asked.headers["dpop-nonce"]
    good = await mine.token(form, strict.a, nonce=nonce)
    assert good.status_code == 200, good.text
    assert good.headers["dpop-nonce"] == nonce
    token = good.json()["access_token"]
    path = f"/grants/{strict.grant.id}"
    refused = await mine.get(path, token)
    assert (refused.status_code, refused.json()["error"]) == (401, "use_dpop_nonce")
    assert refused.headers["www-authenticate"].startswith('DPoP error="use_dpop_nonce"')
    assert (await mine.get(path, token, nonce=refused.headers["dpop-nonce"])).status_code == 200
    # In the next slot the old one still holds, and the answer brings the new one.
    w.clock.advance(seconds=NONCE_SLOT)
    later = await mine.token(form, strict.a, nonce=nonce)
    assert later.status_code == 200
    assert later.headers["dpop-nonce"] != nonce
    w.clock.advance(seconds=NONCE_SLOT)
    assert (await mine.token(form, strict.a, nonce=nonce)).json()["error"] == "use_dpop_nonce"
    # Who sends no proof is not asked for a nonce, and asking is not in the trail.
    assert (await w.post("/token", form, by=strict.a)).status_code == 200
    assert not [r for r in await w.audited_of(strict.a) if r[1] == "proof_nonce"]
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
