"""What a guard lets through, and what its tool learns."""

from typing import Annotated

import httpx2
import pytest
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.mcpserver import Context, Resolve

from authz.decision import Reason
from mcp_tools.call import current_call
from mcp_tools.decision import OBJECT_REASONS, SENTENCES
from mcp_tools.errors import NotProtected
from mcp_tools.guard import guard
from mcp_tools.protect import protect
from tests.mcp_kit.archive import META, RESOURCE, Archive, call, failed, post, rpc, text_of
from tests.requirements import requirement

GRANTED = {"type": "document", "id": "1", "decision": True}
OTHER = {"type": "document", "id": "2", "decision": True}
REFUSED = {"type": "document", "id": "1", "decision": False}


async def test_an_allowed_call_runs_and_is_asked_about_once(archive: Archive) -> None:
    async with archive.open() as http:
        answer = await call(http, archive.token(), "read", document_id="1")
    assert text_of(answer) == "content of 1 for user:usr_ann"
    questions = [body for kind, body in archive.issuer.endpoints.asked if kind == "evaluation"]
    assert len(questions) == 1
    assert questions[0]["action"] == {
        "name": "docs:read",
        "properties": {"tool": "read", "principal": "delegated", "relation": "viewer"},
    }
    assert questions[0]["resource"] == {"type": "document", "id": "1"}


@requirement("x11:alike-to-agent")
async def test_a_forbidden_an_unknown_and_an_impossible_object_read_alike(archive: Archive) -> None:
    archive.issuer.rules.allow("usr_ben", "viewer", "document:3")
    texts = set()
    async with archive.open() as http:
        for identifier in ("3", "999", "1 2", "*", "1#viewer", "", "\u202e1"):
            answer = await call(http, archive.token(), "read", document_id=identifier)
            assert failed(answer)
            texts.add(text_of(answer))
    assert len(texts) == 1
    assert "object_denied" in texts.pop()
    assert archive.ran == []
    # What cannot name an object is not even asked about.
    asked = [
        body["resource"]["id"]
        for kind, body in archive.issuer.endpoints.asked
        if kind == "evaluation"
    ]
    assert asked == ["3", "999"]


@requirement("mcp:tool:relation-is-result")
async def test_a_relations_denial_is_a_tool_result_and_no_challenge(archive: Archive) -> None:
    async with archive.open() as http:
        answer = await call(http, archive.token(), "read", document_id="3")
    assert answer.status_code == 200
    assert "www-authenticate" not in answer.headers


@requirement("x11:several-objects-all")
async def test_a_tool_on_two_objects_needs_both(archive: Archive) -> None:
    token = archive.token(scopes=["docs:write"])
    archive.issuer.rules.allow("usr_ann", "editor", "document:1")
    async with archive.open() as http:
        assert failed(await call(http, token, "move", document_id="1", folder_id="9"))
        archive.issuer.rules.allow("usr_ann", "editor", "folder:9")
        answer = await call(http, token, "move", document_id="1", folder_id="9")
    assert text_of(answer) == "moved"
    assert archive.ran == [("move", ("1", "9"))]


async def test_a_list_argument_needs_each_member_and_the_tool_gets_the_decided_ids(
    archive: Archive,
) -> None:
    async with archive.open() as http:
        token = archive.token()
        assert failed(await call(http, token, "read_all", document_ids=["1", "3"]))
        answer = await call(http, token, "read_all", document_ids=["1", "2", "1"])
    assert answer.json()["result"]["structuredContent"]["result"] == ["document:1", "document:2"]


@pytest.mark.parametrize("ids", [[], [str(number) for number in range(51)]])
async def test_no_object_or_too_many_are_refused_without_a_question(
    archive: Archive, ids: list[str]
) -> None:
    async with archive.open() as http:
        assert failed(await call(http, archive.token(), "read_all", document_ids=ids))
    assert not [kind for kind, _ in archive.issuer.endpoints.asked if kind == "evaluation"]


async def test_the_tool_learns_user_agents_grant_and_evaluation(archive: Archive) -> None:
    token = archive.token(agent=["agt_b", "agt_a"], grant_id="dlg_7")
    async with archive.open() as http:
        answer = await call(http, token, "whoami")
    told = answer.json()["result"]["structuredContent"]
    assert told["principal"] == "user:usr_ann"
    assert told["agents"] == ["agt_b", "agt_a"]
    assert told["grant_id"] == "dlg_7"
    assert told["evaluation_id"].startswith("aud_")


@requirement("mcp:token:no-passthrough")
async def test_a_tool_has_no_bytes_of_the_token_to_pass_on(archive: Archive) -> None:
    seen = []

    @archive.mcp.tool()
    @guard(scope="docs:read")
    def look(context: Context) -> str:
        request = context.request_context.request
        assert request is not None
        seen.extend([repr(current_call()), str(request.user.access_token), str(get_access_token())])
        return "seen"

    token = archive.token()
    async with archive.open() as http:
        assert not failed(await call(http, token, "look"))
    assert len(seen) == 3
    assert token.rpartition(".")[2] not in " ".join(seen)


def test_there_is_no_current_call_outside_a_guarded_tool() -> None:
    with pytest.raises(LookupError):
        current_call()


async def test_a_revoked_grant_is_refused_at_the_next_call_with_its_reason(
    archive: Archive,
) -> None:
    token = archive.token(grant_id="dlg_7")
    async with archive.open() as http:
        assert not failed(await call(http, token, "read", document_id="1"))
        archive.issuer.rules.end("dlg_7")
        answer = await call(http, token, "read", document_id="1")
    assert failed(answer)
    assert "delegation_revoked" in text_of(answer)
    assert archive.ran == [("read", "1")]


@requirement("mcp:down:503", "x11:error-denies")
async def test_no_allowance_survives_an_unreachable_mandate(archive: Archive) -> None:
    token = archive.token()
    async with archive.open() as http:
        assert not failed(await call(http, token, "read", document_id="1"))
        archive.issuer.rules.unavailable = True
        answer = await call(http, token, "read", document_id="1")
    assert failed(answer)
    assert "checker_unavailable" in text_of(answer)
    assert archive.ran == [("read", "1")]


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, {"decision": "true"}),
        (200, {"decision": 1}),
        (200, {"decision": True}),
        (200, {"decision": True, "context": {"sub": "usr_eve", "objects": [GRANTED]}}),
        (200, {"decision": True, "context": {"sub": "usr_ann"}}),
        (200, {"decision": True, "context": {"sub": "usr_ann", "objects": "all"}}),
        (200, {"decision": True, "context": {"sub": "usr_ann", "objects": [OTHER]}}),
        (200, {"decision": True, "context": {"sub": "usr_ann", "objects": [REFUSED]}}),
        (200, []),
        (401, {"decision": True, "context": {"sub": "usr_ann", "objects": [GRANTED]}}),
        (302, {"decision": True, "context": {"sub": "usr_ann", "objects": [GRANTED]}}),
        (503, {"decision": True, "context": {"sub": "usr_ann", "objects": [GRANTED]}}),
    ],
)
@requirement("x11:error-denies")
async def test_an_answer_that_is_no_clear_yes_to_this_question_is_a_no(
    archive: Archive, status: int, answer: object
) -> None:
    token = archive.token()
    archive.build(http=_answering(archive, status, answer))
    async with archive.open() as http:
        assert failed(await call(http, token, "read", document_id="1"))
    assert archive.ran == []


async def test_the_control_of_the_answers_above_is_a_yes(archive: Archive) -> None:
    answer = {"decision": True, "context": {"sub": "usr_ann", "objects": [GRANTED]}}
    archive.build(http=_answering(archive, 200, answer))
    async with archive.open() as http:
        assert not failed(await call(http, archive.token(), "read", document_id="1"))


def _answering(archive: Archive, status: int, answer: object) -> httpx2.AsyncClient:
    """Give the issuer's keys, and one answer to every evaluation."""
    inner = httpx2.ASGITransport(app=archive.issuer.app)

    async def handle(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/access/v1/evaluation":
            return httpx2.Response(status, json=answer, headers={"location": "/elsewhere"})
        return await inner.handle_async_request(request)

    return httpx2.AsyncClient(transport=httpx2.MockTransport(handle))


async def test_the_schema_hides_the_context_and_keeps_the_arguments(archive: Archive) -> None:
    tools = {tool.name: tool for tool in await archive.mcp.list_tools()}
    assert set(tools["read"].input_schema["properties"]) == {"document_id"}
    assert tools["read"].description == "Read one document."


async def test_the_list_shows_what_the_scopes_could_call(archive: Archive) -> None:
    async with archive.open() as http:
        shown = {}
        for scopes in (["docs:write"], ["docs:read"], []):
            body = rpc("tools/list")
            answer = await post(http, archive.token(scopes=scopes), body)
            shown[tuple(scopes)] = {tool["name"] for tool in answer.json()["result"]["tools"]}
    assert shown[("docs:write",)] == {"move"}
    assert shown[()] == set()
    assert shown[("docs:read",)] == {"read", "read_all", "whoami", "health", "profile"}


async def test_a_filtered_list_is_never_shared_by_caches(archive: Archive) -> None:
    async with archive.open() as http:
        body = rpc("tools/list", {"_meta": META})
        answer = await post(
            http, archive.token(), body, version="2026-07-28", headers={"mcp-method": "tools/list"}
        )
    assert answer.json()["result"]["cacheScope"] == "private"


async def test_what_a_call_shares_is_written_in_its_name(archive: Archive) -> None:
    archive.issuer.rules.allow("usr_ann", "owner", "document:1")
    token = archive.token(scopes=["docs:share"])
    async with archive.open() as http:
        refused = await call(http, token, "share", document_id="1", user="usr_eve")
        assert failed(refused)
        assert "sharing_not_consented" in text_of(refused)
        archive.issuer.rules.sharing = True
        assert not failed(await call(http, token, "share", document_id="1", user="usr_eve"))
    assert ("user:usr_eve", "viewer", "document:1") in archive.issuer.rules.tuples
    written = [body for kind, body in archive.issuer.endpoints.asked if kind == "relations"]
    assert {body["token"] for body in written} == {token}
    assert written[0]["labels"] == {"document:1": "One"}


def _protect(mcp: MCPServer) -> None:
    protect(
        mcp,
        issuer="https://issuer.test",
        resource=RESOURCE,
        client_id="archive",
        client_secret="made-up",
    )


def test_a_server_with_an_unguarded_tool_does_not_start() -> None:
    mcp: MCPServer = MCPServer("open")

    @mcp.tool()
    def wipe() -> str:
        return "gone"

    with pytest.raises(NotProtected, match="wipe"):
        _protect(mcp)


def test_a_guard_above_the_tool_decorator_does_not_start() -> None:
    mcp: MCPServer = MCPServer("upside down")

    @guard(scope="docs:write")
    @mcp.tool()
    def wipe() -> str:
        return "gone"

    with pytest.raises(NotProtected, match="wipe"):
        _protect(mcp)


def test_a_tool_under_another_name_than_its_guard_does_not_start() -> None:
    mcp: MCPServer = MCPServer("renamed")

    @mcp.tool(name="erase")
    @guard(scope="docs:write")
    def wipe() -> str:
        return "gone"

    with pytest.raises(NotProtected, match="erase"):
        _protect(mcp)


def _asked_first() -> str:
    return "ran before the guard"


def test_a_tool_whose_parameters_are_resolved_before_the_guard_does_not_start() -> None:
    mcp: MCPServer = MCPServer("resolved")

    @mcp.tool()
    @guard(scope="docs:write")
    def wipe(answer: Annotated[str, Resolve(_asked_first)]) -> str:
        return answer

    with pytest.raises(NotProtected, match="wipe"):
        _protect(mcp)


async def test_a_tool_that_is_added_unguarded_later_is_unknown(archive: Archive) -> None:
    archive.add_wipe()
    token = archive.token(scopes=["docs:read", "docs:write"])
    async with archive.open() as http:
        unguarded = await call(http, token, "wipe")
        unknown = await call(http, token, "no_such_tool")
        listed = await post(http, token, rpc("tools/list"))
    assert unguarded.status_code == unknown.status_code == 400
    assert unguarded.json() == unknown.json()
    assert "wipe" not in listed.text
    assert archive.ran == []


async def test_a_guarded_tool_refuses_outside_a_protected_server(archive: Archive) -> None:
    with pytest.raises(Exception, match="not_protected"):
        await archive.mcp.call_tool("read", {"document_id": "1"})
    assert archive.ran == []


@pytest.mark.parametrize(
    "rule",
    [
        {"scope": ""},
        {"scope": "docs:read", "relation": "viewer"},
        {"scope": "docs:read", "object": "document:{document_id}"},
        {"scope": "docs:read", "relation": "viewer", "object": "document:{nobody}"},
        {"scope": "docs:read", "relation": "viewer", "object": "document:{document_id}-x"},
        {"scope": "docs:read", "relation": "viewer", "object": "document:{document_id.__class__}"},
        {"scope": "docs:read", "relation": "viewer", "object": "{document_id}"},
        {"scope": "docs:read", "principal": "anybody"},
    ],
)
def test_a_rule_that_could_not_decide_is_an_error_where_it_is_written(rule: dict) -> None:
    def read(document_id: str) -> str:
        return document_id

    with pytest.raises(ValueError, match=r"."):
        guard(**rule)(read)


async def test_offline_checks_scope_alone_and_refuses_to_decide_objects(archive: Archive) -> None:
    offline = archive.build(offline=True, client_id=None, client_secret=None)
    token = offline.token(grant_id="dlg_7")
    async with offline.open() as http:
        offline.issuer.rules.end("dlg_7")
        # Documented: a revocation reaches an offline server at `exp`.
        assert not failed(await call(http, token, "whoami"))
        answer = await call(http, token, "read", document_id="1")
        assert failed(answer)
        assert "object_needs_online" in text_of(answer)
        offline.clock.advance(seconds=300)
        assert (await call(http, token, "whoami")).status_code == 401


def test_a_server_without_credentials_starts_only_when_offline_is_said() -> None:
    with pytest.raises(NotProtected):
        protect(MCPServer("x"), issuer="https://issuer.test", resource=RESOURCE)


def test_every_reason_of_the_wire_has_words_for_the_agent() -> None:
    told = set(SENTENCES) | OBJECT_REASONS
    assert {reason.value for reason in Reason} <= told
