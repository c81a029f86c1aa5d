"""The `mcp` client calls the documents server: unmodified with code + PKCE, and by exchange."""

from collections.abc import Iterator
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider, OAuthFlowError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl

from mcp_tools.client.connect import connect
from mcp_tools.client.credentials import ClientSecret
from mcp_tools.client.errors import NotGranted
from mcp_tools.client.exchange_auth import TokenExchangeAuth
from tests.compatibility.record import Flow, passed
from tests.interop.scene import EVERY, Scene
from tests.requirements import requirement
from tests.support.documents import documents_server
from tests.support.live import CALLBACK, Live
from tests.support.person import Person
from tests.support.world import CHALLENGE, VERIFIER, Party


@pytest.fixture(scope="module")
def documents(mandate: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the documents server of the examples; yield its address."""
    scene: Scene = mandate.made
    with documents_server(
        tmp_path_factory.mktemp("documents"),
        issuer=mandate.issuer,
        resource=scene.resource,
        party=scene.documents,
    ) as resource:
        yield resource


class Memory:
    """The SDK's storage, with a client that was registered beforehand."""

    def __init__(self, party: Party, issuer: str) -> None:
        self.tokens: OAuthToken | None = None
        self.client = OAuthClientInformationFull(
            client_id=party.client.id,
            client_secret=party.secret,
            redirect_uris=[AnyUrl(CALLBACK)],
            token_endpoint_auth_method=party.client.auth.value,
            issuer=issuer,
        )

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        raise AssertionError("nothing is registered here")


class App:
    """The unmodified client, with a person who follows its links."""

    def __init__(self, party: Party, mandate: Live, ada: Person, **picks: Any) -> None:
        self.storage = Memory(party, mandate.issuer)
        self._mandate = mandate
        self._ada = ada
        self._picks = picks
        self.asked: dict[str, list[str]] = {}
        self._answer: dict[str, str] = {}

    async def go(self, url: str) -> None:
        self.asked = parse_qs(urlsplit(url).query)
        self._answer = dict(parse_qsl(urlsplit(self._ada.authorize(url, **self._picks)).query))

    async def come_back(self) -> AuthorizationCodeResult:
        told = self._answer
        return AuthorizationCodeResult(code=told["code"], state=told["state"], iss=told["iss"])

    async def call(self, resource: str, tool: str, **arguments: str) -> Any:
        """Call a tool; return its result, or what it was told instead."""
        auth = OAuthClientProvider(
            server_url=resource,
            client_metadata=OAuthClientMetadata(redirect_uris=[AnyUrl(CALLBACK)]),
            storage=self.storage,
            redirect_handler=self.go,
            callback_handler=self.come_back,
        )
        async with (
            httpx2.AsyncClient(auth=auth, trust_env=False, timeout=30) as http,
            Client(streamable_http_client(resource, http_client=http)) as client,
        ):
            return _result(await client.call_tool(tool, arguments))


def _result(answer: Any) -> Any:
    if answer.is_error:
        return answer.content[0].text
    found = answer.structured_content or {}
    return found.get("result", found)


@pytest.fixture
async def letter(mandate: Live, scene: Scene, ada: Person, documents: str) -> tuple[str, str]:
    """Let Ada write a letter with her own tool; return folder and document."""
    own = App(scene.own, mandate, ada, scope=EVERY)
    folder = (await own.call(documents, "create_folder", name="Letters"))["folder_id"]
    made = await own.call(
        documents, "create_document", folder_id=folder, title="Dear Bob", content="How are you?"
    )
    assert own.asked["resource"] == [documents]
    assert own.asked["code_challenge_method"] == ["S256"]
    return folder, made["document_id"]


@requirement("rfc8707:2.1:authorize", "mcp:token:audience")
async def test_the_unmodified_client_reads_what_was_picked_and_nothing_else(
    mandate: Live, scene: Scene, ada: Person, documents: str, letter: tuple[str, str]
):
    folder, document = letter
    app = App(scene.tool, mandate, ada, scope=["docs:read"], object=[f"folder:{folder}"])
    assert await app.call(documents, "read_document", document_id=document) == "How are you?"
    assert app.storage.tokens
    assert app.storage.tokens.scope == "docs:read"
    told = await app.call(documents, "list_folder", folder_id="fld_unknown")
    assert "object_denied" in str(told)


class Diverted(App):
    """The client after an answer that names another issuer, or none."""

    iss: str | None = None

    async def come_back(self) -> AuthorizationCodeResult:
        told = await super().come_back()
        return told.model_copy(update={"iss": self.iss})


@requirement("interop:wire:iss", "rfc9207:3:metadata")
async def test_the_client_goes_on_with_our_iss_alone(
    mandate: Live, scene: Scene, ada: Person, documents: str, letter: tuple[str, str]
):
    app = Diverted(scene.own, mandate, ada, scope=EVERY)
    for iss in (f"{mandate.issuer}/", mandate.issuer.upper(), None):
        app.iss = iss
        with pytest.RaisesGroup(OAuthFlowError, allow_unwrapped=True, flatten_subgroups=True):
            await app.call(documents, "list_folder", folder_id=letter[0])
        assert app.storage.tokens is None
    app.iss = mandate.issuer
    await app.call(documents, "list_folder", folder_id=letter[0])
    assert app.storage.tokens


@requirement("mcp:client:resource")
async def test_an_agent_reads_by_exchange_until_the_subject_is_given_back(
    mandate: Live, scene: Scene, ada: Person, documents: str, letter: tuple[str, str]
):
    folder, document = letter
    party = scene.agent
    assert party.secret
    async with httpx2.AsyncClient(base_url=mandate.issuer, trust_env=False) as http:
        query = httpx2.QueryParams(
            response_type="code", client_id=party.client.id, redirect_uri=CALLBACK,
            scope="docs:read docs:write", code_challenge=CHALLENGE, code_challenge_method="S256",
        )  # fmt: skip
        picks: dict[str, Any] = {"scope": ["docs:read"], "object": [f"folder:{folder}"]}
        callback = ada.authorize(f"{mandate.issuer}/authorize?{query}", **picks)
        code = dict(parse_qsl(urlsplit(callback).query))["code"]
        redeemed = await http.post(
            "/token", headers=party.basic,
            data={"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
                  "code_verifier": VERIFIER},
        )  # fmt: skip
        subject = redeemed.json()["access_token"]

        def auth(scope: str) -> TokenExchangeAuth:
            return TokenExchangeAuth(
                issuer=mandate.issuer,
                credentials=ClientSecret(party.client.id, party.secret or ""),
                subject_token=subject,
                resource=documents,
                scope=scope,
            )

        async with aclosing(auth("docs:read")) as own, connect(own) as mcp:
            read = _result(await mcp.call_tool("read_document", {"document_id": document}))
        assert read == "How are you?"
        # Not picked at the consent, so there is nothing to exchange for.
        async with aclosing(auth("docs:write")) as more:
            with pytest.raises(NotGranted, match="nothing_left"):
                await more.token()
        revoked = await http.post("/revoke", data={"token": subject}, headers=party.basic)
        assert revoked.status_code == 200
        async with aclosing(auth("docs:read")) as again:
            with pytest.raises(NotGranted, match="token_revoked"):
                await again.token()
    passed("python-mcp", Flow.EXCHANGE)
