"""Tokens that are bound to a key, at Mandate's own MCP server (RFC 9449)."""

import json
from dataclasses import replace
from typing import Any

import httpx2

from authz.jose import split
from tests.own_mcp.conftest import Desk, furnish
from tests.own_mcp.rpc import ACCEPT, VERSION, refused, tool_call
from tests.requirements import requirement
from tests.support.dpop import Holder
from tests.support.world import DOCS, VERIFIER, World


async def bound_token(desk: Desk, holder: Holder, scope: str) -> str:
    """Let the agent's client redeem a code with the proof of its key."""
    session = await desk.w.session(desk.ada)
    code = await desk.w.code(
        desk.a, desk.ada, grant=desk.grant, scope=scope, resources=(desk.mcp,), session=session
    )
    data = {
        "grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER,
        "redirect_uri": "https://app.example/cb",
    }  # fmt: skip
    headers = {"DPoP": holder.proof("POST", f"{desk.w.core.policy.issuer}/token")}
    answer = await desk.w.post("/token", data, by=desk.a, headers=headers)
    assert answer.json()["token_type"] == "DPoP", answer.text
    return str(answer.json()["access_token"])


async def send(w: World, token: str, proof: str | None, message: Any) -> httpx2.Response:
    """Send a message under the scheme DPoP."""
    headers = {**ACCEPT, "MCP-Protocol-Version": VERSION, "Authorization": f"DPoP {token}"}
    if proof is not None:
        headers["DPoP"] = proof
    body = json.dumps(message).encode()
    return await w.http.post(w.core.policy.mcp_resource, content=body, headers=headers)


@requirement("own-mcp:exchange:keeps-key")
async def test_a_bound_token_needs_its_proof_once_and_makes_no_bearer_token(
    workers: tuple[World, World],
):
    one, two = workers
    desk, holder = await furnish(one), Holder()
    token = await bound_token(desk, holder, "mandate:exchange")
    message = tool_call("exchange_token", {"resource": DOCS, "scopes": ["docs:read"]})
    assert (await send(one, token, None, message)).status_code == 401
    thief = Holder().proof("POST", desk.mcp, token=token)
    assert (await send(one, token, thief, message)).status_code == 401
    proof = holder.proof("POST", desk.mcp, token=token)
    answer = await send(one, token, proof, message)
    assert answer.status_code == 200, answer.text
    found = answer.json()["result"]["structuredContent"]
    assert found["token_type"] == "DPoP"
    claims = split(found["access_token"]).unverified_payload()
    assert claims["cnf"] == {"jkt": holder.jkt}
    # The very proof again, at either worker.
    for worker in (one, two):
        assert (await send(worker, token, proof, message)).status_code == 401
    subject = {"type": "access_token", "id": found["access_token"]}
    action = {"name": "docs:read"}
    bare = await one.ask(desk.docs, {"subject": subject, "action": action})
    assert bare["decision"] is False
    proven = {**subject, "properties": {"cnf": {"jkt": holder.jkt}}}
    told = await one.ask(desk.docs, {"subject": proven, "action": action})
    assert told["decision"] is True


@requirement("own-mcp:exchange:keeps-key")
async def test_a_client_that_must_bind_its_tokens_gets_no_other_kind_here(desk: Desk):
    held = desk.agent_token
    bound = replace(desk.a.client, dpop_bound_access_tokens=True)
    core = desk.w.core
    await core.store.write(lambda tx: core.rows.clients.update(tx, bound))
    no = await refused(desk.w, held, "exchange_token", resource=DOCS)
    assert no["reason"] == "proof_missing"
