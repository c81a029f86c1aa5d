"""`server`: MCP servers that the kit protects, through a proxy that adds a token of Mandate's."""

from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from mcp_tools.testing.loopback import serve
from tests.conformance.diagnostics import READ, build
from tests.conformance.suite import REVISION, Suite
from tests.interop.scene import ADA, EVERY, Scene, set_scene
from tests.requirements import requirement
from tests.support.bearer_proxy import bearer_proxy
from tests.support.documents import documents_server
from tests.support.live import live
from tests.support.person import Person
from tests.support.ports import free_ports
from tests.support.tokens import own_token, user_token

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the documents server of the examples; yield the proxy's address."""
    folder = tmp_path_factory.mktemp("conformance")
    front, behind = free_ports(2)
    resource = f"http://127.0.0.1:{front}/mcp"
    with live(folder, lambda w: set_scene(w, resource)) as mandate:
        scene: Scene = mandate.made
        with Person(mandate.issuer, ADA) as ada:
            told = user_token(mandate, scene.own, ada, scope=" ".join(EVERY), resource=resource)
        with (
            documents_server(
                folder, issuer=mandate.issuer, resource=resource, party=scene.documents, port=behind
            ),
            bearer_proxy(front, behind, told["access_token"]),
        ):
            yield resource


@pytest.fixture(scope="module")
def diagnostics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the server with the suite's own tools, for an agent as itself."""
    folder = tmp_path_factory.mktemp("conformance")
    (front,) = free_ports(1)
    resource = f"http://127.0.0.1:{front}/mcp"
    with ExitStack() as stack:
        mandate = stack.enter_context(live(folder, lambda w: set_scene(w, resource)))
        scene: Scene = mandate.made
        party = scene.documents
        told = own_token(mandate, scene.agent, resource=resource, scope=READ)
        behind = stack.enter_context(
            serve(
                lambda _url: build(
                    issuer=mandate.issuer, resource=resource,
                    client_id=party.client.id, client_secret=party.secret or "",
                )
            )
        )  # fmt: skip
        port = urlsplit(behind).port
        assert port
        stack.enter_context(bearer_proxy(front, port, told["access_token"]))
        yield resource


def _passes(suite: Suite, url: str, scenario: str) -> None:
    found = suite.run("server", "--url", url, "--scenario", scenario, "--spec-version", REVISION)
    assert found.code == 0, found.printed
    assert set(found.counted) == {"SUCCESS"}, (found.checks, found.printed)


@requirement("interop:suite:server")
@pytest.mark.parametrize(
    "scenario", ["dns-rebinding-protection", "http-header-validation", "tools-list"]
)
def test_the_documents_server_passes(suite: Suite, documents: str, scenario: str):
    _passes(suite, documents, scenario)


@requirement("interop:suite:server")
@pytest.mark.parametrize(
    "scenario",
    [
        "dns-rebinding-protection",
        "http-header-validation",
        "caching",
        "server-stateless",
        "tools-list",
    ],
)
def test_a_server_with_the_tools_of_the_suite_passes(suite: Suite, diagnostics: str, scenario: str):
    _passes(suite, diagnostics, scenario)
