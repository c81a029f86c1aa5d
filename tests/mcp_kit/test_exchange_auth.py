"""What an agent's client does with refusals, and what it never does by itself."""

import json
from collections.abc import Iterator

import anyio
import anyio.lowlevel
import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from authz.jose import Audience, check_claims, from_jwk, key_set, split, to_jwk, verify_jws
from mcp_tools.client.connect import connect
from mcp_tools.client.credentials import ClientSecret, Credentials, PrivateKeyJwt
from mcp_tools.client.errors import (
    AuthorityEnded,
    ConsentRequired,
    InsufficientScope,
    NotGranted,
    TryAgain,
    WrongServer,
)
from mcp_tools.client.exchange_auth import TokenExchangeAuth
from mcp_tools.edge import Edge
from mcp_tools.testing.issuer import ThrowawayIssuer
from mcp_tools.testing.loopback import serve
from tests.mcp_kit.archive import RESOURCE, Archive, rpc
from tests.requirements import requirement
from tests.support.clock import FrozenClock

MADE_UP = "made-up-client-secret"


@pytest.fixture
def served(clock: FrozenClock) -> Iterator[Archive]:
    archive = Archive(clock, ThrowawayIssuer(clock=clock))
    archive.issuer.rules.allow("usr_ann", "viewer", "document:1")

    def build(url: str) -> Edge:
        archive.resource = f"{url}/mcp"
        return archive.build(stateless=False, json_response=False).edge

    with serve(build):
        yield archive


def _auth(
    archive: Archive,
    scope: str = "docs:read",
    *,
    credentials: Credentials | None = None,
    **settings: object,
) -> TokenExchangeAuth:
    agent_uri = f"{archive.issuer.url}/agents/agt_a"
    subject = archive.issuer.token(
        user="usr_ann",
        agent="agt_a",
        scopes=["docs:read", "docs:write"],
        resource=agent_uri,
        grant_id="dlg_7",
        expires_in=3600,
    )
    given = {"subject_token": subject, "resource": archive.resource, **settings}
    return TokenExchangeAuth(
        issuer=archive.issuer.url,
        credentials=credentials or ClientSecret("a", MADE_UP),
        scope=scope,
        http=archive.issuer.http(),
        clock=archive.clock,
        **given,  # type: ignore[arg-type]
    )


def _forms(archive: Archive) -> list[dict[str, str]]:
    return [dict(form) for kind, form in archive.issuer.endpoints.asked if kind == "token"]


@requirement("mcp:client:resource")
async def test_an_agent_calls_a_tool_for_the_user(served: Archive) -> None:
    async with connect(_auth(served)) as mcp:
        told = (await mcp.call_tool("whoami", {})).structured_content
        read = await mcp.call_tool("read", {"document_id": "1"})
    assert told is not None
    assert (told["principal"], told["agents"]) == ("user:usr_ann", ["agt_a"])
    assert told["grant_id"] == "dlg_7"
    assert read.structured_content == {"result": "content of 1 for user:usr_ann"}
    first, second = _forms(served)
    assert first == {"grant_type": "client_credentials"}
    assert second["resource"] == served.resource
    assert second["scope"] == "docs:read"
    assert second["actor_token"] != second["subject_token"]


async def test_the_sdks_own_client_takes_it_in_three_lines(served: Archive) -> None:
    async with (
        httpx2.AsyncClient(auth=_auth(served), trust_env=False) as http,
        Client(streamable_http_client(served.resource, http_client=http)) as mcp,
    ):
        assert not (await mcp.call_tool("read", {"document_id": "1"})).is_error


async def test_a_token_is_kept_until_shortly_before_it_expires(archive: Archive) -> None:
    auth = _auth(archive)
    first = await auth.token()
    archive.clock.advance(seconds=289)
    assert await auth.token() is first
    archive.clock.advance(seconds=1)
    assert (await auth.token()).value != first.value
    assert len(_forms(archive)) == 4  # actor and exchange, twice


async def test_a_401_leads_to_one_new_exchange_and_not_to_two(archive: Archive) -> None:
    sent = []

    def refuse(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.headers["authorization"])
        return httpx2.Response(401)

    transport = httpx2.MockTransport(refuse)
    async with httpx2.AsyncClient(transport=transport, auth=_auth(archive)) as http:
        assert (await http.post(RESOURCE, json=rpc("ping"))).status_code == 401
    assert len(set(sent)) == len(sent) == 2
    assert len(_forms(archive)) == 4  # the actor token may have ended as well


async def test_a_403_is_told_and_nothing_more_is_asked_for(archive: Archive) -> None:
    def refuse(request: httpx2.Request) -> httpx2.Response:
        challenge = 'Bearer error="insufficient_scope", scope="docs:read docs:write"'
        return httpx2.Response(403, headers={"www-authenticate": challenge})

    transport = httpx2.MockTransport(refuse)
    async with httpx2.AsyncClient(transport=transport, auth=_auth(archive)) as http:
        with pytest.raises(InsufficientScope) as caught:
            await http.post(RESOURCE, json=rpc("ping"))
    assert (caught.value.needed, caught.value.missing) == ("docs:read docs:write", "docs:write")
    assert [form.get("scope") for form in _forms(archive)] == [None, "docs:read"]


async def test_a_403_of_a_tool_ends_the_call_and_not_the_session(served: Archive) -> None:
    async with connect(_auth(served)) as mcp:
        with pytest.raises(MCPError) as caught:
            await mcp.call_tool("move", {"document_id": "1", "folder_id": "2"})
        missing = InsufficientScope.of(caught.value)
        assert missing is not None
        assert missing.missing == "docs:write"
        assert not (await mcp.call_tool("read", {"document_id": "1"})).is_error
    assert len(_forms(served)) == 2


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"action": "consent", "reason": "consent_required"}, ConsentRequired),
        ({"action": "stop", "reason": "delegation_revoked"}, AuthorityEnded),
        ({"action": "retry", "reason": "token_expired"}, TryAgain),
        ({"action": "something new"}, NotGranted),
        ({}, NotGranted),
    ],
)
async def test_each_action_of_a_refusal_has_its_exception(
    archive: Archive, answer: dict[str, str], kind: type[NotGranted]
) -> None:
    auth = _auth(archive)
    await auth.token()
    archive.clock.advance(seconds=600)
    archive.issuer.endpoints.refusals = [{"error": "invalid_request", **answer}]
    with pytest.raises(NotGranted) as caught:
        await auth.token()
    assert type(caught.value) is kind
    assert caught.value.reason == answer.get("reason", "")
    # A refusal is not remembered: the next attempt asks again, with a new actor token.
    archive.clock.advance(seconds=-600)
    assert (await auth.token()).scope == "docs:read"


async def test_a_refused_exchange_is_tried_again_with_a_new_actor_token(archive: Archive) -> None:
    auth = _auth(archive)
    await auth.token()
    archive.issuer.endpoints.refusals = [{"error": "invalid_request", "reason": "token_revoked"}]
    agent_b = f"{archive.issuer.url}/agents/agt_b"
    with pytest.raises(NotGranted, match="token_revoked"):
        await auth.hand_over(agent_b, "docs:read")
    await auth.hand_over(agent_b, "docs:read")
    used = [form["actor_token"] for form in _forms(archive) if "actor_token" in form]
    assert used[0] == used[1] != used[2]


async def test_a_way_to_get_the_subject_token_is_used_by_one_at_a_time(served: Archive) -> None:
    auth = _auth(served)
    token, inside, most = str(auth._subject_token), 0, 0

    async def get() -> str:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        inside -= 1
        return token

    auth._subject_token = get
    agent_b = f"{served.issuer.url}/agents/agt_b"
    async with anyio.create_task_group() as group:
        group.start_soon(auth.token)
        for _ in range(3):
            group.start_soon(auth.hand_over, agent_b, "docs:read")
    assert most == 1


async def test_missing_consent_says_for_what(archive: Archive) -> None:
    with pytest.raises(ConsentRequired) as caught:
        await _auth(archive, "docs:read docs:delete").token()
    assert caught.value.scope == "docs:read docs:delete"
    assert caught.value.resource == RESOURCE


async def test_a_session_whose_agent_is_suspended_ends_with_the_reason(served: Archive) -> None:
    auth = _auth(served)

    async def work() -> None:
        async with connect(auth) as mcp:
            await mcp.call_tool("whoami", {})
            served.issuer.rules.end("agt_a", "agent_suspended")
            served.clock.advance(seconds=301)
            await mcp.call_tool("whoami", {})

    with pytest.raises(AuthorityEnded, match="agent_suspended"):
        await work()


async def test_an_exception_of_the_caller_is_not_wrapped(served: Archive) -> None:
    with pytest.raises(KeyError):
        async with connect(_auth(served)):
            raise KeyError("mine")


async def test_a_lost_issuer_is_try_again(archive: Archive) -> None:
    archive.issuer.rules.unavailable = True
    with pytest.raises(TryAgain):
        await _auth(archive).token()


async def test_the_token_goes_to_its_own_server_only(archive: Archive) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        pytest.fail("the request was sent")

    transport = httpx2.MockTransport(answer)
    async with httpx2.AsyncClient(transport=transport, auth=_auth(archive)) as http:
        for url in ("http://127.0.0.1:9999/mcp", "https://127.0.0.1:8765/mcp", "http://evil.test"):
            with pytest.raises(WrongServer):
                await http.get(url)


async def test_a_part_is_handed_over_to_another_agent(archive: Archive) -> None:
    agent_b = f"{archive.issuer.url}/agents/agt_b"
    part = {"resource": RESOURCE, "scopes": ["docs:read"], "objects": ["document:1"]}
    details = [{"type": "mandate", **part}]
    ticket = await _auth(archive, "docs:read docs:write").hand_over(agent_b, "docs:read", details)
    claims = split(ticket.value).unverified_payload()
    assert claims["aud"] == agent_b
    assert claims["may_act"] == {"sub": "agt_b"}
    form = _forms(archive)[-1]
    assert json.loads(form["authorization_details"]) == details
    assert (form["audience"], form["scope"], "resource" in form) == (agent_b, "docs:read", False)
    # The other agent goes on with it as its own subject token.
    of_b = _auth(archive, credentials=ClientSecret("b", MADE_UP), subject_token=ticket.value)
    chain = split((await of_b.token()).value).unverified_payload()["act"]
    assert chain == {"sub": "agt_b", "act": {"sub": "agt_a"}}


async def test_a_subject_token_may_be_fetched_when_it_is_needed(archive: Archive) -> None:
    given = []

    async def fetch() -> str:
        given.append(archive.token())
        return given[-1]

    auth = _auth(archive, subject_token=fetch)
    assert given == []
    await auth.token()
    await auth.token()
    assert len(given) == 1


async def test_a_client_may_prove_itself_by_its_key(archive: Archive) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    credentials = PrivateKeyJwt("a", key, "agent-key", archive.clock)
    await _auth(archive, credentials=credentials).token()
    forms = _forms(archive)
    public = from_jwk({**to_jwk(key.public_key()), "kid": "agent-key"})
    ids = set()
    for form in forms:
        keys = key_set({"keys": [{**to_jwk(key.public_key()), "kid": public.kid}]})
        payload = verify_jws(form["client_assertion"], keys, typ="jwt", algorithms=("ES256",))
        claims = check_claims(
            payload,
            issuer="a",
            audience=archive.issuer.url,
            audience_form=Audience.EXACT,
            now=archive.clock.now(),
            longest=60,
        )
        assert claims["sub"] == "a"
        ids.add(claims["jti"])
    assert len(ids) == len(forms) == 2


@requirement("mandate:log:no-secret")
async def test_nothing_that_is_shown_holds_a_secret(archive: Archive) -> None:
    auth = _auth(archive)
    token = await auth.token()
    archive.issuer.rules.end("dlg_7")
    archive.clock.advance(seconds=301)
    with pytest.raises(ConsentRequired, match="delegation_revoked") as caught:
        await auth.token()
    key = PrivateKeyJwt("a", ec.generate_private_key(ec.SECP256R1()), "k")
    shown = f"{token!r} {ClientSecret('a', MADE_UP)!r} {caught.value!r} {auth!r} {key!r}"
    assert MADE_UP not in shown
    assert token.value not in shown
    assert "PrivateKey object" not in shown
