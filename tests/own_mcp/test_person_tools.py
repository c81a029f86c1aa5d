"""What a person sees and takes back by their own tool, and what an administrator does."""

from server.domain.audit import AuditTag
from server.domain.people import Role, UserStatus
from tests.own_mcp.conftest import ADMIN_SCOPES, PERSON_SCOPES, Desk
from tests.own_mcp.rpc import call, done, post, refused, tool_call
from tests.requirements import requirement
from tests.support.world import DOCS


async def test_a_person_lists_narrows_and_revokes_what_they_allow(desk: Desk):
    listed = await done(desk.w, desk.own_token, "list_delegations")
    assert [each["grant_id"] for each in listed["delegations"]] == [desk.grant.id]
    assert listed["delegations"][0]["agent"]["name"] == "alpha"
    left = await done(
        desk.w, desk.own_token, "narrow_delegation", grant_id=desk.grant.id,
        scopes=["docs:write"], objects=["folder:tax"],
    )  # fmt: skip
    at_docs = next(part for part in left["remains"]["authority"] if part["resource"] == DOCS)
    assert (at_docs["scopes"], at_docs["objects"]) == (["docs:read"], [])
    gone = await done(desk.w, desk.own_token, "revoke_delegation", grant_id=desk.grant.id)
    assert gone["closed"] == 1
    again = await done(desk.w, desk.own_token, "revoke_delegation", grant_id=desk.grant.id)
    assert again["closed"] == 0
    dead = await call(desk.w, desk.agent_token, "whoami")
    assert dead["structuredContent"]["reason"] == "delegation_revoked"
    ended = await done(desk.w, desk.own_token, "list_delegations", ended=True)
    assert [each["state"] for each in ended["delegations"]] == ["revoked"]


async def test_a_person_sees_what_was_done_in_their_name_and_in_nobody_elses(desk: Desk):
    await done(desk.w, desk.agent_token, "exchange_token", resource=DOCS)
    token = await desk.token_of(desk.ben, desk.bens, desk.a, "mandate:self")
    await done(desk.w, token, "whoami")
    seen = await done(desk.w, desk.own_token, "list_activity")
    assert {event["user_id"] for event in seen["events"]} == {desk.ada.id}
    what = [event["what"] for event in seen["events"]]
    assert "token:exchange" in what
    exchanged = seen["events"][what.index("token:exchange")]
    assert exchanged["agents"] == [desk.a.agent.id]
    assert exchanged["detail"]["through"] == "mcp"
    of_bens = await done(desk.w, desk.own_token, "list_activity", grant_id=desk.bens.id)
    assert of_bens["events"] == []


async def test_long_lists_come_in_pages(desk: Desk):
    for _ in range(30):
        await done(desk.w, desk.agent_token, "whoami")
    seen: list[str] = []
    cursor = None
    while True:
        page = await done(desk.w, desk.own_token, "list_activity", cursor=cursor)
        seen += [event["id"] for event in page["events"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) >= 30
    no = await refused(desk.w, desk.own_token, "list_activity", cursor="1' OR 1=1")
    assert no["reason"] == "malformed"


@requirement("own-mcp:person:own-only")
async def test_somebody_elses_delegation_is_as_an_unknown_one(desk: Desk):
    for tool, more in (
        ("revoke_delegation", {}),
        ("narrow_delegation", {"scopes": ["docs:read"]}),
    ):
        told = [
            await refused(desk.w, desk.own_token, tool, grant_id=grant_id, **more)
            for grant_id in (desk.bens.id, "dlg_unknown", "")
        ]
        assert told[0] == told[1] == told[2]
        assert told[0]["reason"] == "delegation_unknown"
    token = await desk.token_of(desk.ben, desk.bens, desk.a, "mandate:self")
    assert (await done(desk.w, token, "whoami"))["delegation"]["state"] == "live"


async def test_an_administrator_searches_and_revokes_anybodys(desk: Desk):
    await desk.w.set_user(desk.ada, role=Role.ADMIN)
    token = await desk.person_token(desk.ada, ADMIN_SCOPES)
    found = await done(desk.w, token, "search_delegations", text="ben@")
    assert [each["grant_id"] for each in found["delegations"]] == [desk.bens.id]
    trail = await done(desk.w, token, "search_audit", user_id=desk.ben.id)
    assert {event["user_id"] for event in trail["events"]} == {desk.ben.id}
    gone = await done(
        desk.w, token, "revoke_any_delegation", grant_id=desk.bens.id, why="Ben has left"
    )
    assert gone["closed"] == 1
    row = (await desk.w.audited(AuditTag.DELEGATION_REVOKED))[-1]
    assert (row[1], row[2]) == ("admin", desk.ben.id)


@requirement("own-mcp:admin:now")
async def test_who_is_no_administrator_now_is_refused_whatever_the_scopes(desk: Desk):
    token = await desk.person_token(desk.ada, ADMIN_SCOPES)
    calls = {
        "search_delegations": {},
        "search_audit": {},
        "revoke_any_delegation": {"grant_id": desk.bens.id, "why": "because"},
    }
    for tool, arguments in calls.items():
        assert (await refused(desk.w, token, tool, **arguments))["reason"] == "access_denied"
    await desk.w.set_user(desk.ada, role=Role.ADMIN)
    await done(desk.w, token, "search_audit")
    await desk.w.set_user(desk.ada, role=Role.USER)
    assert (await refused(desk.w, token, "search_audit"))["reason"] == "access_denied"


async def test_a_disabled_person_is_refused_at_once(desk: Desk):
    await desk.w.set_user(desk.ada, status=UserStatus.DISABLED)
    told = await call(desk.w, desk.own_token, "list_delegations")
    assert told["structuredContent"]["reason"] == "user_disabled"


async def test_the_scopes_of_a_person_are_asked_for_apart(desk: Desk):
    assert PERSON_SCOPES.isdisjoint(ADMIN_SCOPES)
    token = await desk.person_token(desk.ada, frozenset({"mandate:delegations"}))
    message = tool_call("revoke_delegation", {"grant_id": desk.grant.id})
    answer = await post(desk.w, token, message)
    assert answer.status_code == 403
    assert 'scope="mandate:withdraw"' in answer.headers["www-authenticate"]
