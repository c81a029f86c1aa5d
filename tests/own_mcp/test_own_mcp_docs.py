"""docs/own-mcp.md says of each tool what the server does; and a model is told enough to pick."""

import re

from mcp.server import MCPServer

from mcp_tools.guard import rule_of
from mcp_tools.tools.scopes import SCOPES
from mcp_tools.tools.words import WORDS
from server.own_mcp.serving import serve
from tests.support.tree import ROOT
from tests.support.world import World

_ROW = re.compile(r"^\| `(\w+)` \| `([\w:]+)` \| ([\w ]+) \| ([\w ]+) \|$", re.MULTILINE)
_WHO = {"delegated": "agent for a user", "agent": "agent", "person": "person"}


def _mcp(w: World) -> MCPServer[None]:
    return serve(w.server.services, "1").mcp


async def test_the_table_of_tools_is_that_of_the_server(w: World):
    told = {row[0]: row[1:] for row in _ROW.findall((ROOT / "docs" / "own-mcp.md").read_text())}
    mcp = _mcp(w)
    served = {}
    for tool in await mcp.list_tools():
        found = mcp._tool_manager.get_tool(tool.name)
        assert found is not None
        rule, hints = rule_of(found.fn), tool.annotations
        assert rule is not None
        assert hints is not None
        does = "reads" if hints.read_only_hint else "takes away"
        does = does if hints.read_only_hint or hints.destructive_hint else "makes"
        served[tool.name] = (" ".join(rule.scopes), _WHO[rule.principal], does)
    assert told == served


async def test_each_tool_has_words_schemas_and_arguments_that_explain_themselves(w: World):
    tools = await _mcp(w).list_tools()
    assert {tool.name for tool in tools} == set(WORDS)
    for tool in tools:
        assert tool.title
        assert tool.description
        assert tool.output_schema
        for name, schema in tool.input_schema.get("properties", {}).items():
            options = [schema, *schema.get("anyOf", [])]
            assert any("description" in option for option in options), (tool.name, name)


def test_the_scopes_of_people_and_of_agents_are_apart():
    people = {scope.name for scope in SCOPES if scope.person}
    assert people == {
        "mandate:delegations", "mandate:withdraw", "mandate:audit", "mandate:admin",
    }  # fmt: skip
    # Whatever more is needed to act than to see is never ticked beforehand.
    assert {scope.name for scope in SCOPES if not scope.destructive} == {
        "mandate:self", "mandate:ask", "mandate:delegations",
    }  # fmt: skip
    assert [scope.name for scope in SCOPES if scope.default] == ["mandate:self"]
