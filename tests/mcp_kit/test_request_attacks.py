"""Attacks on the edge by requests, named by attack: where the token is, what the body says."""

import httpx2
import pytest

from tests.mcp_kit.archive import LEGACY, META, MODERN, RESOURCE, Archive, call, post, rpc
from tests.requirements import requirement


@requirement("mcp:token:header-only", "mcp:prm:challenge")
async def test_a_token_in_the_query(archive: Archive) -> None:
    token = archive.token()
    async with archive.open() as http:
        for headers in ({}, {"authorization": f"Bearer {token}"}):
            answer = await http.post(
                f"{RESOURCE}?access_token={token}", json=rpc("ping"), headers=headers
            )
            assert answer.status_code == 400
            assert "invalid_request" in answer.headers["www-authenticate"]
        bare = await http.post(RESOURCE, json=rpc("ping"))
        assert bare.status_code == 401
        # RFC 6750 §3.1: who sends no token is told no error code.
        assert "error=" not in bare.headers["www-authenticate"]
        assert 'scope="docs:read docs:share docs:write"' in bare.headers["www-authenticate"]


async def test_a_token_in_a_form_body_or_a_cookie(archive: Archive) -> None:
    token = archive.token()
    async with archive.open() as http:
        form = await http.post(RESOURCE, data={"access_token": token})
        cookie = await http.post(
            RESOURCE, json=rpc("ping"), headers={"cookie": f"access_token={token}"}
        )
    assert form.status_code == cookie.status_code == 401


@requirement("mcp:400:malformed")
async def test_two_authorization_headers(archive: Archive) -> None:
    good, evil = archive.token(), archive.token(claims={"aud": "https://evil.test"})
    async with archive.open() as http:
        for first, second in ((good, evil), (evil, good), (good, good)):
            request = http.build_request(
                "POST",
                RESOURCE,
                json=rpc("ping"),
                headers=[("authorization", f"Bearer {each}") for each in (first, second)],
            )
            assert (await http.send(request)).status_code == 400


@pytest.mark.parametrize("scheme", ["Basic", "DPoP", "Token", "Bearer,", "bearer\t"])
async def test_another_scheme(archive: Archive, scheme: str) -> None:
    async with archive.open() as http:
        headers = {"authorization": f"{scheme} {archive.token()}"}
        assert (await post(http, None, rpc("ping"), headers=headers)).status_code == 401


@pytest.mark.parametrize("version", [MODERN, LEGACY, "2024-11-05"])
@pytest.mark.parametrize(
    "headers",
    [
        {"mcp-method": "tools/call", "mcp-name": "whoami"},
        {"mcp-method": "tools/list", "mcp-name": "move"},
        {"mcp-method": "ping"},
        {"mcp-name": "whoami"},
    ],
)
@requirement("mcp:header:mismatch")
async def test_headers_that_name_another_call_than_the_body(
    archive: Archive, version: str, headers: dict[str, str]
) -> None:
    token = archive.token(scopes=["docs:read", "docs:write"])
    arguments = {"document_id": "1", "folder_id": "9"}
    body = rpc("tools/call", {"name": "move", "arguments": arguments, "_meta": META})
    async with archive.open() as http:
        answer = await post(http, token, body, version=version, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == -32020
    assert archive.ran == []


async def test_the_newest_revision_without_its_headers(archive: Archive) -> None:
    body = rpc("tools/call", {"name": "whoami", "_meta": META})
    async with archive.open() as http:
        answer = await post(http, archive.token(), body, version=MODERN)
    assert answer.json()["error"]["code"] == -32020
    # The edge said so, before the SDK, which has other words.
    told = "mcp-method header does not match the request body"
    assert answer.json()["error"]["message"] == told


@pytest.mark.parametrize("version", [MODERN, LEGACY])
@pytest.mark.parametrize("names", [("whoami", "move"), ("move", "whoami")])
async def test_a_routing_header_twice(
    archive: Archive, version: str, names: tuple[str, str]
) -> None:
    body = rpc("tools/call", {"name": "whoami", "_meta": META})
    async with archive.open() as http:
        request = http.build_request(
            "POST",
            RESOURCE,
            json=body,
            headers=[
                ("authorization", f"Bearer {archive.token()}"),
                ("accept", "application/json, text/event-stream"),
                ("mcp-protocol-version", version),
                ("mcp-method", "tools/call"),
                *(("mcp-name", name) for name in names),
            ],
        )
        assert (await http.send(request)).json()["error"]["code"] == -32020


@requirement("mcp:403:insufficient-scope")
async def test_a_small_scope_cannot_call_a_tool_that_needs_more(archive: Archive) -> None:
    async with archive.open() as http:
        answer = await call(http, archive.token(), "move", document_id="1", folder_id="9")
    assert answer.status_code == 403
    challenge = answer.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="docs:write"' in challenge
    assert "resource_metadata=" in challenge
    assert archive.ran == []


@pytest.mark.parametrize("version", ["2025-03-26", LEGACY, "2024-11-05"])
@requirement("mcp:403:insufficient-scope")
async def test_a_batch_that_hides_a_second_call(archive: Archive, version: str) -> None:
    second = {"name": "move", "arguments": {"document_id": "1", "folder_id": "9"}}
    batch = [rpc("tools/call", {"name": "whoami"}), rpc("tools/call", second, 2)]
    async with archive.open() as http:
        answer = await post(http, archive.token(), batch, version=version)
    assert answer.status_code == 403
    assert 'scope="docs:read docs:write"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("version", ["2025-03-26", LEGACY])
async def test_a_batch_with_one_unguarded_tool_or_resource(archive: Archive, version: str) -> None:
    archive.add_wipe()
    good = rpc("tools/call", {"name": "read", "arguments": {"document_id": "1"}})
    bad = [
        rpc("tools/call", {"name": "wipe"}, 2),
        rpc("resources/read", {"uri": "archive://index"}, 2),
        rpc("prompts/get", {"name": "nothing"}, 2),
    ]
    async with archive.open() as http:
        for second in bad:
            for batch in ([good, second], [second, good]):
                answer = await post(http, archive.token(), batch, version=version)
                assert answer.status_code in {400, 403}, answer.text
    assert archive.ran == []


async def test_a_batch_under_a_revision_that_has_none(archive: Archive) -> None:
    batch = [rpc("tools/call", {"name": "whoami", "_meta": META})]
    batch.append(rpc("tools/call", {"name": "whoami", "_meta": META}, 2))
    headers = {"mcp-method": "tools/call", "mcp-name": "whoami"}
    async with archive.open() as http:
        answer = await post(http, archive.token(), batch, version=MODERN, headers=headers)
    assert answer.status_code == 400
    assert "batches" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"1",
        b"[]",
        b"[1]",
        b"{",
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","name":"move"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["move"]}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":["move"]}}',
        b'{"jsonrpc":"2.0","id":1,"method":7}',
        b'{"jsonrpc":"2.0","id":1}',
        b"[" * 100_000,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"ping"}',
    ],
)
@requirement("mcp:400:malformed")
async def test_a_body_with_two_meanings_or_none(archive: Archive, body: bytes) -> None:
    async with archive.open() as http:
        answer = await post(http, archive.token(), body)
    assert answer.status_code == 400
    assert "error" in answer.json()


async def test_a_body_deeper_than_any_call_needs(archive: Archive) -> None:
    async with archive.open() as http:
        for depth, status in ((60, 200), (70, 400)):
            nested = b"[" * depth + b"]" * depth
            body = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":%s}}' % nested
            assert (await post(http, archive.token(), body)).status_code == status


async def test_a_body_beyond_the_limit_is_not_read_to_its_end(archive: Archive) -> None:
    read = 0

    async def endless():
        nonlocal read
        while read < 100_000_000:
            read += 65_536
            yield b" " * 65_536

    async with archive.open() as http:
        answer = await http.post(
            RESOURCE,
            content=endless(),
            headers={"authorization": f"Bearer {archive.token()}"},
        )
    assert answer.status_code == 413
    assert read < 3_000_000


async def test_a_strangers_body_is_not_read_at_all(archive: Archive) -> None:
    read = []

    async def body():
        read.append(1)
        yield b"{}"

    async with archive.open() as http:
        assert (await http.post(RESOURCE, content=body())).status_code == 401
    assert read == []


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "OPTIONS", "HEAD", "PATCH"])
@pytest.mark.parametrize("path", ["/mcp", "/", "/other", "/mcp/../mcp", "//mcp"])
async def test_no_method_and_no_path_is_open(archive: Archive, method: str, path: str) -> None:
    async with archive.open() as http:
        answer = await http.request(method, f"http://127.0.0.1:8765{path}")
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "method", ["resources/read", "prompts/get", "resources/subscribe", "completion/complete", "x"]
)
async def test_methods_without_a_scope_are_closed(archive: Archive, method: str) -> None:
    body = rpc(method, {"uri": "archive://index", "name": "index"})
    async with archive.open() as http:
        assert (await post(http, archive.token(), body)).status_code == 403


async def test_a_method_that_is_opened_needs_its_scope(archive: Archive) -> None:
    archive.build(methods={"resources/read": "archive:index"})
    body = rpc("resources/read", {"uri": "archive://index"})
    async with archive.open() as http:
        refused = await post(http, archive.token(), body)
        assert 'scope="archive:index"' in refused.headers["www-authenticate"]
        allowed = await post(http, archive.token(scopes=["archive:index"]), body)
    assert "the index" in allowed.text


async def test_another_host_or_origin_is_refused_by_the_transport(archive: Archive) -> None:
    async with archive.open() as http:
        rebound = await post(http, archive.token(), rpc("ping"), headers={"host": "evil.test"})
        foreign = await post(
            http, archive.token(), rpc("ping"), headers={"origin": "https://evil.test"}
        )
    assert rebound.status_code == 421
    assert foreign.status_code == 403


async def test_a_websocket_is_closed(archive: Archive) -> None:
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "websocket.connect"}

    await archive.edge({"type": "websocket", "path": "/mcp", "headers": []}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


@requirement("mandate:log:no-secret")
async def test_no_answer_and_no_representation_shows_a_token(
    archive: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    good, forged = archive.token(), archive.token(claims={"aud": "https://evil.test"})
    answers: list[httpx2.Response] = []
    async with archive.open() as http:
        answers.append(await call(http, forged, "whoami"))
        answers.append(await call(http, good, "move", document_id="1", folder_id="2"))
        answers.append(await call(http, good, "read", document_id="9"))
        archive.issuer.rules.unavailable = True
        answers.append(await call(http, good, "read", document_id="1"))
    for token in (good, forged):
        signature = token.rpartition(".")[2]
        assert signature not in caplog.text
        assert all(signature not in each.text for each in answers)
    assert "made-up" not in caplog.text
