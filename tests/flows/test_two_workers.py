"""Two workers on one database behave as one server (DESIGN 3.6)."""

import asyncio

from server.delegation.lifecycle import close_delegation
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.delegation import Delegation
from server.domain.registry import ClientAuth, GrantType, Status
from tests.requirements import requirement
from tests.support.stage import Stage, set_stage
from tests.support.world import DOCS, World


@requirement("mandate:revoke:next-request")
async def test_a_revocation_on_one_is_refused_by_the_other_200_of_200(
    workers: tuple[World, World],
) -> None:
    one, two = workers
    stage = await set_stage(one)
    refused = 0
    for _ in range(200):
        session = await one.session(stage.ada)
        grant = await one.delegation(stage.ada, stage.a, stage.grant.details, sid=session.id)
        code = await one.code(
            stage.a,
            stage.ada,
            grant=grant,
            scope="docs:read",
            session=session,
            resources=(DOCS,),
        )
        token = (await one.redeem(stage.a, code)).json()["access_token"]
        # The other worker knows it as alive, so that its cache is what must be overcome.
        assert await _active(two, stage, token)
        await _close(one, grant)
        refused += not await _active(two, stage, token)
    assert refused == 200


async def _close(w: World, grant: Delegation) -> None:
    record = AuditRecord(tag=AuditTag.DELEGATION_REVOKED, outcome=Outcome.DONE, at=w.clock.now())
    await w.core.store.write(
        lambda tx: close_delegation(w.core, tx, grant, reason="user", audit=record)
    )


async def _active(w: World, stage: Stage, token: str) -> bool:
    question = {
        "subject": {"type": "access_token", "id": token},
        "action": {"name": "docs:read", "properties": {"relation": "viewer"}},
        "resource": {"type": "document", "id": "t1"},
    }
    return bool((await w.ask(stage.docs, question))["decision"])


async def test_changes_of_agents_users_sessions_and_tokens_reach_the_other_at_once(
    workers: tuple[World, World],
) -> None:
    one, two = workers
    stage = await set_stage(one)
    answer = await one.exchange(stage.a, stage.subject, resource=DOCS)
    token = answer.json()["access_token"]
    assert await _active(two, stage, token)
    await one.set_agent(stage.a, status=Status.SUSPENDED)
    assert not await _active(two, stage, token)
    await one.set_agent(stage.a)
    assert await _active(two, stage, token)
    await two.post("/revoke", {"token": token}, by=stage.a)
    assert not await _active(one, stage, token)
    sid = stage.grant.sid
    assert sid is not None
    other = (await two.exchange(stage.a, stage.subject, resource=DOCS)).json()["access_token"]
    assert await _active(one, stage, other)
    await two.core.store.write(lambda tx: two.core.rows.sessions.end(tx, sid, two.clock.now()))
    assert not await _active(one, stage, other)


async def test_fifty_at_both_redeem_a_code_once(workers: tuple[World, World]) -> None:
    one, two = workers
    stage = await set_stage(one)
    plain = await one.client("plain")
    code = await one.code(plain, stage.ada)
    answers = await asyncio.gather(
        *((one if n % 2 else two).redeem(plain, code) for n in range(50))
    )
    assert sorted(a.status_code for a in answers) == [200] + [400] * 49


async def test_fifty_at_both_get_one_successor_that_works(workers: tuple[World, World]) -> None:
    one, two = workers
    stage = await set_stage(one)
    public = await one.client(
        "public",
        auth=ClientAuth.NONE,
        grant_types=frozenset({GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN}),
    )
    code = await one.code(public, stage.ada)
    token = (await one.redeem(public, code)).json()["refresh_token"]
    data = {
        "grant_type": "refresh_token",
        "refresh_token": token,
        "client_id": public.client.id,
    }
    answers = await asyncio.gather(
        *((one if n % 2 else two).post("/token", data) for n in range(50))
    )
    assert {a.status_code for a in answers} == {200}
    [successor] = {a.json()["refresh_token"] for a in answers}
    answer = await two.post("/token", {**data, "refresh_token": successor})
    assert answer.status_code == 200


async def test_a_rotated_key_is_known_to_the_other_worker(workers: tuple[World, World]) -> None:
    one, two = workers
    stage = await set_stage(one)
    before = (await two.http.get("/jwks")).json()
    from server.keys.upkeep import rotate_key
    from server.storage.keys import SqlSigningKeys

    one.clock.advance(days=1)
    await rotate_key(
        one.core.store,
        SqlSigningKeys(),
        one.server.envelope,
        "ES256",
        now=one.clock.now(),
        longest_token_ttl=900,
        announce_ttl=3600,
        record=lambda _tx, _changes: None,
    )
    after = (await two.http.get("/jwks")).json()
    assert len(after["keys"]) == len(before["keys"]) + 1
    # A token signed by one with the new key is believed by two, and the other way round.
    token = await one.actor_token(stage.a)
    own = {"Authorization": f"Bearer {token}"}
    assert (await two.http.get("/grants/dlg_none", headers=own)).status_code == 404
    back = {"Authorization": f"Bearer {await two.actor_token(stage.a)}"}
    assert (await one.http.get("/grants/dlg_none", headers=back)).status_code == 404
