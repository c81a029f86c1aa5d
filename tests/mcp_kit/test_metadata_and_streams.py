"""Resource metadata, real sockets, sessions and streams."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_tools.edge import Edge
from mcp_tools.resource_metadata import Resource
from mcp_tools.testing.issuer import ThrowawayIssuer
from mcp_tools.testing.loopback import serve
from tests.mcp_kit.archive import LEGACY, RESOURCE, Archive, rpc
from tests.requirements import requirement
from tests.support.clock import FrozenClock

WELL_KNOWN = "http://127.0.0.1:8765/.well-known/oauth-protected-resource"


@pytest.mark.parametrize("url", [WELL_KNOWN, f"{WELL_KNOWN}/mcp"])
@requirement("mcp:prm:published", "mcp:prm:resource-identical", "mcp:prm:no-offline-access")
async def test_both_forms_of_the_metadata_are_public(archive: Archive, url: str) -> None:
    async with archive.open() as http:
        answer = await http.get(url)
        assert answer.json() == {
            "resource": RESOURCE,
            "authorization_servers": ["https://issuer.test"],
            "scopes_supported": ["docs:read", "docs:share", "docs:write"],
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": [
                "ES256",
                "ES384",
                "EdDSA",
                "Ed25519",
                "RS256",
                "PS256",
            ],
            "resource_name": "archive",
        }
        assert answer.headers["cache-control"] == "max-age=300"
        assert (await http.head(url)).content == b""
        assert (await http.post(url)).status_code == 405
        assert (await http.get(f"{url}/other")).status_code == 401


@pytest.mark.parametrize(
    "uri",
    [
        "http://docs.example/mcp",
        "https://docs.example/mcp?a=b",
        "https://docs.example/mcp#a",
        "https://user@docs.example/mcp",
        "docs.example",
        "ftp://docs.example",
    ],
)
def test_a_resource_uri_that_cannot_be_safe_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="resource"):
        Resource(uri, "https://issuer.test")
    with pytest.raises(ValueError, match="issuer"):
        Resource(RESOURCE, uri)


def test_the_metadata_of_a_resource_at_the_root() -> None:
    root = Resource("https://docs.example", "https://issuer.test")
    assert root.metadata_url == "https://docs.example/.well-known/oauth-protected-resource"
    assert root.path == "/"


@contextmanager
def _on_a_socket(clock: FrozenClock) -> Iterator[Archive]:
    archive = Archive(clock, ThrowawayIssuer(clock=clock))

    def build(url: str) -> Edge:
        archive.resource = f"{url}/mcp"
        return archive.build(stateless=False, json_response=False).edge

    archive.issuer.rules.allow("usr_ann", "viewer", "document:1")
    with serve(build):
        yield archive


@asynccontextmanager
async def _session(archive: Archive, token: str, mode: str = "auto") -> AsyncIterator[Client]:
    headers = {"authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False) as http,
        Client(streamable_http_client(archive.resource, http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_two_callers_at_once_stay_apart_over_real_sockets(
    clock: FrozenClock, mode: str
) -> None:
    with _on_a_socket(clock) as archive:
        ann, ben = archive.token(), archive.token(user="usr_ben", agent="agt_b")
        async with (
            _session(archive, ann, mode) as of_ann,
            _session(archive, ben, mode) as of_ben,
        ):
            for _ in range(3):
                told = [await each.call_tool("whoami", {}) for each in (of_ann, of_ben)]
                assert [each.structured_content["principal"] for each in told] == [
                    "user:usr_ann",
                    "user:usr_ben",
                ]
            shown = await of_ann.list_tools()
            assert "read" in {tool.name for tool in shown.tools}
            assert "move" not in {tool.name for tool in shown.tools}


async def _initialize(http: httpx2.AsyncClient, archive: Archive, token: str) -> str:
    hello = {
        "protocolVersion": LEGACY,
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    answer = await http.post(
        archive.resource, json=rpc("initialize", hello), headers=_headers(token)
    )
    assert answer.status_code == 200, answer.text
    session = answer.headers["mcp-session-id"]
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    done = await http.post(archive.resource, json=ready, headers=_headers(token, session))
    assert done.status_code == 202
    return session


def _headers(token: str, session: str | None = None) -> dict[str, str]:
    headers = {
        "authorization": f"Bearer {token}",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": LEGACY,
    }
    return headers if session is None else {**headers, "mcp-session-id": session}


async def test_each_request_of_a_session_is_decided_by_its_own_token(clock: FrozenClock) -> None:
    with _on_a_socket(clock) as archive:
        async with httpx2.AsyncClient(trust_env=False) as http:
            first, second = (archive.token(grant_id=grant) for grant in ("dlg_1", "dlg_2"))
            session = await _initialize(http, archive, first)
            for token, grant in ((first, "dlg_1"), (second, "dlg_2"), (first, "dlg_1")):
                answer = await http.post(
                    archive.resource,
                    json=rpc("tools/call", {"name": "whoami", "arguments": {}}, 7),
                    headers=_headers(token, session),
                )
                assert f'"grant_id":"{grant}"' in answer.text.replace(" ", "")
            # And a stolen session id is of no use to another user.
            stranger = archive.token(user="usr_eve", agent="agt_a")
            stolen = await http.post(
                archive.resource, json=rpc("ping"), headers=_headers(stranger, session)
            )
            assert stolen.status_code == 404
            gone = await http.delete(archive.resource, headers=_headers(first, session))
            assert gone.status_code == 200
            nobody = await http.delete(archive.resource, headers={"mcp-session-id": session})
            assert nobody.status_code == 401


async def test_a_stream_ends_with_the_token_that_opened_it(clock: FrozenClock) -> None:
    with _on_a_socket(clock) as archive:
        async with httpx2.AsyncClient(trust_env=False, timeout=20) as http:
            token = archive.token(expires_in=60)
            session = await _initialize(http, archive, token)
            clock.advance(seconds=59, ms=800)
            async with http.stream(
                "GET", archive.resource, headers=_headers(token, session)
            ) as stream:
                assert stream.status_code == 200
                # Without the cut this waits for the client's timeout, and fails.
                assert [chunk async for chunk in stream.aiter_text() if "data:" in chunk] == []
