"""What the helpers of workloads and enterprises send, to whom, and what they do with refusals."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import pytest

from mcp_tools.client.credentials import ClientSecret
from mcp_tools.client.enterprise import IdentityAssertionAuth, IdentityProvider
from mcp_tools.client.errors import AuthorityEnded, InsufficientScope, TryAgain, WrongServer
from mcp_tools.client.workload import TokenFile, WorkloadAuth
from tests.support.clock import FrozenClock

ISSUER = "https://mandate.example"
IDP = "https://idp.example"
RESOURCE = "https://docs.example/mcp"
GOOD = {"access_token": "at", "token_type": "Bearer", "expires_in": 300, "scope": "docs:read"}


class Server:
    """An issuer that answers as a test says, and what it was asked."""

    def __init__(self, issuer: str, *answers: tuple[int, dict[str, Any]]) -> None:
        self.issuer = issuer
        self.answers = list(answers) or [(200, GOOD)]
        self.forms: list[dict[str, str]] = []
        self.headers: list[httpx2.Headers] = []
        self.http = httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        assert str(request.url).startswith(self.issuer)
        if request.method == "GET":
            document = {
                "issuer": self.issuer, "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
            }  # fmt: skip
            return httpx2.Response(200, json=document)
        self.forms.append(dict(parse_qsl(request.content.decode())))
        self.headers.append(request.headers)
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return httpx2.Response(status, json=body)


def workload(server: Server, clock: FrozenClock, token: Any = lambda: "wl", **kw: Any):
    return WorkloadAuth(
        issuer=ISSUER, token=token, resource=RESOURCE, scope="docs:read", http=server.http,
        clock=clock, **kw,
    )  # fmt: skip


async def call(
    auth: httpx2.Auth, answer: Callable[[httpx2.Request], httpx2.Response], url: str = RESOURCE
) -> httpx2.Response:
    transport = httpx2.MockTransport(answer)
    async with httpx2.AsyncClient(transport=transport, auth=auth) as http:
        return await http.post(url)


async def test_a_workload_sends_its_token_and_nothing_that_names_a_client(clock: FrozenClock):
    server = Server(ISSUER)
    token = await workload(server, clock).token()
    assert token.value == "at"
    assert server.forms == [
        {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "wl",
            "resource": RESOURCE, "scope": "docs:read",
        }
    ]  # fmt: skip
    assert "authorization" not in server.headers[0]
    assert "wl" not in repr(token)


async def test_the_file_is_read_anew_for_each_token(clock: FrozenClock, tmp_path: Path):
    server, file = Server(ISSUER), tmp_path / "token"
    file.write_text("first\n")
    auth = workload(server, clock, TokenFile(file))
    await auth.token()
    file.write_text("second\n")
    await auth.token()
    clock.advance(seconds=291)
    await auth.token()
    assert [form["assertion"] for form in server.forms] == ["first", "second"]
    file.unlink()
    clock.advance(seconds=291)
    with pytest.raises(FileNotFoundError):
        await auth.token()


async def test_both_legs_send_what_is_for_them_and_no_more(clock: FrozenClock):
    jag = {**GOOD, "access_token": "jag", "token_type": "N_A"}
    at_idp, there = Server(IDP, (200, jag)), Server(ISSUER)

    async def id_token() -> str:
        return "idt"

    idp = IdentityProvider(
        issuer=IDP, credentials=ClientSecret("c1", "s1"), id_token=id_token, http=at_idp.http
    )
    auth = IdentityAssertionAuth(
        issuer=ISSUER, credentials=ClientSecret("c2", "s2"), resource=RESOURCE,
        assertion=idp.assertion, http=there.http, clock=clock,
    )  # fmt: skip
    sent: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.headers["authorization"])
        return httpx2.Response(200)

    await call(auth, answer)
    assert sent == ["Bearer at"]
    assert at_idp.forms == [
        {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "requested_token_type": "urn:ietf:params:oauth:token-type:id-jag",
            "audience": ISSUER, "resource": RESOURCE, "subject_token": "idt",
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        }
    ]  # fmt: skip
    [form] = there.forms
    assert form == {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "jag",
        "resource": RESOURCE,
    }  # fmt: skip
    # Each server sees its own client's secret, and nothing of the other leg.
    assert at_idp.headers[0]["authorization"] != there.headers[0]["authorization"]


async def test_an_access_token_is_no_assertion_and_the_reverse(clock: FrozenClock):
    idp = IdentityProvider(
        issuer=IDP, credentials=ClientSecret("c", "s"), id_token=lambda: "idt",
        http=Server(IDP, (200, GOOD)).http,
    )  # fmt: skip
    with pytest.raises(TryAgain, match="unexpected_answer"):
        await idp.assertion(ISSUER, RESOURCE)
    server = Server(ISSUER, (200, {**GOOD, "token_type": "N_A"}))
    with pytest.raises(TryAgain, match="unexpected_answer"):
        await workload(server, clock).token()


async def test_a_401_leads_to_one_new_assertion_and_not_to_two(clock: FrozenClock):
    server = Server(ISSUER)
    answer = await call(workload(server, clock), lambda _: httpx2.Response(401))
    assert answer.status_code == 401
    assert len(server.forms) == 2


async def test_a_refusal_is_told_and_a_wider_scope_never_asked_for(clock: FrozenClock):
    refused = {"error": "invalid_grant", "reason": "assertion_refused", "action": "stop"}
    with pytest.raises(AuthorityEnded, match="assertion_refused"):
        await workload(Server(ISSUER, (400, refused)), clock).token()
    server = Server(ISSUER)
    challenge = 'Bearer error="insufficient_scope", scope="docs:read docs:write"'
    with pytest.raises(InsufficientScope) as told:
        await call(
            workload(server, clock),
            lambda _: httpx2.Response(403, headers={"www-authenticate": challenge}),
        )
    assert told.value.missing == "docs:write"
    assert len(server.forms) == 1


async def test_a_token_goes_to_its_own_server_alone(clock: FrozenClock):
    server = Server(ISSUER)
    for url in ("https://evil.example/mcp", "http://docs.example/mcp", "https://docs.example:1/"):
        with pytest.raises(WrongServer):
            await call(workload(server, clock), lambda _: httpx2.Response(200), url)
    assert server.forms == []
    with pytest.raises(ValueError, match="https"):
        WorkloadAuth(issuer="http://mandate.example", token=lambda: "wl", resource=RESOURCE)
