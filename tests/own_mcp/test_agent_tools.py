"""What an agent learns and does about its own authority."""

from typing import Any

from server.domain.audit import AuditTag
from tests.own_mcp.conftest import AGENT_SCOPES, Desk
from tests.own_mcp.rpc import call, done, refused
from tests.requirements import requirement
from tests.support.world import DOCS, NOTES


async def test_whoami_tells_agent_person_delegation_and_what_is_allowed(desk: Desk):
    told = await done(desk.w, desk.agent_token, "whoami")
    assert told["kind"] == "agent_for_user"
    assert told["agent"] == {"id": desk.a.agent.id, "name": "alpha"}
    assert told["chain"] == [told["agent"]]
    assert told["user_id"] == desk.ada.id
    assert told["client_id"] == desk.a.client.id
    assert told["scopes"] == sorted(AGENT_SCOPES)
    held = told["delegation"]
    assert (held["grant_id"], held["state"], held["purpose"]) == (desk.grant.id, "live", "Taxes")
    at_docs = next(part for part in held["authority"] if part["resource"] == DOCS)
    assert at_docs["scopes"] == ["docs:read", "docs:write"]
    assert at_docs["objects"] == ["folder:tax"]
    assert held["may_hand_on_to"] == [{"id": desk.b.agent.id, "name": "beta"}]
    assert told["token_expires_at"] == "2026-01-01T00:05:00Z"


async def test_an_agent_as_itself_learns_who_it_is_and_who_allows_it_what(desk: Desk):
    token = await _as_itself(desk)
    told = await done(desk.w, token, "whoami")
    assert (told["kind"], told["user_id"], told["delegation"]) == ("agent", None, None)
    listed = await done(desk.w, token, "list_my_delegations")
    assert {each["user_id"] for each in listed["delegations"]} == {desk.ada.id, desk.ben.id}


@requirement("own-mcp:list:own-user-only")
async def test_in_a_users_name_an_agent_sees_that_users_delegations_alone(desk: Desk):
    listed = await done(desk.w, desk.agent_token, "list_my_delegations")
    assert [each["grant_id"] for each in listed["delegations"]] == [desk.grant.id]
    ended = await done(desk.w, desk.agent_token, "list_my_delegations", ended=True)
    assert ended["delegations"] == []


@requirement("own-mcp:check:as-the-call")
async def test_check_permission_answers_as_the_call_itself(desk: Desk):
    async def allowed(scope: str, **more: Any) -> Any:
        return await done(
            desk.w, desk.agent_token, "check_permission", resource=DOCS, scopes=[scope], **more
        )

    yes = await allowed("docs:read", relation="viewer", object="document:t1")
    assert (yes["allowed"], yes["reason"], yes["action"]) == (True, None, None)
    not_consented = await allowed("docs:delete")
    assert (not_consented["allowed"], not_consented["reason"]) == (False, "consent_scope")
    assert not_consented["action"] == "consent"
    await desk.w.unrelate((f"user:{desk.ada.id}", "owner", "folder:tax"))
    no = await allowed("docs:read", relation="viewer", object="document:t1")
    assert (no["allowed"], no["reason"]) == (False, "object_denied")


@requirement("own-mcp:check:alike")
async def test_unknown_forbidden_and_impossible_objects_and_resources_answer_alike(desk: Desk):
    texts = set()
    for name in ("document:h1", "document:none", "document:a b", "note:1", "*", "document:1#x"):
        found = await done(
            desk.w, desk.agent_token, "check_permission", resource=DOCS, scopes=["docs:read"],
            relation="viewer", object=name,
        )  # fmt: skip
        texts.add((found["allowed"], found["reason"], found["message"]))
    assert len(texts) == 1
    resources = set()
    for uri in (NOTES, "https://nowhere.example/mcp"):
        found = await done(
            desk.w, desk.agent_token, "check_permission", resource=uri, scopes=["notes:read"]
        )
        resources.add((found["allowed"], found["reason"], found["message"]))
    assert len(resources) == 1


@requirement("own-mcp:check:as-the-call")
async def test_a_scope_that_the_client_may_not_ask_for_is_no_permission(desk: Desk):
    small = await desk.w.client("alpha-small", agent=desk.a.agent, scopes=AGENT_SCOPES)
    token = await desk.token_of(desk.ada, desk.grant, small, "mandate:self")
    found = await done(desk.w, token, "check_permission", resource=DOCS, scopes=["docs:read"])
    assert (found["allowed"], found["reason"]) == (False, "consent_scope")


async def test_an_agent_as_itself_is_told_what_it_may_do_as_itself(desk: Desk):
    token = await _as_itself(desk)

    async def asked(*scopes: str, **more: Any) -> tuple[bool, str | None]:
        found = await done(
            desk.w, token, "check_permission", resource=DOCS, scopes=list(scopes), **more
        )
        return found["allowed"], found["reason"]

    assert await asked("docs:read") == (True, None)
    assert await asked("docs:write") == (False, "ceiling_scope")
    on = {"relation": "viewer", "object": "document:t1"}
    assert await asked("docs:read", **on) == (False, "object_denied")
    await desk.w.relate((f"agent:{desk.a.agent.id}", "viewer", "document:t1"))
    assert await asked("docs:read", **on) == (True, None)


async def test_a_check_is_written_down_as_a_search_and_can_be_explained(desk: Desk):
    found = await done(
        desk.w, desk.agent_token, "check_permission", resource=DOCS, scopes=["docs:read"],
        relation="viewer", object="document:h1",
    )  # fmt: skip
    rows = await desk.w.audited(AuditTag.SEARCH)
    assert rows[-1][:2] == ("refused", "consent_object")
    told = await done(
        desk.w, desk.agent_token, "explain_denial", evaluation_id=found["evaluation_id"]
    )
    # The agent is told one reason for all about an object.
    assert (told["refused"], told["reason"], told["resource"]) == (True, "object_denied", DOCS)


async def test_a_refusal_at_another_server_is_explained(desk: Desk):
    exchanged = await done(
        desk.w, desk.agent_token, "exchange_token", resource=DOCS, scopes=["docs:read"]
    )
    question = {
        "subject": {"type": "access_token", "id": exchanged["access_token"]},
        "action": {"name": "docs:write", "properties": {"relation": "editor"}},
        "resource": {"type": "document", "id": "t1"},
    }
    answer = await desk.w.ask(desk.docs, question)
    assert answer["decision"] is False
    told = await done(
        desk.w, desk.agent_token, "explain_denial",
        evaluation_id=answer["context"]["evaluation_id"],
    )  # fmt: skip
    assert (told["reason"], told["action"]) == ("insufficient_scope", "consent")
    assert "user" in told["message"]


async def test_an_exchanged_token_is_narrow_short_and_the_same_as_by_the_endpoint(desk: Desk):
    found = await done(
        desk.w, desk.agent_token, "exchange_token", resource=DOCS, scopes=["docs:read"]
    )
    assert (found["resource"], found["scopes"]) == (DOCS, ["docs:read"])
    assert found["expires_in"] <= 120
    assert found["grant_id"] == desk.grant.id
    question = {
        "subject": {"type": "access_token", "id": found["access_token"]},
        "action": {"name": "docs:read", "properties": {"relation": "viewer"}},
        "resource": {"type": "document", "id": "t1"},
    }
    answer = await desk.w.ask(desk.docs, question)
    assert answer["decision"] is True
    assert answer["context"]["act"] == [desk.a.agent.id]
    rows = await desk.w.audited(AuditTag.EXCHANGE)
    assert rows[-1][0] == "done"
    assert rows[-1][2:5] == (desk.ada.id, f'["{desk.a.agent.id}"]', desk.grant.id)


@requirement("own-mcp:exchange:dies-with-parent")
async def test_what_was_exchanged_dies_with_the_token_it_came_from(desk: Desk):
    found = await done(desk.w, desk.agent_token, "exchange_token", resource=DOCS)
    question = {
        "subject": {"type": "access_token", "id": found["access_token"]},
        "action": {"name": "docs:read"},
    }
    assert (await desk.w.ask(desk.docs, question))["decision"] is True
    await desk.w.post("/revoke", {"token": desk.agent_token}, by=desk.a)
    assert (await desk.w.ask(desk.docs, question))["decision"] is False


async def test_work_is_handed_on_to_a_named_agent_within_ones_own(desk: Desk):
    part = {"resource": DOCS, "scopes": ["docs:read"], "objects": ["document:t1"]}
    found = await done(
        desk.w, desk.agent_token, "delegate_to", agent_id=desk.b.agent.id, authority=[part]
    )
    assert found["authority"] == [{**part, "name": "Docs"}]
    answer = await desk.w.exchange(desk.b, found["ticket"], resource=DOCS)
    assert answer.status_code == 200, answer.text
    question = {
        "subject": {"type": "access_token", "id": answer.json()["access_token"]},
        "action": {"name": "docs:read", "properties": {"relation": "viewer"}},
        "resource": {"type": "document", "id": "t1"},
    }
    decided = await desk.w.ask(desk.docs, question)
    assert decided["decision"] is True
    assert decided["context"]["act"] == [desk.b.agent.id, desk.a.agent.id]
    # The one who handed it on can give it back for the other; its own stays.
    gone = await done(
        desk.w, desk.agent_token, "release", grant_id=found["grant_id"], everything=True
    )
    assert (gone["closed"], gone["remains"]) == (1, None)
    assert (await desk.w.ask(desk.docs, question))["decision"] is False
    assert (await done(desk.w, desk.agent_token, "whoami"))["delegation"]["state"] == "live"


async def test_part_is_given_back_for_good(desk: Desk):
    left = await done(
        desk.w, desk.agent_token, "release", grant_id=desk.grant.id, scopes=["docs:write"],
        expires_in=3600,
    )  # fmt: skip
    assert left["closed"] == 0
    at_docs = next(part for part in left["remains"]["authority"] if part["resource"] == DOCS)
    assert at_docs["scopes"] == ["docs:read"]
    assert left["remains"]["expires_at"] == "2026-01-01T01:00:00Z"
    no = await refused(
        desk.w, desk.agent_token, "exchange_token", resource=DOCS, scopes=["docs:write"]
    )
    assert no["reason"] == "nothing_left"
    rows = await desk.w.audited(AuditTag.DELEGATION_NARROWED)
    assert rows[-1][:2] == ("done", "released")


async def test_all_is_given_back_and_the_token_is_dead_from_then_on(desk: Desk):
    gone = await done(desk.w, desk.agent_token, "release", grant_id=desk.grant.id, everything=True)
    assert (gone["closed"], gone["remains"]) == (1, None)
    result = await call(desk.w, desk.agent_token, "whoami")
    assert result["isError"]
    assert result["structuredContent"]["reason"] == "delegation_revoked"


async def test_a_released_delegation_can_be_handed_on_again(desk: Desk):
    part = {"resource": DOCS, "scopes": ["docs:read"]}

    async def hand_on() -> dict[str, Any]:
        return await done(
            desk.w, desk.agent_token, "delegate_to", agent_id=desk.b.agent.id, authority=[part]
        )

    first = await hand_on()
    await done(desk.w, desk.agent_token, "release", grant_id=first["grant_id"], everything=True)
    second = await hand_on()
    assert second["grant_id"] != first["grant_id"]


async def test_release_says_what_goes_and_not_both(desk: Desk):
    for arguments in ({}, {"everything": True, "scopes": ["docs:read"]}):
        no = await refused(desk.w, desk.agent_token, "release", grant_id=desk.grant.id, **arguments)
        assert no["reason"] == "malformed"


async def _as_itself(desk: Desk) -> str:
    answer = await desk.w.post(
        "/token",
        {"grant_type": "client_credentials", "resource": desk.mcp, "scope": "mandate:self"},
        by=desk.a,
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])
