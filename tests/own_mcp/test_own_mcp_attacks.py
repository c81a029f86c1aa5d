"""An agent that wants more than it was given, and a stranger who wants anything."""

from typing import Any

import pytest

from server.delegation.lifecycle import narrow_delegation
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.delegation import Detail
from server.domain.registry import GrantType, Status
from tests.own_mcp.conftest import ADMIN_SCOPES, AGENT_SCOPES, PERSON_SCOPES, Desk
from tests.own_mcp.rpc import call, done, post, refused, tool_call
from tests.requirements import requirement
from tests.support.world import CHALLENGE, DOCS, NOTES

PERSONS: dict[str, dict[str, Any]] = {
    "list_delegations": {},
    "list_activity": {},
    "narrow_delegation": {"grant_id": "dlg_x", "scopes": ["docs:read"]},
    "revoke_delegation": {"grant_id": "dlg_x"},
    "list_approvals": {},
    "deny_approval": {"approval_id": "apv_x"},
    "search_delegations": {},
    "search_audit": {},
    "revoke_any_delegation": {"grant_id": "dlg_x", "why": "because"},
}


async def test_a_stranger_is_told_where_to_get_a_token_and_nothing_else(desk: Desk):
    answer = await post(desk.w, None, tool_call("whoami", {}))
    assert answer.status_code == 401
    challenge = answer.headers["www-authenticate"]
    metadata = "http://127.0.0.1:9000/.well-known/oauth-protected-resource/mcp"
    assert f'resource_metadata="{metadata}"' in challenge
    assert 'scope="mandate:self"' in challenge
    document = (await desk.w.http.get(metadata)).json()
    assert document["resource"] == desk.mcp
    assert document["authorization_servers"] == ["http://127.0.0.1:9000"]


@requirement("own-mcp:audience")
async def test_a_token_for_anything_else_is_refused_and_ours_is_good_nowhere_else(desk: Desk):
    exchanged = await done(desk.w, desk.agent_token, "exchange_token", resource=DOCS)
    for token in (exchanged["access_token"], await desk.w.actor_token(desk.a)):
        answer = await post(desk.w, token, tool_call("whoami", {}))
        assert answer.status_code == 401, answer.text
    question = {
        "subject": {"type": "access_token", "id": desk.agent_token},
        "action": {"name": "docs:read"},
    }
    told = await desk.w.ask(desk.docs, question)
    assert (told["decision"], told["context"]["reason"]) == (False, "wrong_audience")
    headers = {"Authorization": f"Bearer {desk.own_token}"}
    assert (await desk.w.http.get("/userinfo", headers=headers)).status_code == 401


@requirement("own-mcp:person:no-act")
async def test_no_token_with_an_agent_in_it_uses_a_persons_tool(desk: Desk):
    mcp = Detail(resource=desk.mcp, scopes=AGENT_SCOPES | PERSON_SCOPES | ADMIN_SCOPES)
    grant = await desk.w.delegation(desk.ada, desk.a, (mcp,))
    # Whatever a row says, no such scope is minted with an agent in the token.
    token = await desk.token_of(desk.ada, grant, desk.a, " ".join(sorted(mcp.scopes)))
    assert (await done(desk.w, token, "whoami"))["scopes"] == sorted(AGENT_SCOPES)
    for tool, arguments in PERSONS.items():
        answer = await post(desk.w, token, tool_call(tool, arguments))
        assert answer.status_code == 403, tool


@requirement("own-mcp:person:no-act")
async def test_nobody_is_asked_to_give_an_agent_what_is_a_persons_own(desk: Desk):
    plain = await desk.w.client("plain", scopes=PERSON_SCOPES | AGENT_SCOPES)
    for party in (plain, desk.a):
        query = {
            "response_type": "code", "client_id": party.client.id, "resource": desk.mcp,
            "redirect_uri": "https://app.example/cb", "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }  # fmt: skip
        answer = await desk.w.http.get("/authorize", params={**query, "scope": "mandate:withdraw"})
        assert "error=invalid_scope" in answer.headers["location"]
        both = {**query, "scope": "mandate:withdraw mandate:self"}
        answer = await desk.w.http.get("/authorize", params=both)
        assert "error=" not in answer.headers["location"]


@pytest.mark.parametrize("tool", ["whoami", "exchange_token", "delegate_to", "release"])
async def test_a_person_without_an_agent_uses_no_agents_tool(desk: Desk, tool: str):
    token = await desk.person_token(desk.ada, AGENT_SCOPES)
    every: dict[str, dict[str, Any]] = {
        "exchange_token": {"resource": DOCS},
        "delegate_to": {
            "agent_id": desk.b.agent.id,
            "authority": [{"resource": DOCS, "scopes": ["docs:read"]}],
        },
        "release": {"grant_id": desk.grant.id, "everything": True},
    }
    no = await refused(desk.w, token, tool, **every.get(tool, {}))
    assert no["reason"] == "principal_not_accepted"


@requirement("own-mcp:exchange:within-delegation")
@pytest.mark.parametrize(
    ("resource", "scopes", "reason"),
    [
        (DOCS, ["docs:delete"], "nothing_left"),
        (DOCS, ["notes:read"], "nothing_left"),
        (DOCS, ["openid"], "nothing_left"),
        (DOCS, [], "malformed_scope"),
        (NOTES, ["notes:read"], "target_not_consented"),
        ("https://nowhere.example/mcp", None, "unknown_target"),
        ("http://127.0.0.1:9000", None, "unknown_target"),
        ("", None, "unknown_target"),
    ],
)
async def test_exchange_gives_no_more_than_the_delegation(
    desk: Desk, resource: str, scopes: list[str] | None, reason: str
):
    more = {} if scopes is None else {"scopes": scopes}
    no = await refused(desk.w, desk.agent_token, "exchange_token", resource=resource, **more)
    assert no["reason"] == reason


async def test_what_is_too_much_is_left_out_of_an_exchange(desk: Desk):
    found = await done(
        desk.w, desk.agent_token, "exchange_token", resource=DOCS,
        scopes=["docs:read", "docs:delete"],
    )  # fmt: skip
    assert found["scopes"] == ["docs:read"]


@requirement("own-mcp:exchange:no-ladder")
async def test_the_right_to_exchange_buys_no_other_right_here(desk: Desk):
    token = await desk.token_of(desk.ada, desk.grant, desk.a, "mandate:exchange")
    for scope in ("mandate:self", "mandate:delegate"):
        no = await refused(desk.w, token, "exchange_token", resource=desk.mcp, scopes=[scope])
        assert no["reason"] == "nothing_left"


@requirement("own-mcp:exchange:consented")
async def test_exchange_and_handing_on_need_their_own_scope(desk: Desk):
    token = await desk.token_of(desk.ada, desk.grant, desk.a, "mandate:self")
    part = {"resource": DOCS, "scopes": ["docs:read"]}
    calls: dict[str, dict[str, Any]] = {
        "exchange_token": {"resource": DOCS},
        "delegate_to": {"agent_id": desk.b.agent.id, "authority": [part]},
    }
    for tool, arguments in calls.items():
        answer = await post(desk.w, token, tool_call(tool, arguments))
        assert answer.status_code == 403


@requirement("own-mcp:exchange:consented")
async def test_a_right_that_was_taken_back_is_gone_though_the_token_still_names_it(desk: Desk):
    core, now = desk.w.core, desk.w.clock.now()
    details = tuple(
        d if d.resource == DOCS else Detail(resource=d.resource, scopes=frozenset({"mandate:self"}))
        for d in desk.grant.details
    )
    record = AuditRecord(tag=AuditTag.DELEGATION_NARROWED, outcome=Outcome.DONE, at=now)
    await core.store.write(
        lambda tx: narrow_delegation(
            core, tx, desk.grant, details=details, expires_at=desk.grant.expires_at, audit=record
        )
    )
    no = await refused(desk.w, desk.agent_token, "exchange_token", resource=DOCS)
    assert no["reason"] == "consent_scope"


@pytest.mark.parametrize("name", ["docs:read docs:delete", '"', "", "\u00e9", "docs:read\n"])
async def test_a_name_that_is_no_scope_is_refused(desk: Desk, name: str):
    for arguments in ({"scopes": [name]}, {"scopes": [name, "docs:read"]}):
        told = await call(desk.w, desk.agent_token, "exchange_token", resource=DOCS, **arguments)
        assert told["isError"]


async def test_an_exchanged_token_never_outlives_the_token_it_came_from(desk: Desk):
    desk.w.clock.advance(minutes=4, seconds=30)
    found = await done(desk.w, desk.agent_token, "exchange_token", resource=DOCS)
    assert found["expires_in"] <= 30


async def test_a_client_without_the_grant_type_exchanges_nothing(desk: Desk):
    plain = await desk.w.client(
        "alpha-web", agent=desk.a.agent, scopes=AGENT_SCOPES | {"docs:read"},
        grant_types=frozenset({GrantType.AUTHORIZATION_CODE}),
    )  # fmt: skip
    token = await desk.token_of(desk.ada, desk.grant, plain, "mandate:exchange")
    no = await refused(desk.w, token, "exchange_token", resource=DOCS)
    assert no["reason"] == "grant_not_allowed"


async def test_a_suspended_agent_does_nothing_at_all(desk: Desk):
    await desk.w.set_agent(desk.a, status=Status.SUSPENDED)
    told = await call(desk.w, desk.agent_token, "release", grant_id=desk.grant.id, everything=True)
    assert told["structuredContent"]["reason"] == "agent_suspended"


async def test_nothing_is_handed_on_beyond_the_consent(desk: Desk):
    other = await desk.w.agent("gamma", {"docs:read"}, {DOCS})
    part = {"resource": DOCS, "scopes": ["docs:read"]}
    told = [
        await refused(desk.w, desk.agent_token, "delegate_to", agent_id=agent_id, authority=[part])
        for agent_id in (other.agent.id, "agt_unknown", desk.a.agent.id, "", "../mcp")
    ]
    assert {each["reason"] for each in told[:3]} == {"handover_not_consented"}
    assert all(each["reason"] in {"handover_not_consented", "unknown_target"} for each in told)
    for wrong in (
        {"resource": DOCS, "scopes": ["docs:write", "docs:delete"]},  # B's ceiling has neither
        {"resource": NOTES, "scopes": ["notes:read"]},
        {"resource": DOCS, "scopes": ["docs:read"], "objects": ["folder:home"]},
        {"resource": DOCS, "scopes": ["docs:read"], "objects": ["folder:none"]},
    ):
        await refused(
            desk.w, desk.agent_token, "delegate_to", agent_id=desk.b.agent.id, authority=[wrong]
        )


@requirement("own-mcp:release:own-only")
async def test_somebody_elses_delegation_is_not_given_back(desk: Desk):
    other = await desk.w.agent("gamma", {"docs:read"}, {DOCS})
    foreign = await desk.w.delegation(
        desk.ada, other, (Detail(resource=DOCS, scopes=frozenset({"docs:read"})),)
    )
    told = [
        await refused(desk.w, desk.agent_token, "release", grant_id=grant_id, everything=True)
        # Another person's to the same agent, the same person's to another agent, nobody's.
        for grant_id in (desk.bens.id, foreign.id, "dlg_unknown", "x' OR 1=1 --")
    ]
    assert all(each == told[0] for each in told)
    assert told[0]["reason"] == "delegation_unknown"
    rows = await desk.w.audited(AuditTag.DELEGATION_REVOKED)
    assert rows == []


async def test_an_agent_below_does_not_give_back_what_is_above_it(desk: Desk):
    part = {"resource": desk.mcp, "scopes": ["mandate:self"]}
    handed = await done(
        desk.w, desk.agent_token, "delegate_to", agent_id=desk.b.agent.id,
        authority=[part, {"resource": DOCS, "scopes": ["docs:read"]}],
    )  # fmt: skip
    answer = await desk.w.exchange(
        desk.b, handed["ticket"], resource=desk.mcp, scope="mandate:self"
    )
    token = answer.json()["access_token"]
    assert (await done(desk.w, token, "whoami"))["chain"][1]["id"] == desk.a.agent.id
    no = await refused(desk.w, token, "release", grant_id=desk.grant.id, everything=True)
    assert no["reason"] == "delegation_unknown"
    own = await done(desk.w, token, "release", grant_id=handed["grant_id"], everything=True)
    assert own["closed"] == 1


@requirement("own-mcp:explain:own-only")
async def test_the_refusals_of_others_are_unknown(desk: Desk):
    bens = await desk.token_of(desk.ben, desk.bens, desk.a, "mandate:self")
    found = await done(desk.w, bens, "check_permission", resource=DOCS, scopes=["docs:delete"])
    told = [
        await refused(desk.w, desk.agent_token, "explain_denial", evaluation_id=name)
        for name in (found["evaluation_id"], "aud_unknown", "")
    ]
    assert all(each == told[0] for each in told)
    handed = await done(
        desk.w, desk.agent_token, "delegate_to", agent_id=desk.b.agent.id,
        authority=[{"resource": desk.mcp, "scopes": ["mandate:self"]}],
    )  # fmt: skip
    answer = await desk.w.exchange(desk.b, handed["ticket"], resource=desk.mcp)
    below = answer.json()["access_token"]
    own = await done(
        desk.w, desk.agent_token, "check_permission", resource=DOCS, scopes=["docs:delete"]
    )
    no = await refused(desk.w, below, "explain_denial", evaluation_id=own["evaluation_id"])
    assert no == told[0]


ODD: list[Any] = [
    "\x00", "\ud800", "a" * 100_000, 7, None, True, [], {}, [["x"]], {"x": 1}, "x\ny", "\u202ex",
]  # fmt: skip


@pytest.mark.parametrize("value", ODD, ids=[str(number) for number in range(len(ODD))])
async def test_odd_arguments_are_refused_and_break_nothing(desk: Desk, value: Any):
    for token, tool, name in (
        (desk.agent_token, "exchange_token", "resource"),
        (desk.agent_token, "release", "grant_id"),
        (desk.agent_token, "explain_denial", "evaluation_id"),
        (desk.agent_token, "list_my_delegations", "cursor"),
        (desk.own_token, "revoke_delegation", "grant_id"),
        (desk.own_token, "list_activity", "grant_id"),
    ):
        answer = await post(desk.w, token, tool_call(tool, {name: value}))
        assert answer.status_code in {200, 400, 413}, (tool, answer.text)
        if answer.status_code == 200:
            result = answer.json()["result"]
            text = result["content"][0]["text"] if result.get("isError") else ""
            assert "unexpected" not in text.lower()
            assert text != f"Error executing tool {tool}"


async def test_a_huge_request_is_refused_before_it_is_read(desk: Desk):
    message = tool_call("release", {"grant_id": "x" * 70_000})
    assert (await post(desk.w, desk.agent_token, message)).status_code == 413


async def test_a_method_that_is_not_open_and_a_header_that_lies_are_refused(desk: Desk):
    message = {"jsonrpc": "2.0", "id": 1, "method": "completion/complete", "params": {}}
    assert (await post(desk.w, desk.agent_token, message)).status_code == 403
    told = await post(
        desk.w, desk.agent_token, tool_call("exchange_token", {"resource": DOCS}),
        **{"Mcp-Name": "whoami", "Mcp-Method": "tools/call"},
    )  # fmt: skip
    assert told.status_code == 400


async def test_no_answer_may_be_kept(desk: Desk):
    message = tool_call("exchange_token", {"resource": DOCS})
    for token in (desk.agent_token, None):
        answer = await post(desk.w, token, message)
        assert answer.headers["cache-control"] == "no-store"


async def test_another_host_is_no_way_in(desk: Desk):
    answer = await post(desk.w, desk.agent_token, tool_call("whoami", {}), Host="attacker.example")
    assert answer.status_code == 421
    there = "https://attacker.example"
    answer = await post(desk.w, desk.agent_token, tool_call("whoami", {}), Origin=there)
    assert answer.status_code == 403


@requirement("own-mcp:listed-as-callable")
async def test_the_list_shows_what_the_caller_may_call(desk: Desk):
    async def listed(token: str) -> set[str]:
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        answer = await post(desk.w, token, message)
        return {tool["name"] for tool in answer.json()["result"]["tools"]}

    assert await listed(desk.agent_token) == {
        "whoami", "list_my_delegations", "check_permission", "explain_denial", "exchange_token",
        "delegate_to", "release", "request_access", "access_request_status",
    }  # fmt: skip
    assert await listed(desk.own_token) == {
        "list_delegations", "list_activity", "narrow_delegation", "revoke_delegation",
        "list_approvals", "deny_approval",
    }  # fmt: skip
    narrow = await desk.token_of(desk.ada, desk.grant, desk.a, "mandate:delegate")
    assert await listed(narrow) == {"delegate_to"}
