"""Bound tokens at the edge (RFC 9449 §7): the proof is asked for, checked, and good once."""

import httpx2
import pytest

from authz.dpop import MAX_AGE
from mcp_tools.sender import ProofMemory
from mcp_tools.unavailable import IssuerUnavailable
from tests.mcp_kit.archive import LEGACY, RESOURCE, Archive, failed, post, rpc, text_of
from tests.requirements import requirement
from tests.support.clock import FrozenClock
from tests.support.dpop import Holder

MINE, THIEF = Holder(), Holder()


def bound(archive: Archive, holder: Holder = MINE, **claims: object) -> str:
    return archive.token(claims={"cnf": {"jkt": holder.jkt}, **claims})


async def ask(
    http: httpx2.AsyncClient, token: str, *proofs: str, scheme: str = "DPoP"
) -> httpx2.Response:
    headers = [
        ("accept", "application/json, text/event-stream"), ("mcp-protocol-version", LEGACY),
        ("content-type", "application/json"), ("authorization", f"{scheme} {token}"),
        *(("dpop", proof) for proof in proofs),
    ]  # fmt: skip
    body = rpc("tools/call", {"name": "whoami", "arguments": {}})
    return await http.post(RESOURCE, headers=headers, json=body)


def refused(answer: httpx2.Response, reason: str, scheme: str = "DPoP") -> None:
    assert answer.status_code == 401, answer.text
    assert answer.json()["error"]["data"]["reason"] == reason
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith(f"{scheme} error=")
    assert "resource_metadata=" in challenge
    assert ('algs="ES256 ' in challenge) is (scheme == "DPoP")


@requirement("rfc9449:7.1:scheme", "rfc9449:7.2:not-as-bearer", "rfc9449:7.1:challenge")
async def test_a_bound_token_needs_the_proof_of_its_key(archive):
    token = bound(archive)
    async with archive.open() as http:
        good = await ask(http, token, MINE.proof("POST", RESOURCE, token=token))
        assert not failed(good), good.text
        assert "usr_ann" in text_of(good)
        refused(await ask(http, token, scheme="Bearer"), "proof_required")
        with_proof = MINE.proof("POST", RESOURCE, token=token)
        refused(await ask(http, token, with_proof, scheme="Bearer"), "proof_required")
        refused(await ask(http, token), "proof_missing")
        refused(await ask(http, token, THIEF.proof("POST", RESOURCE, token=token)), "proof_key")
        both = [h.proof("POST", RESOURCE, token=token) for h in (THIEF, MINE)]
        refused(await ask(http, token, *both), "proof_several")
    # The one good call is the only one that Mandate was asked about, with the key that was proven.
    asked = [q for kind, q in archive.issuer.endpoints.asked if kind == "evaluation"]
    assert [q["subject"]["properties"] for q in asked] == [{"cnf": {"jkt": MINE.jkt}}]


async def test_a_list_is_decided_with_the_key_that_was_proven(archive):
    token = bound(archive)
    async with archive.open() as http:
        headers = {
            "authorization": f"DPoP {token}", "accept": "application/json, text/event-stream",
            "mcp-protocol-version": LEGACY, "dpop": MINE.proof("POST", RESOURCE, token=token),
        }  # fmt: skip
        listed = await http.post(RESOURCE, headers=headers, json=rpc("tools/list"))
    assert {tool["name"] for tool in listed.json()["result"]["tools"]} >= {"read", "whoami"}
    (asked,) = [body for kind, body in archive.issuer.endpoints.asked if kind == "evaluations"]
    assert asked["subject"]["properties"] == {"cnf": {"jkt": MINE.jkt}}


@pytest.mark.parametrize(
    ("method", "url", "more", "reason"),
    [
        ("GET", RESOURCE, {}, "proof_htm"),
        ("POST", "http://127.0.0.1:8765/other", {}, "proof_htu"),
        ("POST", "https://evil.test/mcp", {}, "proof_htu"),
        ("POST", RESOURCE, {"ath": "A" * 43}, "proof_ath"),
        ("POST", RESOURCE, {"iat": 1}, "proof_iat"),
        ("POST", RESOURCE, {"header": {"typ": "at+jwt"}}, "proof_typ"),
        ("POST", RESOURCE, {"jti": None}, "proof_claim"),
    ],
)
async def test_a_proof_for_something_else_is_refused(archive, method, url, more, reason):
    token = bound(archive)
    async with archive.open() as http:
        proof = MINE.proof(method, url, **{"token": token, **more})
        refused(await ask(http, token, proof), reason)


async def test_a_host_header_is_no_address(archive):
    token = bound(archive)
    async with archive.open() as http:
        proof = MINE.proof("POST", "http://evil.test/mcp", token=token)
        headers = {"authorization": f"DPoP {token}", "dpop": proof, "host": "evil.test"}
        answer = await post(http, None, rpc("ping"), headers=headers)
        refused(answer, "proof_htu")


@requirement("rfc9449:11.1:replay")
async def test_a_replayed_proof_is_refused_until_it_is_too_old(archive):
    token, clock = bound(archive, exp=archive.clock.now() // 1000 + 3600), archive.clock
    proof = MINE.proof("POST", RESOURCE, token=token)
    async with archive.open() as http:
        assert not failed(await ask(http, token, proof))
        for _ in range(2):
            refused(await ask(http, token, proof), "proof_replayed")
        clock.advance(seconds=MAX_AGE - 1)
        refused(await ask(http, token, proof), "proof_replayed")
        clock.advance(seconds=1)
        refused(await ask(http, token, proof), "proof_iat")


@requirement("rfc9449:7.1:scheme")
async def test_an_unbound_token_is_not_taken_for_a_bound_one(archive):
    token = archive.token()
    async with archive.open() as http:
        refused(await ask(http, token, MINE.proof("POST", RESOURCE, token=token)), "not_bound")
        assert not failed(await ask(http, token, scheme="Bearer"))


@requirement("x1:unknown-cnf-refused")
@pytest.mark.parametrize(
    "cnf", [{"x5t#S256": "A" * 43}, {}, "x", {"jkt": "short"}, {"jkt": "A" * 43, "jwk": {}}]
)
async def test_a_binding_that_cannot_be_checked_is_refused(archive, cnf):
    token = archive.token(claims={"cnf": cnf})
    async with archive.open() as http:
        for scheme in ("Bearer", "DPoP"):
            proof = MINE.proof("POST", RESOURCE, token=token)
            refused(await ask(http, token, proof, scheme=scheme), "token_invalid", scheme)


@requirement("rfc9728:2:dpop")
async def test_a_server_may_take_bound_tokens_alone(archive):
    where = "http://127.0.0.1:8765/.well-known/oauth-protected-resource/mcp"
    async with archive.open() as http:
        document = (await http.get(where)).json()
    assert document["dpop_signing_alg_values_supported"][0] == "ES256"
    assert "dpop_bound_access_tokens_required" not in document
    strict = Archive(archive.clock, archive.issuer).build(require_dpop=True)
    token = bound(strict)
    async with strict.open() as http:
        assert (await http.get(where)).json()["dpop_bound_access_tokens_required"] is True
        refused(await ask(http, strict.token(), scheme="Bearer"), "not_bound")
        assert not failed(await ask(http, token, MINE.proof("POST", RESOURCE, token=token)))
        bare = await http.post(RESOURCE, json=rpc("ping"))
        assert bare.headers["www-authenticate"].startswith("DPoP scope=")


async def test_what_a_call_writes_says_which_key_was_proven(archive):
    archive.issuer.rules.allow("usr_ann", "owner", "document:1")
    archive.issuer.rules.sharing = True
    token = bound(archive, scope="docs:share")
    async with archive.open() as http:
        headers = {
            "authorization": f"DPoP {token}",
            "dpop": MINE.proof("POST", RESOURCE, token=token),
        }
        body = rpc(
            "tools/call", {"name": "share", "arguments": {"document_id": "1", "user": "usr_b"}}
        )
        assert not failed(await post(http, None, body, headers=headers))
    [written] = [q for kind, q in archive.issuer.endpoints.asked if kind == "relations"]
    assert written["cnf"] == {"jkt": MINE.jkt}


async def test_a_full_memory_refuses_instead_of_forgetting(clock: FrozenClock) -> None:
    memory = ProofMemory(clock, most=2)
    now = clock.now()
    assert await memory.first("a", now + 2000)
    assert await memory.first("b", now + 1000)
    assert not await memory.first("a", now + 2000)
    with pytest.raises(IssuerUnavailable):
        await memory.first("c", now + 1000)
    clock.advance(seconds=1)
    assert await memory.first("c", now + 3000)
    assert not await memory.first("a", now + 2000)


async def test_servers_that_share_a_memory_refuse_what_another_has_seen(archive):
    memory = ProofMemory(archive.clock)
    one = Archive(archive.clock, archive.issuer).build(used_proofs=memory)
    other = Archive(archive.clock, archive.issuer).build(used_proofs=memory)
    token = bound(archive)
    proof = MINE.proof("POST", RESOURCE, token=token)
    async with one.open() as http:
        assert not failed(await ask(http, token, proof))
    async with other.open() as http:
        refused(await ask(http, token, proof), "proof_replayed")


async def test_a_memory_that_is_full_is_a_503(archive):
    full = Archive(archive.clock, archive.issuer).build(
        used_proofs=ProofMemory(archive.clock, most=0)
    )
    token = bound(archive)
    async with full.open() as http:
        answer = await ask(http, token, MINE.proof("POST", RESOURCE, token=token))
    assert answer.status_code == 503
