"""Workload identity federation: a platform's token makes its workload the agent that it is."""

from typing import Any

import httpx2
import pytest

from server.domain.audit import AuditTag
from server.domain.issuers import ClaimRule, Comparison, IssuerPurpose, Workload
from server.domain.registry import ClientAuth, GrantType, Status
from server.services.registration import set_client_status
from server.services.trusted_issuers import add_issuer, remove_issuer
from tests.protocol.test_token_exchange import claims, refused
from tests.requirements import requirement
from tests.support.idp import CI, JOB, JWT_BEARER, Signer, platform, rules
from tests.support.stage import ALL
from tests.support.world import DOCS, ISSUER, Party, World


async def robot(w: World, name: str = "robot") -> Party:
    """Register an agent whose client only a workload gets in by."""
    return await w.agent(
        name, ALL, {DOCS}, auth=ClientAuth.WORKLOAD,
        grant_types=frozenset({GrantType.JWT_BEARER}), redirect_uris=(),
    )  # fmt: skip


def deploy(party: Party, **changes: Any) -> Workload:
    fields: dict[str, Any] = {
        "name": "deploy", "client_id": party.client.id,
        "rules": rules(sub=JOB, repository_id="74"), **changes,
    }  # fmt: skip
    return Workload(**fields)


async def ask(w: World, token: str, **form: Any) -> httpx2.Response:
    data = {"grant_type": JWT_BEARER, "assertion": token, "resource": DOCS, **form}
    return await w.post("/token", {k: v for k, v in data.items() if v is not None})


async def active(w: World, docs: Party, token: str) -> bool:
    answer = await w.post("/introspect", {"token": token}, by=docs)
    return bool(answer.json()["active"])


@requirement("wif:accepted", "wif:self-only", "x8:agent-self-only", "x8:agent-self-scope")
async def test_a_workload_gets_the_agents_own_token_and_nothing_of_a_person(w: World):
    await w.resource()
    party = await robot(w)
    ci = await platform(w, deploy(party))
    answer = await ask(w, ci.job(), scope="docs:read docs:write")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    # Only what an agent may hold as itself: docs:write is for people's delegations.
    assert body["scope"] == "docs:read"
    assert "refresh_token" not in body
    token = claims(body["access_token"])
    assert (token["sub"], token["aud"]) == (party.agent.id, DOCS)
    assert not {"act", "grant_id", "sid"} & set(token)
    assert answer.headers["cache-control"] == "no-store"
    [row] = await w.audited(AuditTag.WORKLOAD_TOKEN)
    assert (row[0], row[2], row[4]) == ("done", None, None)
    assert party.agent.id in row[3]
    # A scope of people alone leaves nothing, as with client_credentials.
    refused(await ask(w, ci.job(), scope="docs:write"), "invalid_scope", "nothing_left")


async def test_no_claim_of_the_workload_becomes_a_person(w: World):
    await w.resource()
    party = await robot(w)
    ada = await w.user()
    ci = await platform(w, deploy(party, rules=rules(sub=ada.id)))
    body = (await ask(w, ci.job(sub=ada.id, act={"sub": "agt_x"}))).json()
    assert claims(body["access_token"])["sub"] == party.agent.id
    assert "act" not in claims(body["access_token"])


@requirement("wif:claim-rules")
@pytest.mark.parametrize(
    "changes",
    [
        {"sub": "repo:acme/shop:ref:refs/heads/other"},
        {"sub": f"{JOB}x"},
        {"sub": JOB.upper()},
        {"repository_id": "75"},
        {"repository_id": 74},
        {"repository_id": ["74"]},
        {"repository_id": None},
        {"sub": [JOB]},
        {"sub": ""},
    ],
)
async def test_a_workload_that_no_rule_fits_is_nobody(w: World, changes: dict[str, Any]):
    await w.resource()
    ci = await platform(w, deploy(await robot(w)))
    refused(await ask(w, ci.job(**changes)), "invalid_grant", "assertion_refused")
    # Anybody can cause it, so that it is counted and not written down.
    assert await w.audited(AuditTag.WORKLOAD_TOKEN) == []


@pytest.mark.parametrize(
    ("how", "value", "sub", "fits"),
    [
        (Comparison.PREFIX, "repo:acme/", "repo:acme/shop:x", True),
        (Comparison.PREFIX, "repo:acme/", "repo:acme-evil/shop:x", False),
        (Comparison.GLOB, "repo:acme/*:ref:refs/heads/main", JOB, True),
        (Comparison.GLOB, "repo:acme/*:ref:refs/heads/main", "repo:acme/a/b:ref:refs/heads/main", False),
        (Comparison.GLOB, "repo:acme/shop:ref:refs/heads/release-*",
         "repo:acme/shop:ref:refs/heads/release-1", True),
        (Comparison.GLOB, "repo:acme/shop:ref:refs/heads/release-*",
         "repo:acme/shop:ref:refs/heads/release-1:environment:prod", False),
        (Comparison.GLOB, "repo:acme/shop:*", "xrepo:acme/shop:main", False),
        (Comparison.GLOB, "repo:a.me/shop:*", "repo:acme/shop:main", False),
    ],
)  # fmt: skip
def test_prefixes_and_globs_end_at_a_boundary(how: Comparison, value: str, sub: str, fits: bool):
    assert ClaimRule(claim="sub", how=how, value=value).fits({"sub": sub}) is fits


@pytest.mark.parametrize(
    ("claim", "fits"),
    [
        ("/kubernetes.io/namespace", True),
        ("/kubernetes.io/pod/name", False),
        ("/kubernetes.io", False),
        ("kubernetes.io/namespace", False),
        ("/odd~1name/a~0b", True),
        ("/", False),
    ],
)
def test_a_json_pointer_reads_a_nested_claim(claim: str, fits: bool):
    body = {
        "kubernetes.io": {"namespace": "support", "pod": []}, "odd/name": {"a~b": "support"},
    }  # fmt: skip
    rule = ClaimRule(claim=claim, how=Comparison.EQUALS, value="support")
    assert rule.fits(body) is fits


async def test_a_token_that_two_workloads_fit_is_neither(w: World):
    await w.resource()
    one, two = await robot(w, "one"), await robot(w, "two")
    ci = await platform(
        w, deploy(one), deploy(two, name="second", rules=rules(repository_id="74", sub=JOB))
    )
    refused(await ask(w, ci.job()), "invalid_grant", "assertion_refused")


@requirement("wif:jti-once")
async def test_a_token_works_once_unless_its_issuer_hands_it_out_again(w: World):
    await w.resource()
    party = await robot(w)
    ci = await platform(w, deploy(party))
    token = ci.job()
    # What is refused uses nothing up.
    refused(await ask(w, token, scope="docs:write"), "invalid_scope", "nothing_left")
    assert (await ask(w, token)).status_code == 200
    refused(await ask(w, token), "invalid_grant", "assertion_replayed")
    refused(await ask(w, ci.job(jti=None)), "invalid_grant", "assertion_refused")
    refused(await ask(w, ci.job(jti="x" * 257)), "invalid_grant", "assertion_refused")
    kept = ci.trusted(IssuerPurpose.WORKLOAD, workloads=(deploy(party),), reusable=True)
    await add_issuer(w.core, kept, by="test", in_place=True)
    again = ci.job()
    for _ in range(2):
        assert (await ask(w, again)).status_code == 200
    assert (await ask(w, ci.job(jti=None))).status_code == 200
    w.clock.advance(seconds=331)
    refused(await ask(w, again), "invalid_grant", "assertion_expired")


@requirement("wif:aud")
async def test_the_audience_is_the_issuer_and_the_endpoint_only_by_policy(w: World):
    await w.resource()
    party = await robot(w)
    ci = await platform(w, deploy(party))
    endpoint = f"{ISSUER}/token"
    for aud in (endpoint, f"{ISSUER}/", DOCS, [ISSUER, DOCS], [ISSUER, ISSUER], [], None, "*"):
        refused(await ask(w, ci.job(aud=aud)), "invalid_grant", "assertion_refused")
    assert (await ask(w, ci.job(aud=[ISSUER]))).status_code == 200
    wide = ci.trusted(
        IssuerPurpose.WORKLOAD, workloads=(deploy(party),), token_endpoint_audience=True
    )
    await add_issuer(w.core, wide, by="test", in_place=True)
    for aud in (endpoint, [endpoint], ISSUER):
        assert (await ask(w, ci.job(aud=aud))).status_code == 200
    for aud in (f"{endpoint}/", [endpoint, ISSUER]):
        refused(await ask(w, ci.job(aud=aud)), "invalid_grant", "assertion_refused")


@requirement("wif:claims", "wif:issuer-trust")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://other.example"}, "assertion_refused"),
        ({"iss": f"{CI}/"}, "assertion_refused"),
        ({"iss": None}, "assertion_refused"),
        ({"iss": [CI]}, "assertion_refused"),
        ({"sub": None}, "assertion_refused"),
        ({"exp": None}, "assertion_refused"),
        ({"iat": None}, "assertion_refused"),
        ({"exp": 1}, "assertion_expired"),
        ({"exp": 2**39}, "assertion_refused"),
        ({"iat": 2**34}, "assertion_refused"),
        ({"iat": 1}, "assertion_refused"),
        ({"nbf": 2**34}, "assertion_refused"),
        ({"cnf": {"jkt": "x"}}, "assertion_refused"),
    ],
)
async def test_each_claim_of_a_workload_must_hold(w: World, changes: dict[str, Any], reason: str):
    await w.resource()
    ci = await platform(w, deploy(await robot(w)))
    refused(await ask(w, ci.job(**changes)), "invalid_grant", reason)
    assert (await ask(w, ci.job())).status_code == 200


async def test_types_that_platforms_send_are_taken_and_others_are_not(w: World):
    await w.resource()
    ci = await platform(w, deploy(await robot(w)))
    for typ in ("JWT", "jwt", "JOSE", None):
        assert (await ask(w, ci.job(header={"typ": typ}))).status_code == 200
    for typ in ("at+jwt", "oauth-id-jag+jwt", "client-authentication+jwt", "x"):
        answer = await ask(w, ci.job(header={"typ": typ}))
        refused(answer, "invalid_grant", "assertion_refused")


async def test_what_an_issuer_may_no_longer_do_ends_with_its_tokens(w: World):
    docs = await w.resource()
    party = await robot(w)
    ci = await platform(w, deploy(party))
    first = (await ask(w, ci.job())).json()["access_token"]
    stricter = ci.trusted(
        IssuerPurpose.WORKLOAD,
        workloads=(deploy(party, rules=rules(sub=JOB, repository_id="74", ref="main")),),
    )
    _, ended = await add_issuer(w.core, stricter, by="test", in_place=True)
    assert ended.tokens == 1
    assert not await active(w, docs, first)
    refused(await ask(w, ci.job()), "invalid_grant", "assertion_refused")
    second = (await ask(w, ci.job(ref="main"))).json()["access_token"]
    assert await active(w, docs, second)
    assert (await remove_issuer(w.core, CI, by="test")).tokens == 1
    assert not await active(w, docs, second)
    refused(await ask(w, ci.job(ref="main")), "invalid_grant", "assertion_refused")


async def test_a_disabled_client_or_agent_of_a_workload_gets_nothing(w: World):
    await w.resource()
    party = await robot(w)
    ci = await platform(w, deploy(party))
    await w.set_agent(party, status=Status.SUSPENDED)
    refused(await ask(w, ci.job()), "unauthorized_client", "agent_suspended")
    [row] = await w.audited(AuditTag.WORKLOAD_TOKEN)
    assert row[:2] == ("refused", "agent_suspended")
    await w.set_agent(party)
    await set_client_status(w.core, party.client.id, Status.SUSPENDED, by="test")
    refused(await ask(w, ci.job()), "invalid_grant", "assertion_refused")


async def test_a_workloads_client_has_no_other_way_in(w: World):
    await w.resource()
    party = await robot(w)
    ci = await platform(w, deploy(party))
    for form in (
        {"grant_type": "client_credentials", "client_id": party.client.id},
        {"grant_type": JWT_BEARER, "assertion": ci.job(), "client_id": party.client.id},
        {"grant_type": JWT_BEARER, "assertion": ci.job(), "client_id": party.client.id,
         "client_secret": ""},
        {"grant_type": "client_credentials", "assertion": ci.job()},
    ):  # fmt: skip
        answer = await w.post("/token", form)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), form
    other = await w.agent("other", ALL, {DOCS})
    answer = await w.post("/token", {"grant_type": JWT_BEARER, "assertion": ci.job()}, by=other)
    refused(answer, "invalid_grant", "assertion_refused")
    nothing = await w.post("/token", {"grant_type": JWT_BEARER})
    refused(nothing, "invalid_request", "assertion_missing")


@requirement("wif:signature")
async def test_a_signer_of_another_key_is_not_the_issuer(w: World):
    await w.resource()
    ci = await platform(w, deploy(await robot(w)))
    impostor = Signer(w, CI)
    refused(await ask(w, impostor.job()), "invalid_grant", "assertion_refused")
    assert (await ask(w, ci.job())).status_code == 200
