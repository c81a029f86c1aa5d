"""Every revision, with sessions and without: each request is judged by its own token."""

from typing import Any

import pytest

from mcp_tools.guard import guard
from tests.mcp_kit.archive import META, MODERN, Archive, post, rpc
from tests.requirements import requirement

OLDER = ("2025-11-25", "2025-06-18", "2025-03-26")


async def _session(archive: Archive, http: Any, token: str, version: str) -> dict[str, str]:
    hello = {
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    answer = await post(http, token, rpc("initialize", hello), version=version)
    assert answer.status_code == 200
    session = answer.headers.get("mcp-session-id")
    headers = {"mcp-session-id": session} if session else {}
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    await post(http, token, ready, version=version, headers=headers)
    return headers


async def _ask(
    http: Any,
    token: str,
    method: str,
    params: dict[str, Any],
    version: str,
    headers: dict[str, str],
) -> Any:
    if version == MODERN:
        params = {**params, "_meta": META}
        headers = {
            "mcp-method": method,
            **({"mcp-name": params["name"]} if "name" in params else {}),
        }
    return await post(http, token, rpc(method, params), version=version, headers=headers)


@pytest.mark.parametrize(
    ("version", "stateless"),
    [(MODERN, True), (MODERN, False), *((each, s) for each in OLDER for s in (True, False))],
)
@requirement("mcp:kit:revisions")
async def test_calls_and_lists_follow_the_token_of_each_request(
    archive: Archive, version: str, stateless: bool
) -> None:
    archive.build(stateless=stateless)

    @archive.mcp.tool()
    @guard(scope="docs:read", relation="viewer", object="document:1")
    def first() -> str:
        return "first"

    mine = archive.token(grant_id="dlg_7")
    # The same person and client, with less: as after a narrowing.
    less = archive.token(grant_id="dlg_8", scopes=["docs:other"])
    async with archive.open() as http:
        headers = {} if version == MODERN else await _session(archive, http, mine, version)
        read = {"name": "read", "arguments": {"document_id": "1"}}

        async def names(token: str) -> set[str]:
            answer = await _ask(http, token, "tools/list", {}, version, headers)
            return {each["name"] for each in answer.json()["result"]["tools"]}

        assert {"read", "first"} <= await names(mine)
        assert await names(less) == set()
        assert "content of 1" in (await _ask(http, mine, "tools/call", read, version, headers)).text
        refused = await _ask(http, less, "tools/call", read, version, headers)
        assert refused.status_code == 403
        archive.issuer.rules.forbid("usr_ann", "viewer", "document:1")
        assert "first" not in await names(mine)
        denied = await _ask(http, mine, "tools/call", read, version, headers)
        assert denied.json()["result"]["isError"] is True
        archive.issuer.rules.end("dlg_7")
        ended = await _ask(http, mine, "tools/list", {}, version, headers)
        assert ended.json()["error"]["data"]["reason"] == "delegation_revoked"
    assert archive.ran == [("read", "1")]
