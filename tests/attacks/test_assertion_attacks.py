"""Assertions that are forged, borrowed, replayed or widened.

Each is beside a good one that works, so that it is the attack that is refused.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from authz.jose import to_jwk
from authz.jose.algorithms import sign
from server.domain.audit import AuditTag
from server.domain.issuers import IssuerPurpose, Workload
from server.domain.registry import ClientAuth, GrantType
from server.services.trusted_issuers import add_issuer
from tests.protocol.test_token_exchange import claims, refused
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.enterprise_house import House, set_house
from tests.support.idp import CI, IDP, JWT_BEARER, SUBJECT, Signer, allowance, platform, rules
from tests.support.stage import ALL
from tests.support.world import DOCS, ISSUER, World, prepared, world_at


def _segment(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _resigned(jag: str, header: dict[str, Any], secret: bytes | None) -> str:
    """Put another header on the claims of an assertion, signed by HMAC or not at all."""
    message = f"{_segment(header)}.{jag.split('.')[1]}"
    if secret is None:
        return f"{message}."
    return f"{message}.{_segment(hmac.new(secret, message.encode(), hashlib.sha256).digest())}"


@requirement("ema:signature", "ema:typ")
async def test_no_forged_signature_or_header_is_believed(house: House):
    idp, client = house.idp, house.assistant
    mine = ec.generate_private_key(ec.SECP256R1())
    public = {**to_jwk(mine.public_key()), "kid": "mine", "alg": "ES256"}
    pem = idp.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    good = idp.jag(client)
    typ = {"typ": "oauth-id-jag+jwt"}
    base = {**idp.base(), **claims(good)}
    forged = [
        _resigned(good, {"alg": "none", **typ}, None),
        _resigned(good, {"alg": "None", **typ, "kid": idp.kid}, b""),
        _resigned(good, {"alg": "HS256", **typ, "kid": idp.kid}, pem),
        _resigned(good, {"alg": "HS256", **typ, "kid": idp.kid}, idp.jwks().encode()),
        _resigned(good, {"alg": "ES256", **typ, "kid": idp.kid}, b"x"),
        idp.sign(base, typ, key=mine),
        idp.sign(base, {**typ, "kid": "mine", "jwk": public}, key=mine),
        idp.sign(base, {**typ, "kid": "mine", "jku": "https://evil.example/keys"}, key=mine),
        idp.sign(base, {**typ, "kid": "mine", "x5u": "https://evil.example/x"}, key=mine),
        idp.sign(base, {**typ, "kid": "../../etc/passwd"}, key=mine),
        idp.sign(base, {**typ, "kid": "' OR 1=1 --"}),
        idp.sign(base, {**typ, "kid": "nobody"}),
        idp.sign(base, {**typ, "kid": 7}),
        idp.sign(base, {**typ, "jku": "https://acme.idp.example/keys"}),
        idp.sign(base, {**typ, "crit": ["exp"]}),
        idp.sign(base, {**typ, "alg": "ES384"}),
        idp.sign(base, {"typ": "JWT"}),
        idp.sign(base, {"typ": "at+jwt"}),
        idp.sign(base, {}),
        good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"),
        good.partition(".")[2],
        f"{good}.x",
        "",
        "a.b.c",
    ]
    for jag in forged:
        answer = await house.ask(jag)
        body = answer.json()
        assert answer.status_code == 400, jag
        assert body["error"] in {"invalid_grant", "invalid_request"}, jag
        assert body["reason"] in {"assertion_refused", "assertion_missing"}, jag
    assert (await house.ask(good)).status_code == 200
    assert (await house.ask(idp.jag(client, header={"kid": None}))).status_code == 200


async def test_a_claim_that_comes_twice_is_refused(house: House):
    good = house.idp.jag(house.assistant)
    body = json.dumps(claims(good))
    for twice in ('"sub": "U2"', '"client_id": "x"', f'"aud": "{ISSUER}"', '"exp": 1'):
        raw = f"{body[:-1]}, {twice}}}".encode()
        head = _segment({"alg": "ES256", "kid": house.idp.kid, "typ": "oauth-id-jag+jwt"})
        message = f"{head}.{_segment(raw)}"
        signed = sign("ES256", house.idp.key, message.encode())
        refused(
            await house.ask(f"{message}.{_segment(signed)}"), "invalid_grant", "assertion_refused"
        )


@requirement("ema:claims", "ema:aud", "ema:short-lived")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://evil.example"}, "assertion_refused"),
        ({"iss": f"{IDP}/"}, "assertion_refused"),
        ({"iss": ISSUER}, "assertion_refused"),
        ({"iss": None}, "assertion_refused"),
        ({"aud": "https://other.example"}, "assertion_refused"),
        ({"aud": f"{ISSUER}/"}, "assertion_refused"),
        ({"aud": f"{ISSUER}/token"}, "assertion_refused"),
        ({"aud": [ISSUER, "https://other.example"]}, "assertion_refused"),
        ({"aud": DOCS}, "assertion_refused"),
        ({"aud": None}, "assertion_refused"),
        ({"sub": None}, "assertion_refused"),
        ({"sub": ""}, "assertion_refused"),
        ({"sub": {"id": SUBJECT}}, "assertion_refused"),
        ({"sub": "U2"}, "subject_unknown"),
        ({"sub": SUBJECT.lower()}, "subject_unknown"),
        ({"sub": f"{SUBJECT} "}, "subject_unknown"),
        ({"exp": None}, "assertion_refused"),
        ({"exp": "soon"}, "assertion_refused"),
        ({"exp": True}, "assertion_refused"),
        ({"iat": None}, "assertion_refused"),
        ({"iat": 2**34}, "assertion_refused"),
        ({"nbf": 2**34}, "assertion_refused"),
        ({"jti": None}, "assertion_refused"),
        ({"jti": ""}, "assertion_refused"),
        ({"jti": "x" * 257}, "assertion_refused"),
        ({"jti": 7}, "assertion_refused"),
        ({"client_id": None}, "assertion_refused"),
        ({"client_id": "other"}, "assertion_of_other_client"),
        ({"client_id": ["other"]}, "assertion_refused"),
        ({"resource": None}, "assertion_refused"),
        ({"resource": [DOCS]}, "assertion_refused"),
        ({"scope": "docs:read openid"}, "assertion_scope"),
        ({"scope": "docs:read  docs:write"}, "assertion_scope"),
        ({"scope": ["docs:read"]}, "assertion_refused"),
        ({"cnf": {"jkt": "x"}}, "assertion_refused"),
    ],
)
async def test_each_claim_must_be_there_and_hold(
    house: House, changes: dict[str, Any], reason: str
):
    jag = house.idp.jag(house.assistant, **changes)
    refused(await house.ask(jag), "invalid_grant", reason)
    assert await house.w.audited(AuditTag.DELEGATION_CREATED) == []
    assert (await house.ask(house.idp.jag(house.assistant))).status_code == 200


@requirement("ema:short-lived", "ema:scope-registered")
async def test_times_are_checked_by_our_clock(house: House):
    idp, now = house.idp, house.w.clock.now() // 1000
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"iat": now - 400, "exp": now - 31}, "assertion_expired"),
        ({"iat": now + 31, "exp": now + 100}, "assertion_refused"),
        ({"exp": now + 331}, "assertion_refused"),
        ({"iat": now + 20, "exp": now + 345}, "assertion_refused"),
        ({"iat": now - 3600, "exp": now + 60}, "assertion_refused"),
        ({"iat": now, "exp": now - 1}, "assertion_refused"),
    )
    for changes, reason in cases:
        refused(await house.ask(idp.jag(house.assistant, **changes)), "invalid_grant", reason)
    skewed = idp.jag(house.assistant, iat=now + 29, exp=now + 300)
    assert (await house.ask(skewed)).status_code == 200
    kept = idp.jag(house.assistant)
    house.w.clock.advance(seconds=331)
    refused(await house.ask(kept), "invalid_grant", "assertion_expired")


async def test_no_other_kind_of_token_passes_as_an_assertion(house: House):
    w = house.w
    held = (await house.token())["access_token"]
    session = await w.session(house.ada)
    own = await w.delegation(house.ada, house.assistant, (), sid=session.id)
    code = await w.code(house.assistant, house.ada, grant=own, scope="openid", session=session)
    signed_in = (await w.redeem(house.assistant, code)).json()
    actor = await w.actor_token(house.assistant)
    for token in (held, signed_in["id_token"], signed_in["access_token"], actor):
        refused(await house.ask(token), "invalid_grant", "assertion_refused")
    # Nor an ID token of the provider itself, whatever it says.
    theirs = house.idp.jag(house.assistant, header={"typ": "JWT"})
    refused(await house.ask(theirs), "invalid_grant", "assertion_refused")


async def test_an_assertion_opens_no_other_door(house: House):
    w, jag = house.w, house.idp.jag(house.assistant)
    bearer = {"Authorization": f"Bearer {jag}"}
    assert (await w.http.get("/userinfo", headers=bearer)).status_code == 401
    answer = await w.post("/introspect", {"token": jag}, by=house.assistant)
    assert answer.json() == {"active": False}
    for kind in ("access_token", "id_token", "jwt"):
        exchanged = await w.exchange(
            house.assistant, jag, subject_token_type=f"urn:ietf:params:oauth:token-type:{kind}"
        )
        assert exchanged.status_code == 400
    as_client = await w.post(
        "/token",
        {"grant_type": "client_credentials", "client_assertion": jag,
         "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
    )  # fmt: skip
    assert as_client.status_code == 401
    assert (await house.ask(jag)).status_code == 200


async def test_an_issuer_of_workloads_speaks_for_no_person_and_the_reverse(house: House):
    w = house.w
    party = await w.agent(
        "robot", ALL, {DOCS}, auth=ClientAuth.WORKLOAD,
        grant_types=frozenset({GrantType.JWT_BEARER}), redirect_uris=(),
    )  # fmt: skip
    workload = Workload(name="job", client_id=party.client.id, rules=rules(sub=SUBJECT))
    ci = await platform(w, workload)
    refused(await house.ask(ci.jag(house.assistant)), "invalid_grant", "assertion_refused")
    as_job = house.idp.job(sub=SUBJECT)
    answer = await w.post("/token", {"grant_type": JWT_BEARER, "assertion": as_job})
    refused(answer, "invalid_grant", "assertion_refused")


@requirement("ema:jti-once")
async def test_one_worker_wins_and_a_replay_at_another_loses(
    databases: Databases, clock: FrozenClock
):
    url = databases.copy_of("prepared", prepared)
    async with world_at(url, clock) as one, world_at(url, clock) as two:
        house = await set_house(one)
        jag = house.idp.jag(house.assistant)
        form = {"grant_type": JWT_BEARER, "assertion": jag}
        workers = [one, two] * 3
        answers = await asyncio.gather(
            *(w.post("/token", form, by=house.assistant) for w in workers)
        )
        assert sorted(a.status_code for a in answers) == [200] + [400] * 5
        lost = {a.json()["reason"] for a in answers if a.status_code == 400}
        assert lost == {"assertion_replayed"}
        # One delegation came of it, though nobody had one before.
        assert len(await one.audited(AuditTag.DELEGATION_CREATED)) == 1
        clock.advance(seconds=329)
        refused(
            await two.post("/token", form, by=house.assistant),
            "invalid_grant",
            "assertion_replayed",
        )


async def test_many_first_assertions_at_once_open_one_delegation(
    databases: Databases, clock: FrozenClock
):
    url = databases.copy_of("prepared", prepared)
    async with world_at(url, clock) as one, world_at(url, clock) as two:
        house = await set_house(one)

        async def ask(w: World) -> httpx2.Response:
            form = {"grant_type": JWT_BEARER, "assertion": house.idp.jag(house.assistant)}
            return await w.post("/token", form, by=house.assistant)

        answers = await asyncio.gather(*(ask(w) for w in [one, two] * 3))
        grants = {a.json()["grant_id"] for a in answers if a.status_code == 200}
        assert len(grants) == 1
        # Whoever lost the race thrice is told to come again, and nothing else.
        assert {a.status_code for a in answers} <= {200, 503}
        assert len(await one.audited(AuditTag.DELEGATION_CREATED)) == 1


async def test_a_rule_of_a_shared_issuer_holds_for_every_assertion(house: House):
    value = house.idp.trusted(
        IssuerPurpose.ID_JAG,
        allowances=(allowance(house.assistant),),
        rules=rules(tenant="acme"),
    )
    await add_issuer(house.w.core, value, by="test", in_place=True)
    for tenant in (None, "evil", "ACME", ["acme"]):
        jag = house.idp.jag(house.assistant, tenant=tenant)
        refused(await house.ask(jag), "invalid_grant", "assertion_refused")
    assert (await house.ask(house.idp.jag(house.assistant, tenant="acme"))).status_code == 200


async def test_what_strangers_send_is_not_written_down_and_no_assertion_is_logged(
    house: House, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    w = house.w
    ci = Signer(w, CI)
    for token in (ci.job(), house.idp.jag(house.assistant), "x.y.z"):
        await w.post("/token", {"grant_type": JWT_BEARER, "assertion": token})
    for tag in (AuditTag.WORKLOAD_TOKEN, AuditTag.ASSERTION_TOKEN):
        assert await w.audited(tag) == []
    jag = house.idp.jag(house.assistant)
    await house.ask(jag)
    await house.ask(jag)
    assert jag.rpartition(".")[2] not in caplog.text
    assert jag.split(".")[1] not in caplog.text
    rows = await w.audited(AuditTag.ASSERTION_TOKEN)
    # At one time of the clock, so in any order.
    assert sorted((row[0], row[1] or "", row[2]) for row in rows) == [
        ("done", "", house.ada.id),
        ("refused", "assertion_replayed", house.ada.id),
    ]
    # Every refusal of an assertion reads the same.
    words = {
        (await house.ask(each)).json()["error_description"]
        for each in (
            jag,
            "x.y.z",
            ci.jag(house.assistant),
            house.idp.jag(house.assistant, client_id="other"),
        )
    }
    assert words == {"The assertion is not acceptable."}
