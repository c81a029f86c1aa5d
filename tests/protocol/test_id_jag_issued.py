"""Mandate as the enterprise's identity provider: whose identity goes where, and the round trip."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import jwt
import pytest
from sqlalchemy import bindparam, update

from server.domain.audit import AuditTag
from server.domain.delegation import Delegation
from server.domain.id_jag_policy import IdJagPolicy
from server.domain.issuers import IssuerPurpose, TrustedIssuer
from server.domain.people import User
from server.domain.registry import ClientAuth, GrantType
from server.domain.unit import Unit
from server.services.id_jag_policies import allow_id_jag, forbid_id_jag
from server.services.registration import RegistrationError
from server.services.trusted_issuers import add_issuer, link_identity
from server.services.withdraw import By, revoke
from server.storage.migrate import upgrade
from server.storage.tables.people import user as user_account
from tests.protocol.test_decision import question
from tests.protocol.test_token_exchange import claims, refused
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.idp import JWT_BEARER, allowance
from tests.support.stage import ALL
from tests.support.world import ACCESS, DOCS, EXCHANGE, ID, ISSUER, Party, World, world_at

ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
THERE = "https://as.docs.example"


@dataclass
class Desk:
    """Ada signs in at the assistant, whose client may take her identity to the documents."""

    w: World
    assistant: Party
    ada: User
    consent: Delegation
    id_token: str

    async def ask(self, *, by: Party | None = None, **form: Any) -> httpx2.Response:
        data = {
            "grant_type": EXCHANGE, "requested_token_type": ID_JAG, "audience": THERE,
            "resource": DOCS, "subject_token": self.id_token, "subject_token_type": ID, **form,
        }  # fmt: skip
        data = {k: v for k, v in data.items() if v is not None}
        return await self.w.post("/token", data, by=by or self.assistant)


POLICY: dict[str, Any] = {
    "audience": THERE, "resource": DOCS, "scopes": frozenset({"docs:read", "docs:write"}),
    "client_id_there": "assistant-there",
}  # fmt: skip


@pytest.fixture
async def desk(w: World) -> Desk:
    return await set_desk(w)


async def set_desk(w: World, **policy: Any) -> Desk:
    assistant = await w.agent("assistant", set(), set())
    ada = await w.user("ada")
    session = await w.session(ada)
    consent = await w.delegation(ada, assistant, (), sid=session.id)
    code = await w.code(assistant, ada, grant=consent, scope="openid", session=session)
    answer = await w.redeem(assistant, code)
    await allow_id_jag(
        w.core, IdJagPolicy(client_id=assistant.client.id, **{**POLICY, **policy}), by="test"
    )
    return Desk(w, assistant, ada, consent, answer.json()["id_token"])


@requirement("ema:idp-response", "ema:idp-typ", "rfc8693:2.2.1:issued-token-type")
async def test_an_id_token_gives_an_assertion_for_one_client_at_one_server(desk: Desk):
    answer = await desk.ask()
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["issued_token_type"], body["token_type"]) == (ID_JAG, "N_A")
    assert body["scope"] == "docs:read docs:write"
    assert 0 < body["expires_in"] <= 300
    assert "refresh_token" not in body
    assert answer.headers["cache-control"] == "no-store"
    jag = body["access_token"]
    assert jwt.get_unverified_header(jag)["typ"] == "oauth-id-jag+jwt"
    told = claims(jag)
    assert (told["iss"], told["aud"]) == (ISSUER, THERE)
    assert (told["sub"], told["client_id"], told["resource"]) == (
        desk.ada.id, "assistant-there", DOCS,
    )  # fmt: skip
    assert told["act"] == {"sub": desk.w.uri(desk.assistant)}
    assert told["exp"] - told["iat"] == body["expires_in"]
    assert "auth_time" in told
    # As little as it takes (§7.4.3).
    assert not {"email", "name", "sid", "grant_id"} & set(told)
    [row] = await desk.w.audited(AuditTag.IDENTITY_ASSERTED)
    assert (row[0], row[2]) == ("done", desk.ada.id)
    assert desk.assistant.agent.id in row[3]
    # Each is another one.
    assert claims((await desk.ask()).json()["access_token"])["jti"] != told["jti"]


@requirement("ema:idp-pairs")
@pytest.mark.parametrize(
    ("form", "error", "reason"),
    [
        ({"audience": f"{THERE}/"}, "invalid_target", "unknown_target"),
        ({"audience": "https://other.example"}, "invalid_target", "unknown_target"),
        ({"audience": None}, "invalid_target", "several_targets"),
        ({"resource": f"{DOCS}/"}, "invalid_target", "unknown_target"),
        ({"resource": [DOCS, "https://x.example"]}, "invalid_target", "several_targets"),
        ({"scope": "docs:delete"}, "invalid_scope", "nothing_left"),
        ({"scope": " "}, "invalid_scope", "malformed_scope"),
        ({"requested_token_type": "urn:x"}, "invalid_request", "requested_token_type_unsupported"),
        ({"subject_token": None}, "invalid_request", "subject_token_missing"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
         "invalid_request", "subject_token_type_unsupported"),
        ({"subject_token_type": ACCESS}, "invalid_request", "type_mismatch"),
        ({"actor_token": "x", "actor_token_type": ACCESS}, "invalid_request", "not_for_assertions"),
        ({"grant_id": "dlg_x"}, "invalid_request", "not_for_assertions"),
    ],
)  # fmt: skip
async def test_only_pairs_of_the_policy_are_issued(
    desk: Desk, form: dict[str, Any], error: str, reason: str
):
    refused(await desk.ask(**form), error, reason)
    assert await desk.w.audited(AuditTag.IDENTITY_ASSERTED) == []


async def test_the_scope_is_the_policys_and_no_more(desk: Desk):
    body = (await desk.ask(scope="docs:read docs:delete")).json()
    assert body["scope"] == claims(body["access_token"])["scope"] == "docs:read"


async def test_a_resource_that_is_left_out_is_the_one_that_there_is(desk: Desk):
    told = claims((await desk.ask(resource=None)).json()["access_token"])
    assert told["resource"] == DOCS
    second = IdJagPolicy(
        client_id=desk.assistant.client.id, **{**POLICY, "resource": "https://two.example"}
    )
    await allow_id_jag(desk.w.core, second, by="test")
    refused(await desk.ask(resource=None), "invalid_target", "target_missing")
    core = desk.w.core
    assert await forbid_id_jag(core, desk.assistant.client.id, THERE, DOCS, by="test")
    refused(await desk.ask(), "invalid_target", "unknown_target")
    assert (await desk.ask(resource=None)).status_code == 200


@requirement("ema:idp-subject-audience", "ema:idp-client-authenticated", "x7:id-token-subject")
async def test_the_subject_is_the_clients_own_young_id_token(desk: Desk):
    w = desk.w
    other = await w.agent("other", set(), set())
    await allow_id_jag(w.core, IdJagPolicy(client_id=other.client.id, **POLICY), by="test")
    refused(await desk.ask(by=other), "invalid_request", "not_presenter")
    public = await w.client(
        "public", auth=ClientAuth.NONE, grant_types=frozenset({GrantType.AUTHORIZATION_CODE})
    )
    named = await w.post(
        "/token", {"grant_type": EXCHANGE, "requested_token_type": ID_JAG,
                   "client_id": public.client.id, "audience": THERE,
                   "subject_token": desk.id_token, "subject_token_type": ID},
    )  # fmt: skip
    assert named.json()["error"] == "unauthorized_client"
    nobody = await w.post(
        "/token", {"grant_type": EXCHANGE, "requested_token_type": ID_JAG, "audience": THERE,
                   "subject_token": desk.id_token, "subject_token_type": ID},
    )  # fmt: skip
    assert (nobody.status_code, nobody.json()["error"]) == (401, "invalid_client")
    actor = await w.actor_token(desk.assistant)
    wrong = await desk.ask(subject_token=actor, subject_token_type=ACCESS)
    refused(wrong, "invalid_request", "wrong_kind")
    plain = await w.client("plain")
    await allow_id_jag(w.core, IdJagPolicy(client_id=plain.client.id, **POLICY), by="test")
    signed_in = (await w.redeem(plain, await w.code(plain, desk.ada, scope="openid"))).json()
    access = {"subject_token": signed_in["access_token"], "subject_token_type": ACCESS}
    refused(await desk.ask(by=plain, **access), "invalid_request", "wrong_kind")
    told = await desk.ask(by=plain, subject_token=signed_in["id_token"])
    # Nobody acts where the client is no agent's.
    assert "act" not in claims(told.json()["access_token"])
    jag = (await desk.ask()).json()["access_token"]
    refused(await desk.ask(subject_token=jag), "invalid_request", "token_invalid")
    w.clock.advance(seconds=301)
    assert (await desk.ask()).json()["error"] == "invalid_request"


async def test_whoever_revokes_the_agent_or_signs_out_stops_it(desk: Desk):
    core = desk.w.core
    assert (await desk.ask()).status_code == 200
    await revoke(core, desk.consent.id, By(user=desk.ada))
    refused(await desk.ask(), "invalid_request", "consent_required")
    session_id = desk.consent.sid or ""
    await core.store.write(lambda tx: core.rows.sessions.end(tx, session_id, core.clock.now()))
    refused(await desk.ask(), "invalid_request", "session_ended")
    rows = await desk.w.audited(AuditTag.EXCHANGE)
    # Ada finds in her trail what was tried in her name.
    assert {(row[0], row[2]) for row in rows} == {("refused", desk.ada.id)}


@pytest.mark.parametrize("vouched", [True, False])
async def test_an_address_is_told_by_policy_and_only_if_it_is_vouched_for(w: World, vouched: bool):
    desk = await set_desk(w, with_email=True)

    def set_vouched(tx: Unit) -> None:
        tx.execute(_VOUCHED, {"yes": int(vouched), "who": desk.ada.id})
        tx.changed("user", desk.ada.id)

    await w.core.store.write(set_vouched)
    told = claims((await desk.ask()).json()["access_token"])
    assert ("email" in told) is vouched
    if vouched:
        assert (told["email"], told["email_verified"]) == ("ada@example.test", True)


_VOUCHED = (
    update(user_account)
    .where(user_account.c.id == bindparam("who"))
    .values(vouched=bindparam("yes"))
)


async def test_an_assertion_is_no_token_here(desk: Desk):
    jag = (await desk.ask()).json()["access_token"]
    answer = await desk.w.post("/introspect", {"token": jag}, by=desk.assistant)
    assert answer.json() == {"active": False}
    bearer = {"Authorization": f"Bearer {jag}"}
    assert (await desk.w.http.get("/userinfo", headers=bearer)).status_code == 401


@requirement("ema:idp-not-own")
async def test_our_own_assertion_gives_no_access_token_here(w: World):
    desk = await set_desk(w)
    jwks = (await w.http.get("/jwks")).text
    own = TrustedIssuer(id=ISSUER, purpose=IssuerPurpose.ID_JAG, algorithms=("ES256",), jwks=jwks)
    with pytest.raises(RegistrationError, match="its own"):
        await add_issuer(w.core, own, by="test")
    client_id = desk.assistant.client.id
    policy = IdJagPolicy(
        client_id=client_id, **{**POLICY, "audience": ISSUER, "client_id_there": client_id}
    )
    with pytest.raises(RegistrationError, match="to itself"):
        await allow_id_jag(w.core, policy, by="test")
    # Not even if rows of both came in by another way.
    await w.core.store.write(lambda tx: w.core.rows.id_jag_policies.put(tx, policy))
    await w.core.store.write(lambda tx: w.core.rows.issuers.add(tx, own))
    jag = (await desk.ask(audience=ISSUER)).json()["access_token"]
    answer = await w.post("/token", {"grant_type": JWT_BEARER, "assertion": jag}, by=desk.assistant)
    refused(answer, "invalid_grant", "assertion_refused")
    [row] = await w.audited(AuditTag.ASSERTION_TOKEN)
    assert row[:2] == ("refused", "assertion_refused")


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"audience": "http://as.example"}, "https"),
        ({"resource": "docs"}, "https"),
        ({"scopes": frozenset()}, "at least one"),
        ({"scopes": frozenset({"a b\n"})}, "malformed"),
        ({"client_id_there": ""}, "client's id"),
        ({"client_id": "cli_nobody"}, "no client"),
    ],
)
async def test_a_policy_that_cannot_be_is_refused(w: World, change: dict[str, Any], hint: str):
    party = await w.agent("a", set(), set())
    policy = IdJagPolicy(**{"client_id": party.client.id, **POLICY, **change})
    with pytest.raises(RegistrationError, match=hint):
        await allow_id_jag(w.core, policy, by="test")


@pytest.fixture
async def there(databases: Databases, clock: FrozenClock) -> AsyncIterator[World]:
    """Run a second Mandate of another enterprise, with keys and an issuer of its own."""
    url = databases.empty()
    upgrade(url)
    async with world_at(url, clock, issuer=THERE) as made:
        yield made


@requirement("ema:accepted", "ema:idp-typ")
async def test_a_round_trip_across_two_servers(w: World, there: World):
    desk = await set_desk(w)
    docs = await there.resource(DOCS, "docs")
    assistant = await there.agent("assistant", ALL, {DOCS})
    away = await there.user("ada-away")
    await there.relate(
        (f"user:{away.id}", "owner", "folder:tax"), ("folder:tax", "parent", "document:t1")
    )
    await allow_id_jag(
        w.core,
        IdJagPolicy(
            client_id=desk.assistant.client.id,
            **{**POLICY, "client_id_there": assistant.client.id},
        ),
        by="test",
    )
    keys = (await w.http.get("/jwks")).text
    value = TrustedIssuer(
        id=ISSUER, purpose=IssuerPurpose.ID_JAG, algorithms=("ES256",), jwks=keys,
        allowances=(allowance(assistant),),
    )  # fmt: skip
    await add_issuer(there.core, value, by="test")
    await link_identity(there.core, ISSUER, desk.ada.id, away.id, by="test")
    jag = (await desk.ask(scope="docs:read")).json()["access_token"]
    form = {"grant_type": JWT_BEARER, "assertion": jag, "resource": DOCS}
    answer = await there.post("/token", form, by=assistant)
    assert answer.status_code == 200, answer.text
    token = claims(answer.json()["access_token"])
    assert (token["iss"], token["sub"], token["aud"]) == (THERE, away.id, DOCS)
    assert token["act"] == {"sub": assistant.agent.id}
    assert token["scope"] == "docs:read"
    held = answer.json()["access_token"]
    assert (await there.ask(docs, question(held, on=["document:t1"])))["decision"] is True
    refused(await there.post("/token", form, by=assistant), "invalid_grant", "assertion_replayed")
    # At home it is worth nothing: it is for the other server, and our own.
    at_home = await w.post("/token", form, by=desk.assistant)
    refused(at_home, "invalid_grant", "assertion_refused")
    # And she stops it there, whatever her employer says.
    await revoke(there.core, answer.json()["grant_id"], By(user=away))
    assert (await there.ask(docs, question(held, on=["document:t1"])))["decision"] is False
    again = (await desk.ask()).json()["access_token"]
    refused(
        await there.post("/token", {**form, "assertion": again}, by=assistant),
        "invalid_grant",
        "delegation_revoked",
    )
