"""A tool that takes a person without an agent, and nobody else."""

from mcp_tools.guard import guard
from tests.mcp_kit.archive import Archive, call, failed, post, rpc


async def test_a_persons_tool_takes_a_person_alone(archive: Archive) -> None:
    @archive.mcp.tool()
    @guard(scope="docs:read", principal="person")
    async def own() -> str:
        return "own"

    tokens = {
        "delegated": archive.token(),
        "agent": archive.token(user=None),
        "user": archive.token(agent=None),
    }
    async with archive.open() as http:
        came = {
            kind for kind, token in tokens.items() if not failed(await call(http, token, "own"))
        }
        shown = await post(http, tokens["delegated"], rpc("tools/list"))
    assert came == {"user"}
    assert "own" not in {tool["name"] for tool in shown.json()["result"]["tools"]}
