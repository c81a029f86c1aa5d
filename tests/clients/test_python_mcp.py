"""Python's `mcp`, unmodified: client credentials in three ways, step-up, and the code flow."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from mcp.shared.exceptions import MCPError
from pydantic import AnyUrl

from tests.clients.workshop import House
from tests.compatibility.record import Flow, passed
from tests.requirements import requirement
from tests.support.live import CALLBACK, Live
from tests.support.person import Person
from tests.support.world import Party

CLIENT = "python-mcp"


class Memory:
    """The SDK's storage; `client` is what was registered beforehand."""

    def __init__(self, client: OAuthClientInformationFull | None = None) -> None:
        self.tokens: OAuthToken | None = None
        self.client = client
        self.scopes: list[str | None] = []

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens
        self.scopes.append(tokens.scope)

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        raise AssertionError("nothing is registered here")


async def call(auth: httpx2.Auth, url: str, *calls: tuple[str, dict[str, Any]]) -> list[str]:
    """Call tools one after the other; return their texts."""
    async with (
        httpx2.AsyncClient(auth=auth, trust_env=False, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        answers = [await client.call_tool(tool, arguments) for tool, arguments in calls]
    return [answer.content[0].text for answer in answers]  # type: ignore[union-attr]


LOOK = ("look", {"shelf": "left"})
MAKE = ("make", {"thing": "chair"})


def _secret(mandate: Live, house: House, memory: Memory, **more: Any) -> httpx2.Auth:
    return _with_secret(mandate, house, house.smith, memory, **more)


def _post(mandate: Live, house: House, memory: Memory) -> httpx2.Auth:
    return _with_secret(
        mandate, house, house.posts, memory, token_endpoint_auth_method="client_secret_post"
    )


def _with_secret(
    mandate: Live, house: House, party: Party, memory: Memory, **more: Any
) -> httpx2.Auth:
    return ClientCredentialsOAuthProvider(
        server_url=house.workshop,
        storage=memory,
        client_id=party.client.id,
        client_secret=party.secret or "",
        issuer=mandate.issuer,
        **more,
    )


def _key(mandate: Live, house: House, memory: Memory) -> httpx2.Auth:
    signed = SignedJWTParameters(
        issuer=house.keyed.client.id,
        subject=house.keyed.client.id,
        signing_key=house.pem,
        signing_algorithm="ES256",
    )
    return PrivateKeyJWTOAuthProvider(
        server_url=house.workshop,
        storage=memory,
        client_id=house.keyed.client.id,
        assertion_provider=signed.create_assertion_provider(),
        issuer=mandate.issuer,
    )


Make = Callable[[Live, House, Memory], httpx2.Auth]


@requirement("interop:wire:client-id-absent")
@pytest.mark.parametrize(
    ("make", "flow"),
    [(_secret, Flow.SECRET), (_post, Flow.SECRET_POST), (_key, Flow.PRIVATE_KEY_JWT)],
)
async def test_an_agent_as_itself(mandate: Live, house: House, make: Make, flow: Flow):
    memory = Memory()
    (told,) = await call(make(mandate, house, memory), house.workshop, LOOK)
    assert told == f"left: a hammer, seen by agent:{house.smith.agent.id}"
    assert memory.scopes == ["shop:read"]
    passed(CLIENT, flow)


async def test_a_step_up_of_client_credentials(mandate: Live, house: House):
    memory = Memory()
    looked, made = await call(_secret(mandate, house, memory), house.workshop, LOOK, MAKE)
    assert (looked[:4], made[:5]) == ("left", "chair")
    assert [set((s or "").split()) for s in memory.scopes] == [
        {"shop:read"}, {"shop:read", "shop:write"},
    ]  # fmt: skip
    passed(CLIENT, Flow.STEP_UP)


class App:
    """An application with a person who follows its links and ticks one set of scopes after another."""

    def __init__(self, mandate: Live, ada: Person, party: Party, *ticks: list[str]) -> None:
        self.memory = Memory(
            OAuthClientInformationFull(
                client_id=party.client.id,
                client_secret=party.secret,
                redirect_uris=[AnyUrl(CALLBACK)],
                token_endpoint_auth_method=party.client.auth.value,
                issuer=mandate.issuer,
            )
        )
        self._ada, self._ticks = ada, list(ticks)
        self.asked: list[dict[str, str]] = []
        self._answer: dict[str, str] = {}

    def auth(self, url: str) -> httpx2.Auth:
        return OAuthClientProvider(
            server_url=url,
            client_metadata=OAuthClientMetadata(redirect_uris=[AnyUrl(CALLBACK)]),
            storage=self.memory,
            redirect_handler=self._go,
            callback_handler=self._come_back,
        )

    async def _go(self, url: str) -> None:
        self.asked.append(dict(parse_qsl(urlsplit(url).query)))
        callback = self._ada.authorize(url, scope=self._ticks.pop(0))
        self._answer = dict(parse_qsl(urlsplit(callback).query))

    async def _come_back(self) -> AuthorizationCodeResult:
        told = self._answer
        return AuthorizationCodeResult(code=told["code"], state=told["state"], iss=told["iss"])


LIST = ("list_folder", {"folder_id": "fld_unknown"})
CREATE = ("create_folder", {"name": "Sketches"})


@pytest.mark.parametrize("confidential", [False, True])
async def test_a_person_signs_in(mandate: Live, house: House, ada: Person, confidential: bool):
    scene = house.scene
    party = scene.agent if confidential else scene.tool
    app = App(mandate, ada, party, ["docs:read"])
    (listed,) = await call(app.auth(scene.resource), scene.resource, LIST)
    assert "object_denied" in listed
    (asked,) = app.asked
    assert asked["resource"] == scene.resource
    assert asked["code_challenge_method"] == "S256"
    assert app.memory.scopes == ["docs:read"]
    passed(CLIENT, Flow.CODE)


async def test_a_person_is_asked_again_when_a_tool_needs_more(
    mandate: Live, house: House, ada: Person
):
    scene = house.scene
    app = App(mandate, ada, scene.own, ["docs:read"], ["docs:read", "docs:write"])
    listed, made = await call(app.auth(scene.resource), scene.resource, LIST, CREATE)
    assert "object_denied" in listed
    assert "Sketches" in made
    assert app.memory.scopes == ["docs:read", "docs:read docs:write"]
    passed(CLIENT, Flow.CODE_STEP_UP)


async def test_a_person_who_ticks_no_more_gives_no_more(mandate: Live, house: House, ada: Person):
    scene = house.scene
    app = App(mandate, ada, scene.own, ["docs:read"], ["docs:read"])
    refused = pytest.RaisesExc(MCPError, match="insufficient_scope")
    with pytest.RaisesGroup(refused, flatten_subgroups=True):
        await call(app.auth(scene.resource), scene.resource, CREATE)
    assert len(app.asked) == 2
