"""One `mandate serve` for the clients of a module."""

from collections.abc import Iterator

import pytest

from tests.interop.scene import ADA, Scene, set_scene
from tests.support.live import Live, live
from tests.support.person import Person
from tests.support.ports import free_port


@pytest.fixture(scope="module")
def mandate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Run it; the documents server's own port is kept free for whoever starts that one."""
    resource = f"http://127.0.0.1:{free_port()}/mcp"
    folder = tmp_path_factory.mktemp("interop")
    with live(folder, lambda w: set_scene(w, resource)) as running:
        yield running


@pytest.fixture
def scene(mandate: Live) -> Scene:
    """Return who is registered."""
    found: Scene = mandate.made
    return found


@pytest.fixture
def ada(mandate: Live) -> Iterator[Person]:
    """Seat Ada at a fresh browser."""
    with Person(mandate.issuer, ADA) as person:
        yield person
