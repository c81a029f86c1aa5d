"""`authorization`: both scenarios against `mandate serve`, for an issuer with and without a path."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import pytest

from tests.conformance.suite import REVISION, Suite
from tests.interop.scene import ADA, Scene, set_scene
from tests.requirements import requirement
from tests.support.live import Live, live
from tests.support.person import Person
from tests.support.ports import free_ports

pytestmark = pytest.mark.node
PICKS: dict[str, object] = {"scope": ["docs:read"], "object": ["folder:plans"]}


@dataclass(frozen=True)
class Served:
    """A running server and where the suite waits for the browser."""

    mandate: Live
    port: int

    @property
    def scene(self) -> Scene:
        found: Scene = self.mandate.made
        return found


@pytest.fixture(scope="module", params=["", "/t/acme"], ids=["root-issuer", "path-issuer"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    documents, port = free_ports(2)
    resource, callback = f"http://127.0.0.1:{documents}/mcp", f"http://127.0.0.1:{port}/callback"
    folder = tmp_path_factory.mktemp("conformance")
    with live(folder, lambda w: set_scene(w, resource, callback), path=request.param) as running:
        yield Served(running, port)


def _run(suite: Suite, served: Served, *arguments: str, **picks: object):
    def visit(address: str) -> None:
        with Person(served.mandate.issuer, ADA) as person:
            callback = person.authorize(address, **(picks or PICKS))
        assert callback.startswith(f"http://127.0.0.1:{served.port}/callback?"), callback
        httpx2.get(callback, trust_env=False)

    return suite.run(
        "authorization", "--url", served.mandate.issuer, "--port", str(served.port),
        "--resource", served.scene.resource, "--spec-version", REVISION, *arguments, visit=visit,
    )  # fmt: skip


@requirement("interop:suite:authorization")
def test_the_suite_passes_with_nothing_skipped(suite: Suite, served: Served):
    # A public client: it is what the suite is as soon as the metadata offers `none`.
    found = _run(suite, served, "--client-id", served.scene.own.client.id)
    assert found.code == 0, found.printed
    # Without CIMD the suite has one warning, and two checks that pass.
    told = {"SUCCESS": 3} if _advertises_cimd(served) else {"SUCCESS": 2, "WARNING": 1}
    assert found.counted == told, found.printed


def test_a_person_who_denies_fails_the_code_grant(suite: Suite, served: Served):
    """The suite does see what happens: the straight path does not pass by itself."""
    found = _run(suite, served, "--client-id", served.scene.tool.client.id, decision="deny")
    assert (found.code != 0, found.counted["FAILURE"]) == (True, 1), found.printed


def _advertises_cimd(served: Served) -> bool:
    url = f"{served.mandate.issuer}/.well-known/openid-configuration"
    document = httpx2.get(url, trust_env=False).json()
    return bool(document.get("client_id_metadata_document_supported"))
