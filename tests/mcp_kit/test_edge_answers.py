"""What the edge's own answers look like to a client: the request's id, its status, white space."""

from typing import Any

import pytest

from tests.mcp_kit.archive import LEGACY, META, MODERN, Archive, post, rpc


@pytest.mark.parametrize("version", [MODERN, LEGACY])
@pytest.mark.parametrize("request_id", [7, "seven"])
async def test_a_refusal_carries_the_id_of_its_request(
    archive: Archive, version: str, request_id: int | str
) -> None:
    body = {**rpc("tools/call", {"name": "no_such_tool", "_meta": META}), "id": request_id}
    async with archive.open() as http:
        answer = await post(http, archive.token(), body, version=version)
    assert answer.status_code == 400
    assert answer.json()["id"] == request_id


@pytest.mark.parametrize("request_id", [True, None, {"a": 1}, [1], 1.5])
async def test_an_id_of_another_kind_is_not_repeated(archive: Archive, request_id: Any) -> None:
    body = {**rpc("tools/call", {"name": "no_such_tool"}), "id": request_id}
    async with archive.open() as http:
        answer = await post(http, archive.token(), body, version=LEGACY)
    assert answer.json()["id"] is None


async def test_a_refused_batch_names_none_of_its_ids(archive: Archive) -> None:
    batch = [rpc("ping"), rpc("tools/call", {"name": "no_such_tool"}, 2)]
    async with archive.open() as http:
        answer = await post(http, archive.token(), batch, version="2025-03-26")
    assert answer.json()["id"] is None


@pytest.mark.parametrize(("version", "status"), [(MODERN, 404), (LEGACY, 403)])
async def test_a_method_that_is_not_open_is_not_found(
    archive: Archive, version: str, status: int
) -> None:
    headers = {"mcp-method": "resources/subscribe"}
    body = rpc("resources/subscribe", {"uri": "notes://1", "_meta": META})
    async with archive.open() as http:
        answer = await post(http, archive.token(), body, version=version, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, -32601)
    assert answer.json()["id"] == 1


@pytest.mark.parametrize("name", ["  whoami", "whoami\t ", " whoami "])
async def test_white_space_around_a_header_is_no_part_of_it(archive: Archive, name: str) -> None:
    headers = {"mcp-method": "tools/call", "mcp-name": name}
    body = rpc("tools/call", {"name": "whoami", "_meta": META})
    async with archive.open() as http:
        answer = await post(http, archive.token(), body, version=MODERN, headers=headers)
    assert answer.status_code == 200
