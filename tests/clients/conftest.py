"""One `mandate serve`, the documents server and the workshop, for all clients."""

from collections.abc import Iterator

import pytest

from tests.clients.workshop import House, set_house, workshop_server
from tests.interop.scene import ADA
from tests.support.documents import documents_server
from tests.support.live import Live, live
from tests.support.person import Person
from tests.support.ports import free_ports


@pytest.fixture(scope="session")
def mandate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Run all three; the issuer has a path, as a tenant's has."""
    documents, workshop = (f"http://127.0.0.1:{port}/mcp" for port in free_ports(2))
    folder = tmp_path_factory.mktemp("clients")
    with live(folder, lambda w: set_house(w, documents, workshop), path="/t/acme") as running:
        house: House = running.made
        with (
            documents_server(
                folder, issuer=running.issuer, resource=documents, party=house.scene.documents
            ),
            workshop_server(folder, running.issuer, house),
        ):
            yield running


@pytest.fixture(scope="session")
def house(mandate: Live) -> House:
    """Return who is registered."""
    found: House = mandate.made
    return found


@pytest.fixture
def ada(mandate: Live) -> Iterator[Person]:
    """Seat Ada at a fresh browser."""
    with Person(mandate.issuer, ADA) as person:
        yield person
