"""Attacks on tokens that are bound to a key: stolen, replayed, downgraded, swapped (RFC 9449)."""

import asyncio

from sqlalchemy import bindparam, null, update

from server.domain.delegation import Detail
from server.domain.registry import ClientAuth, GrantType
from server.domain.unit import Unit
from server.protocol.dpop import NONCE_SLOT
from server.storage.maintenance import purge
from server.storage.tables.token import token as table
from tests.protocol.test_token_exchange import claims, refused
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.prover import Prover
from tests.support.stage import Stage, set_stage
from tests.support.world import DOCS, ISSUER, NOTES, World, prepared, world_at

CODE_CLIENT = frozenset({GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN})
_UNBIND = update(table).where(table.c.jti == bindparam("key")).values(jkt=null())
CREDENTIALS = {"grant_type": "client_credentials"}


async def bound_subject(stage: Stage, mine: Prover) -> str:
    """Get A's own subject token, bound to the key of `mine`."""
    session = await stage.world.session(stage.ada)
    code = await stage.world.code(
        stage.a, stage.ada, grant=stage.grant, scope="docs:read docs:write", session=session
    )
    return str((await mine.redeem(stage.a, code)).json()["access_token"])


@requirement("rfc9449:11.1:replay")
async def test_a_replayed_proof_is_refused_by_this_worker_and_the_other(
    workers: tuple[World, World],
) -> None:
    one, two = workers
    stage, mine = await set_stage(one), Prover(one)
    headers = {"DPoP": mine.proof("POST", "/token")}
    assert (await one.post("/token", CREDENTIALS, by=stage.a, headers=headers)).status_code == 200
    for worker in (one, two):
        answer = await worker.post("/token", CREDENTIALS, by=stage.a, headers=headers)
        refused(answer, "invalid_dpop_proof", "proof_replayed")
    # At an API: stolen with its token on the way, and sent again.
    path, token = f"/grants/{stage.grant.id}", await mine.own(stage.a)
    sent = {"Authorization": f"DPoP {token}", "DPoP": mine.proof("GET", path, token=token)}
    assert (await one.http.get(path, headers=sent)).status_code == 200
    for worker in (one, two):
        again = await worker.http.get(path, headers=sent)
        assert (again.status_code, again.json()["reason"]) == (401, "proof_replayed")
        assert again.json()["error"] == "invalid_dpop_proof"


@requirement("rfc9449:11.1:replay")
async def test_of_twenty_requests_with_one_proof_one_wins(workers: tuple[World, World]) -> None:
    one, two = workers
    stage, mine = await set_stage(one), Prover(one)
    headers = {"DPoP": mine.proof("POST", "/token")}
    answers = await asyncio.gather(
        *(w.post("/token", CREDENTIALS, by=stage.a, headers=headers) for w in (one, two) * 10)
    )
    assert sorted(a.status_code for a in answers) == [200] + [400] * 19
    assert {a.json().get("reason") for a in answers} == {None, "proof_replayed"}


async def test_a_used_proof_is_forgotten_only_once_it_is_too_old(stage: Stage) -> None:
    w, mine = stage.world, Prover(stage.world)
    headers = {"DPoP": mine.proof("POST", "/token")}
    assert (await w.post("/token", CREDENTIALS, by=stage.a, headers=headers)).status_code == 200
    for minutes, reason in ((4, "proof_replayed"), (2, "proof_iat"), (20, "proof_iat")):
        w.clock.advance(minutes=minutes)
        gone = await purge(w.core.store, w.clock.now())
        assert gone.get("proofs", 0) == (1 if minutes == 20 else 0)
        answer = await w.post("/token", CREDENTIALS, by=stage.a, headers=headers)
        refused(answer, "invalid_dpop_proof", reason)


async def test_a_refused_request_does_not_fill_the_table_of_proofs(stage: Stage) -> None:
    w, mine = stage.world, Prover(stage.world)
    public = await w.client("public", auth=ClientAuth.NONE, grant_types=CODE_CLIENT)
    for _ in range(5):
        assert (await mine.redeem(public, "guessed")).json()["reason"] == "code_unknown"
        assert (await mine.get("/userinfo", "x.y.z")).status_code == 401
    w.clock.advance(minutes=20)
    assert "proofs" not in await purge(w.core.store, w.clock.now())


async def test_a_replayed_proof_does_not_use_up_a_code(stage: Stage) -> None:
    w, mine = stage.world, Prover(stage.world)
    plain = await w.client("plain")
    assert (await mine.redeem(plain, await w.code(plain, stage.ada), jti="one")).status_code == 200
    code = await w.code(plain, stage.ada)
    answer = await mine.redeem(plain, code, jti="one")
    refused(answer, "invalid_dpop_proof", "proof_replayed")
    assert (await mine.redeem(plain, code)).status_code == 200


@requirement("rfc9449:7.2:not-as-bearer")
async def test_a_stolen_bound_token_is_worth_nothing_as_bearer(stage: Stage) -> None:
    w, mine = stage.world, Prover(stage.world)
    token = await mine.own(stage.a)
    path = f"/grants/{stage.grant.id}"
    for scheme in ("Bearer", "bearer", "BEARER"):
        answer = await w.http.get(path, headers={"Authorization": f"{scheme} {token}"})
        assert (answer.status_code, answer.json()["reason"]) == (401, "proof_required")
    # With a proof of the thief's own key, or with one of the owner's for another token.
    thief = Prover(w)
    assert (await thief.get(path, token)).json()["reason"] == "proof_required"
    assert (await mine.get(path, token, ath="A" * 43)).json()["reason"] == "proof_ath"
    # With two proofs, one of which is good elsewhere.
    both = [
        ("Authorization", f"DPoP {token}"),
        ("DPoP", thief.proof("GET", path, token=token)),
        ("DPoP", mine.proof("GET", path, token=token)),
    ]
    answer = await w.http.get(path, headers=both)
    assert (answer.status_code, answer.json()["reason"]) == (401, "proof_several")
    assert (await mine.get(path, token)).status_code == 200


async def test_who_writes_to_the_database_cannot_unbind_a_token(stage: Stage) -> None:
    w, mine = stage.world, Prover(stage.world)
    token, path = await mine.own(stage.a), f"/grants/{stage.grant.id}"
    jti = claims(token)["jti"]

    def unbind(tx: Unit) -> None:
        tx.execute(_UNBIND, {"key": jti})
        tx.changed("token", jti)

    await w.core.store.write(unbind)
    for answer in (
        await w.http.get(path, headers={"Authorization": f"Bearer {token}"}),
        await mine.get(path, token),
    ):
        assert (answer.status_code, answer.json()["reason"]) == (401, "token_invalid")


async def test_whoever_relays_a_proof_cannot_name_the_address(stage: Stage) -> None:
    w, mine = stage.world, Prover(stage.world)
    # The client talks to the attacker, who passes its proof on with the Host that it was made for.
    proof = mine.holder.proof("POST", "http://evil.test/token", now=w.clock.now())
    for name in ("Host", "X-Forwarded-Host"):
        headers = {"DPoP": proof, name: "evil.test"}
        answer = await w.post("/token", CREDENTIALS, by=stage.a, headers=headers)
        refused(answer, "invalid_dpop_proof", "proof_htu")


@requirement("rfc9449:4.3:one-header")
async def test_two_proofs_are_no_proof(stage: Stage) -> None:
    w, mine = stage.world, Prover(stage.world)
    one, other = mine.proof("POST", "/token"), mine.proof("POST", "/token")
    headers = [*stage.a.basic.items(), ("DPoP", one), ("DPoP", other)]
    answer = await w.http.post("/token", data=CREDENTIALS, headers=headers)
    refused(answer, "invalid_dpop_proof", "proof_several")
    for empty in ("", " "):
        answer = await w.post("/token", CREDENTIALS, by=stage.a, headers={"DPoP": empty})
        refused(answer, "invalid_dpop_proof", "proof_malformed")


@requirement("rfc9449:5:refresh-public")
async def test_a_downgrade_at_refresh_is_refused(stage: Stage) -> None:
    w, mine = stage.world, Prover(stage.world)
    public = await w.client("public", auth=ClientAuth.NONE, grant_types=CODE_CLIENT)
    for party in (public, await w.client("plain")):
        code = await w.code(party, stage.ada)
        token = (await mine.redeem(party, code)).json()["refresh_token"]
        form = {"grant_type": "refresh_token", "refresh_token": token}
        if party.secret is None:
            form["client_id"] = party.client.id
        answer = await w.post("/token", form, by=party)
        refused(answer, "invalid_dpop_proof", "proof_required")


async def test_two_keys_race_for_an_unbound_refresh_token_and_one_wins(stage: Stage) -> None:
    w = stage.world
    public = await w.client("public", auth=ClientAuth.NONE, grant_types=CODE_CLIENT)
    token = (await w.redeem(public, await w.code(public, stage.ada))).json()["refresh_token"]
    provers = [Prover(w) for _ in range(6)]
    answers = await asyncio.gather(*(p.refresh(public, token) for p in provers))
    assert sorted(a.status_code for a in answers) == [200] + [400] * 5
    assert {a.json().get("reason") for a in answers} == {None, "proof_key"}


@requirement("rfc9449:10:code-bound")
async def test_the_key_cannot_be_swapped_between_authorize_and_token(stage: Stage) -> None:
    w, mine, thief = stage.world, Prover(stage.world), Prover(stage.world)
    public = await w.client("public", auth=ClientAuth.NONE, grant_types=CODE_CLIENT)
    code = await w.code(public, stage.ada, dpop_jkt=mine.holder.jkt)
    # The thief has code and verifier, as from a log of the device.
    refused(await thief.redeem(public, code), "invalid_grant", "proof_key")
    refused(await w.redeem(public, code), "invalid_grant", "proof_key")
    body = (await mine.redeem(public, code)).json()
    assert claims(body["access_token"])["cnf"] == {"jkt": mine.holder.jkt}


@requirement("defect:j-bound-subject-proof")
async def test_a_stolen_bound_subject_token_is_exchanged_by_nobody_else(stage: Stage) -> None:
    w, mine, thief = stage.world, Prover(stage.world), Prover(stage.world)
    subject, actor = await bound_subject(stage, mine), await w.actor_token(stage.a)
    # With the client's own secret, but without the key.
    answer = await w.exchange(stage.a, subject, actor=actor, resource=DOCS)
    refused(answer, "invalid_request", "proof_required")
    answer = await thief.exchange(stage.a, subject, actor, resource=DOCS)
    refused(answer, "invalid_request", "proof_required")
    answer = await mine.exchange(stage.b, subject, await w.actor_token(stage.b), resource=DOCS)
    refused(answer, "invalid_request", "not_presenter")
    good = await mine.exchange(stage.a, subject, actor, resource=DOCS)
    assert good.json()["token_type"] == "DPoP"
    assert claims(good.json()["access_token"])["cnf"] == {"jkt": mine.holder.jkt}


@requirement("defect:j-bound-subject-proof")
async def test_a_bound_actor_token_needs_its_proof_as_well(stage: Stage) -> None:
    w, mine = stage.world, Prover(stage.world)
    actor = await mine.own(stage.a)
    answer = await w.exchange(stage.a, stage.subject, actor=actor, resource=DOCS)
    refused(answer, "invalid_request", "actor_proof_required")
    answer = await Prover(w).exchange(stage.a, stage.subject, actor, resource=DOCS)
    refused(answer, "invalid_request", "actor_proof_required")
    good = await mine.exchange(stage.a, stage.subject, actor, resource=DOCS)
    assert good.json()["token_type"] == "DPoP"


async def test_a_bound_token_does_not_become_a_bearer_token_by_impersonation(stage: Stage) -> None:
    w, mine = stage.world, Prover(stage.world)
    mule = await w.client("mule", may_impersonate=True, scopes=frozenset({"docs:read"}), agent=None)
    code = await w.code(mule, stage.ada, scope="openid docs:read", resources=(DOCS,))
    token = (await mine.redeem(mule, code)).json()["access_token"]
    answer = await w.exchange(mule, token, actor=None, resource=DOCS)
    refused(answer, "invalid_request", "proof_required")
    good = await mine.exchange(mule, token, None, resource=DOCS)
    assert good.json()["token_type"] == "DPoP"


async def test_a_ticket_for_another_agent_is_bound_to_that_agent_not_to_our_key(
    stage: Stage,
) -> None:
    mine, theirs = Prover(stage.world), Prover(stage.world)
    subject, actor = await bound_subject(stage, mine), await mine.own(stage.a)
    ticket = await mine.exchange(
        stage.a, subject, actor, audience=f"{ISSUER}/agents/{stage.b.agent.id}", scope="docs:read"
    )
    assert ticket.status_code == 200, ticket.text
    assert ticket.json()["token_type"] == "Bearer"
    handed = ticket.json()["access_token"]
    assert "cnf" not in claims(handed)
    # B proves a key of its own, and gets a token for that one.
    answer = await theirs.exchange(stage.b, handed, await theirs.own(stage.b), resource=DOCS)
    assert claims(answer.json()["access_token"])["cnf"] == {"jkt": theirs.holder.jkt}
    # Nobody but B can use the ticket, whatever they prove.
    answer = await mine.exchange(stage.a, handed, await mine.own(stage.a), resource=DOCS)
    refused(answer, "invalid_request", "not_presenter")


async def test_a_resource_server_goes_on_with_a_bound_token_that_it_received(
    stage: Stage,
) -> None:
    w, mine = stage.world, Prover(stage.world)
    hub = await w.agent("docs-hub", {"notes:read"}, {NOTES}, resource_id=DOCS)
    session = await w.session(stage.ada)
    grant = await w.delegation(
        stage.ada, stage.a, (Detail(resource=DOCS, scopes=frozenset({"docs:read"})),),
        allow_edges=((DOCS, "docs:read", NOTES, "notes:read"),), sid=session.id,
    )  # fmt: skip
    code = await w.code(stage.a, stage.ada, grant=grant, scope="docs:read", session=session)
    subject = (await mine.redeem(stage.a, code)).json()["access_token"]
    token = (await mine.exchange(stage.a, subject, await mine.own(stage.a), resource=DOCS)).json()
    # It cannot prove the key of who called it: its own authentication as the audience counts (X3).
    answer = await w.exchange(hub, token["access_token"], resource=NOTES, scope="notes:read")
    assert answer.status_code == 200, answer.text
    # Whoever else has the bytes is not the audience, and with the key still is not.
    for thief in (await w.exchange(stage.b, token["access_token"], resource=NOTES),
                  await mine.exchange(stage.b, token["access_token"], await w.actor_token(stage.b),
                                      resource=NOTES)):  # fmt: skip
        refused(thief, "invalid_request", "not_presenter")


async def test_a_nonce_of_before_is_refused_after_it_has_rotated(
    databases: Databases, clock: FrozenClock
) -> None:
    url = databases.copy_of("prepared", prepared)
    async with (
        world_at(url, clock, dpop_nonce=True) as one,
        world_at(url, clock, dpop_nonce=True) as two,
    ):
        stage, mine = await set_stage(one), Prover(one)
        asked = await mine.token(CREDENTIALS, stage.a)
        nonce = asked.headers["dpop-nonce"]
        # Any worker knows it again.
        headers = {"DPoP": mine.proof("POST", "/token", nonce=nonce)}
        answer = await two.post("/token", CREDENTIALS, by=stage.a, headers=headers)
        assert answer.status_code == 200
        clock.advance(seconds=2 * NONCE_SLOT)
        refused(
            await mine.token(CREDENTIALS, stage.a, nonce=nonce), "use_dpop_nonce", "proof_nonce"
        )
        for made_up in ("", "A" * 24, nonce[:-1], nonce + "A", "ü"):
            answer = await mine.token(CREDENTIALS, stage.a, nonce=made_up)
            refused(answer, "use_dpop_nonce", "proof_nonce")
