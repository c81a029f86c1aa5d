"""Tokens that are believed by asking (RFC 7662): what the answer must say, and what it saves."""

from typing import Any

import httpx2
import pytest

from mcp_tools.errors import NotProtected
from tests.mcp_kit.archive import Archive, call, failed, post, rpc, text_of
from tests.requirements import requirement


@pytest.fixture
def asking(archive: Archive) -> Archive:
    return archive.build(verification="introspection")


@requirement("mcp:kit:introspection")
async def test_a_revoked_token_is_401_on_every_method(asking: Archive) -> None:
    token = asking.token(grant_id="dlg_7")
    async with asking.open() as http:
        assert text_of(await call(http, token, "read", document_id="1")).startswith("content of 1")
        assert failed(await call(http, token, "read", document_id="3"))
        assert (await post(http, token, rpc("ping"))).status_code == 200
        asking.issuer.rules.end("dlg_7")
        for body in (rpc("ping"), rpc("tools/list")):
            refused = await post(http, token, body)
            assert refused.status_code == 401
            assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    kinds = {kind for kind, _ in asking.issuer.endpoints.asked}
    assert "jwks" not in kinds
    assert "introspect" in kinds


GOOD = {"active": True, "iss": "https://issuer.test", "aud": "http://127.0.0.1:8765/mcp",
        "sub": "usr_ann", "client_id": "cli_a", "jti": "tok_1", "scope": "docs:read",
        "exp": 4_000_000_000, "act": {"sub": "agt_a"}}  # fmt: skip


@requirement("mcp:kit:introspection")
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 200),
        ({"aud": ["http://127.0.0.1:8765/mcp"]}, 200),
        ({"active": "true"}, 401),
        ({"active": 1}, 401),
        ({"active": None}, 401),
        ({"iss": "https://evil.test"}, 401),
        ({"iss": None}, 401),
        ({"aud": "http://127.0.0.1:8765/"}, 401),
        ({"aud": ["http://127.0.0.1:8765/mcp", "https://evil.test"]}, 401),
        ({"aud": None}, 401),
        ({"exp": 1}, 401),
        ({"exp": None}, 401),
        ({"exp": True}, 401),
        ({"exp": "4000000000"}, 401),
        ({"sub": None}, 401),
        ({"scope": ["docs:read"]}, 401),
        ({"act": "agt_a"}, 401),
        ({"act": {"sub": 7}}, 401),
        ({"may_act": {"sub": "agt_b"}}, 401),
        ({"cnf": {"x5t#S256": "a"}}, 401),
    ],
)
async def test_only_a_whole_answer_about_this_server_is_believed(
    archive: Archive, changes: dict[str, Any], status: int
) -> None:
    document = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    archive.build(verification="introspection", http=_answering(archive, 200, document))
    async with archive.open() as http:
        assert (await post(http, "opaque-token", rpc("ping"))).status_code == status


@pytest.mark.parametrize("status", [401, 500, 302])
async def test_without_an_answer_nothing_is_believed(archive: Archive, status: int) -> None:
    archive.build(verification="introspection", http=_answering(archive, status, GOOD))
    async with archive.open() as http:
        assert (await post(http, "opaque-token", rpc("ping"))).status_code == 503


async def test_a_token_beyond_any_length_is_not_asked_about(asking: Archive) -> None:
    async with asking.open() as http:
        assert (await post(http, "a" * 20_000, rpc("ping"))).status_code == 401
    assert asking.issuer.endpoints.asked == []


def test_it_needs_credentials_also_offline_and_no_other_word_is_taken(archive: Archive) -> None:
    with pytest.raises(NotProtected):
        archive.build(verification="introspection", offline=True, client_id=None)
    with pytest.raises(ValueError, match="verification"):
        archive.build(verification="none")


def _answering(archive: Archive, status: int, answer: Any) -> httpx2.AsyncClient:
    inner = httpx2.ASGITransport(app=archive.issuer.app)

    async def handle(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/introspect":
            return httpx2.Response(status, json=answer, headers={"location": "/elsewhere"})
        return await inner.handle_async_request(request)

    return httpx2.AsyncClient(transport=httpx2.MockTransport(handle))
