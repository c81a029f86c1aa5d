"""Who may come: a user with an agent, an agent as itself, a user alone."""

from mcp_tools.call import current_call
from mcp_tools.guard import guard
from tests.mcp_kit.archive import Archive, call, failed, post, rpc
from tests.requirements import requirement


@requirement("x8:guarded-tool-wants-delegation")
async def test_each_kind_of_principal_comes_only_where_it_is_expected(archive: Archive) -> None:
    tokens = {
        "delegated": archive.token(),
        "agent": archive.token(user=None),
        "user": archive.token(agent=None),
    }
    ran = set()
    async with archive.open() as http:
        for kind, token in tokens.items():
            for tool in ("whoami", "health", "profile"):
                if not failed(await call(http, token, tool)):
                    ran.add((kind, tool))
    assert ran == {
        ("delegated", "whoami"),
        ("delegated", "health"),
        ("delegated", "profile"),
        ("agent", "health"),
        ("user", "profile"),
    }


@requirement("x8:guarded-tool-wants-delegation")
async def test_a_tool_may_take_all_three_or_a_person_alone(archive: Archive) -> None:
    for principal in ("agent user", "person"):
        name = principal.replace(" ", "_")

        def tool() -> str:
            return current_call().principal

        archive.mcp.tool(name=name)(guard(scope="docs:read", principal=principal, tool=name)(tool))
    tokens = {
        "delegated": archive.token(),
        "agent": archive.token(user=None),
        "user": archive.token(agent=None),
    }
    ran = set()
    async with archive.open() as http:
        for kind, token in tokens.items():
            for tool_name in ("agent_user", "person"):
                if not failed(await call(http, token, tool_name)):
                    ran.add((kind, tool_name))
        shown = await post(http, tokens["delegated"], rpc("tools/list"))
    assert "person" not in {tool["name"] for tool in shown.json()["result"]["tools"]}
    assert ran == {
        ("delegated", "agent_user"),
        ("agent", "agent_user"),
        ("user", "agent_user"),
        ("user", "person"),
    }
