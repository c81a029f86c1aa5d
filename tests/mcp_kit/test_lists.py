"""What a list shows is what a call may do: one decision for both."""

import random
from typing import Any

import pytest

from authz.resources import tool_object
from mcp_tools.guard import guard
from tests.mcp_kit.archive import META, MODERN, RESOURCE, Archive, call, failed, post, rpc
from tests.requirements import requirement


async def _names(archive: Archive, token: str, http: Any) -> set[str]:
    answer = await post(http, token, rpc("tools/list"))
    assert answer.status_code == 200, answer.text
    return {tool["name"] for tool in answer.json()["result"]["tools"]}


def _relation_on_itself(archive: Archive) -> str:
    name = tool_object(RESOURCE, "wipe")

    archive.add_wipe(guard(scope="docs:read", relation="caller", object=name))
    return name


@requirement("mcp:list:same-decision")
async def test_a_tool_with_a_relation_on_itself_is_listed_for_its_callers_alone(
    archive: Archive,
) -> None:
    name = _relation_on_itself(archive)
    token = archive.token()
    async with archive.open() as http:
        assert "wipe" not in await _names(archive, token, http)
        assert failed(await call(http, token, "wipe"))
        archive.issuer.rules.allow("usr_ann", "caller", name)
        assert "wipe" in await _names(archive, token, http)
        assert not failed(await call(http, token, "wipe"))


async def test_a_list_is_one_request_to_mandate_with_each_question_once(archive: Archive) -> None:
    _relation_on_itself(archive)
    async with archive.open() as http:
        await _names(archive, archive.token(), http)
    asked = [body for kind, body in archive.issuer.endpoints.asked if kind == "evaluations"]
    assert len(asked) == 1
    properties = [each["action"]["properties"] for each in asked[0]["evaluations"]]
    assert {each["tool"] for each in properties} == {"tools/list"}
    # read, read_all and whoami ask the same; health, profile and wipe each something else.
    assert sorted((each["principal"], each.get("relation", "")) for each in properties) == [
        ("agent", ""),
        ("delegated", ""),
        ("delegated", "caller"),
        ("user", ""),
    ]


@requirement("mcp:list:fails-closed")
@pytest.mark.parametrize("method", ["tools/list", "resources/list"])
async def test_nothing_is_listed_while_mandate_cannot_be_asked(
    archive: Archive, method: str
) -> None:
    @archive.mcp.resource("archive://guarded")
    @guard(scope="docs:read")
    def guarded() -> str:
        return "guarded"

    token = archive.token()
    async with archive.open() as http:
        assert (await post(http, token, rpc(method))).status_code == 200
        archive.issuer.rules.unavailable = True
        answer = await post(http, token, rpc(method))
    assert "checker_unavailable" in answer.json()["error"]["message"]
    assert "result" not in answer.json()


@requirement("mcp:list:dead-delegation")
@pytest.mark.parametrize(
    ("ended", "reason"),
    [("dlg_7", "delegation_revoked"), ("agt_a", "agent_suspended"), ("usr_ann", "user_disabled")],
)
async def test_a_dead_delegation_lists_nothing_and_says_why(
    archive: Archive, ended: str, reason: str
) -> None:
    token = archive.token(grant_id="dlg_7")
    async with archive.open() as http:
        assert await _names(archive, token, http)
        archive.issuer.rules.end(ended, reason)
        answer = await post(http, token, rpc("tools/list"))
        assert answer.json()["error"]["data"]["reason"] == reason
        assert answer.json()["error"]["code"] == -32011


async def test_a_hidden_tool_that_is_called_by_name(archive: Archive) -> None:
    _relation_on_itself(archive)
    token = archive.token(scopes=["docs:read"])
    async with archive.open() as http:
        shown = await _names(archive, token, http)
        assert "wipe" not in shown
        assert "move" not in shown
        assert failed(await call(http, token, "wipe"))
        refused = await call(http, token, "move", document_id="1", folder_id="9")
        assert refused.status_code == 403
    assert archive.ran == []


async def test_an_answer_with_one_decision_too_few_lists_nothing(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    from starlette.responses import JSONResponse

    token = archive.token()
    yes = {"decision": True, "context": {"sub": "usr_ann"}}
    answers: list[Any] = [[yes], [yes] * 9, None, [1, 2, 3, 4]]

    async def short(request: Any) -> JSONResponse:
        return JSONResponse({"evaluations": answers.pop(0)})

    for route in archive.issuer.app.routes:
        if getattr(route, "path", "") == "/access/v1/evaluations":
            monkeypatch.setattr(route, "app", _plain(short))
    async with archive.open() as http:
        for _ in range(4):
            answer = await post(http, token, rpc("tools/list"))
            assert "result" not in answer.json()


def _plain(handler: Any) -> Any:
    from starlette.requests import Request

    async def app(scope: Any, receive: Any, send: Any) -> None:
        response = await handler(Request(scope, receive))
        await response(scope, receive, send)

    return app


async def test_offline_a_tool_that_names_objects_is_not_listed(archive: Archive) -> None:
    offline = archive.build(offline=True, client_id=None, client_secret=None)
    async with offline.open() as http:
        assert await _names(offline, offline.token(), http) == {"whoami", "health", "profile"}


@pytest.mark.parametrize("offline", [False, True])
@requirement("mcp:list:same-decision")
async def test_list_and_call_agree_over_random_rules(archive: Archive, offline: bool) -> None:
    chance = random.Random(20_261_125)
    if offline:
        archive.build(offline=True, client_id=None, client_secret=None)
    scopes, objects = ["a:1", "a:2", "a:3"], ["folder:x", "folder:y", "document:z"]
    tools: dict[str, bool] = {}
    for number in range(60):
        rule: dict[str, Any] = {
            "scope": " ".join(chance.sample(scopes, chance.randint(1, 2))),
            "principal": chance.choice(["delegated", "agent", "user", "agent user", "person"]),
        }
        argument = False
        if chance.random() < 0.7:
            templates = chance.sample(objects, chance.randint(1, 2))
            argument = chance.random() < 0.4
            rule |= {"relation": chance.choice(["viewer", "editor"])}
            rule["object"] = [*templates, "document:{id}"] if argument else templates
        name = f"tool_{number}"

        def body(id: str = "z") -> str:
            return id

        archive.mcp.tool(name=name)(guard(**rule, tool=name)(body))
        tools[name] = argument
    compared = allowed = 0
    async with archive.open() as http:
        for _ in range(25):
            archive.issuer.rules.tuples.clear()
            for user in ("usr_ann", "agt_a"):
                for relation in ("viewer", "editor"):
                    held = chance.sample(objects, chance.randint(0, 3))
                    archive.issuer.rules.allow(user, relation, *held)
            who: dict[str, Any] = chance.choice(
                [{}, {"user": None}, {"agent": None}, {"agent": ["agt_b", "agt_a"]}]
            )
            granted = chance.sample(scopes, chance.randint(1, 3))
            token = archive.token(scopes=granted, **who)
            listed = await _names(archive, token, http)
            for name in chance.sample(sorted(tools), 12):
                answer = await call(http, token, name, id="z")
                may = answer.status_code == 200 and not failed(answer)
                # What an argument will name is not known to a list; all else is.
                assert may is (name in listed) or (tools[name] and not may and not offline)
                compared, allowed = compared + 1, allowed + may
    assert allowed > 10
    assert compared - allowed > 10


async def test_lists_are_private_to_the_caller_in_the_newest_revision(archive: Archive) -> None:
    async with archive.open() as http:
        for method in ("tools/list", "resources/list", "prompts/list", "resources/templates/list"):
            answer = await post(
                http,
                archive.token(),
                rpc(method, {"_meta": META}),
                version=MODERN,
                headers={"mcp-method": method},
            )
            assert answer.json()["result"]["cacheScope"] == "private", method
