"""Fixtures of the suites that fetch: import them by name."""

import ssl

import pytest

from server.outbound.addresses import AddressPolicy
from server.outbound.download import FetchRules, tls_context
from server.outbound.fetcher import Fetcher
from tests.outbound.origin import Authority, Deadlines, Names, make_authority

RULES = FetchRules(accept=("application/json",), max_bytes=1000, seconds=5.0, longest_fresh=3600)


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def trust(authority) -> ssl.SSLContext:
    """Trust the throw-away authority; made once, since reading the system's takes its time."""
    return tls_context(authority.ca_file)


@pytest.fixture
def names() -> Names:
    return Names(origin_test=[("127.0.0.1",)])


@pytest.fixture
def deadlines() -> Deadlines:
    return Deadlines()


@pytest.fixture
async def fetcher(trust, clock, names, deadlines):
    """Fetch as a server whose own issuer is on loopback."""
    made = Fetcher(
        policy=AddressPolicy.for_issuer("http://127.0.0.1:9000"),
        resolver=names,
        tls=trust,
        clock=clock,
        deadline=deadlines,
    )
    yield made
    await made.close()
