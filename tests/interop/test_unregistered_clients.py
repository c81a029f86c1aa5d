"""The `mcp` client, unmodified, that nobody registered: by its metadata document, or by itself."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl

from tests.compatibility.record import Flow, passed
from tests.interop.scene import ADA, Scene, set_scene
from tests.outbound.origin import make_authority
from tests.registration.publisher import Publisher, publish
from tests.requirements import requirement
from tests.support.live import CALLBACK, Live, live
from tests.support.person import Person
from tests.support.ports import free_port
from tests.support.processes import ServerProcess
from tests.support.tree import ROOT


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Publisher, Path]]:
    """Publish documents from a thread of their own, for a server in another process."""
    authority = make_authority(tmp_path_factory.mktemp("authority"))
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    made: list[Publisher] = []

    async def run() -> None:
        async with publish(authority) as publisher:
            made.append(publisher)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert ready.wait(30)
    yield made[0], authority.ca_file
    loop.call_soon_threadsafe(stop.set)
    thread.join(30)
    loop.close()


@pytest.fixture(scope="module")
def mandate(
    published: tuple[Publisher, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """Run a server that takes clients of every host, and of older ones that register."""
    resource = f"http://127.0.0.1:{free_port()}/mcp"
    settings = {
        "MANDATE_CLIENT_DOCUMENTS": "allow",
        "MANDATE_CLIENT_REGISTRATION": "open", "MANDATE_OUTBOUND_CA_FILE": str(published[1]),
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("documents")
    with live(folder, lambda w: set_scene(w, resource), settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def documents(mandate: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the documents server of the examples; yield its address."""
    scene: Scene = mandate.made
    folder = tmp_path_factory.mktemp("documents-server")
    port = urlsplit(scene.resource).port
    given = {
        "ISSUER": mandate.issuer, "RESOURCE": scene.resource, "HOST": "127.0.0.1", "PORT": str(port),
        "CLIENT_ID": scene.documents.client.id, "CLIENT_SECRET": scene.documents.secret or "",
        "DATA": str(folder / "documents.db"),
    }  # fmt: skip
    process = ServerProcess(
        folder=folder,
        settings={f"DOCUMENTS_{k}": v for k, v in given.items()} | {"PYTHONPATH": str(ROOT)},
        command=[sys.executable, str(ROOT / "examples" / "documents" / "main.py")],
        ready_path="/.well-known/oauth-protected-resource/mcp",
        port=port,
    )
    with process:
        yield scene.resource


@dataclass
class Memory:
    """The SDK's storage, empty at first."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


@dataclass
class App:
    """The unmodified client at a person's desk, with nothing set up beforehand."""

    ada: Person
    document: str | None
    storage: Memory = field(default_factory=Memory)
    asked: dict[str, list[str]] = field(default_factory=dict)
    _answer: dict[str, str] = field(default_factory=dict)

    async def go(self, url: str) -> None:
        self.asked = parse_qs(urlsplit(url).query)
        self._answer = dict(parse_qsl(urlsplit(self.ada.authorize(url, scope=["docs:read"],
                                                                  object=["folder:plans"])).query))  # fmt: skip

    async def come_back(self) -> AuthorizationCodeResult:
        told = self._answer
        return AuthorizationCodeResult(code=told["code"], state=told["state"], iss=told["iss"])

    async def call(self, resource: str, tool: str, **arguments: str) -> Any:
        """Call a tool."""
        auth = OAuthClientProvider(
            server_url=resource,
            client_metadata=OAuthClientMetadata(
                redirect_uris=[AnyUrl(CALLBACK)], client_name="Quill"
            ),
            storage=self.storage,
            redirect_handler=self.go,
            callback_handler=self.come_back,
            client_metadata_url=self.document,
        )
        async with (
            httpx2.AsyncClient(auth=auth, trust_env=False, timeout=30) as http,
            Client(streamable_http_client(resource, http_client=http)) as client,
        ):
            return await client.call_tool(tool, arguments)


@requirement("mcp:as:cimd", "mcp:as:cimd-document")
async def test_a_client_that_is_only_a_url_reads_what_was_picked(
    mandate: Live, published: tuple[Publisher, Path], documents: str
) -> None:
    publisher, _ = published
    url = publisher.put(redirect_uris=[CALLBACK])
    with Person(mandate.issuer, ADA) as ada:
        app = App(ada, url)
        answer = await app.call(documents, "list_folder", folder_id="plans")
    assert not answer.is_error, answer
    assert app.asked["client_id"] == [url]
    assert app.storage.tokens is not None
    assert app.storage.tokens.scope == "docs:read"
    passed("python-mcp", Flow.CIMD)


@requirement("mcp:as:dcr")
async def test_a_client_without_a_document_registers_and_is_one_client_each_time(
    mandate: Live, documents: str
) -> None:
    ids = []
    for _ in range(2):
        with Person(mandate.issuer, ADA) as ada:
            app = App(ada, None)
            answer = await app.call(documents, "list_folder", folder_id="plans")
        assert not answer.is_error, answer
        assert app.storage.client is not None
        ids.append(app.storage.client.client_id)
        assert app.storage.client.token_endpoint_auth_method == "none"
    assert ids[0] == ids[1]
    passed("python-mcp", Flow.DCR)
