"""A real `mandate authz serve`, and a real OpenFGA server where there is one."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.databases import Databases, PostgresDatabases
from tests.support.missing import missing
from tests.support.openfga import find_openfga
from tests.support.ports import free_ports
from tests.support.processes import ServerProcess, mandate_command, run_mandate

KEY = "a-preshared-key-of-the-tests"


def settings_of(folder: Path) -> dict[str, str]:
    """Return the settings of an API with a database of its own in `folder`."""
    return {
        "MANDATE_AUTHZ_DATABASE_URL": f"sqlite:///{folder / 'authz.db'}",
        "MANDATE_AUTHZ_KEYS": KEY,
    }


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve the API; no test leaves more than a store of its own behind."""
    folder = tmp_path_factory.mktemp("authz")
    settings = settings_of(folder)
    run_mandate("authz", "migrate", settings=settings, cwd=folder)
    with ServerProcess(
        folder=folder,
        settings=settings,
        command=mandate_command("authz", "serve", "--port", "{port}"),
        ready_path="/healthz",
    ) as process:
        yield process


@pytest.fixture
def http(served: ServerProcess) -> Iterator[httpx2.Client]:
    """Speak to it without the SDK."""
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx2.Client(base_url=served.url, headers=headers, trust_env=False, timeout=30) as http:
        yield http


@pytest.fixture
def pair(databases: Databases, tmp_path: Path) -> Iterator[list[httpx2.Client]]:
    """Two clients, each of its own process."""
    settings = {
        "MANDATE_AUTHZ_DATABASE_URL": databases.empty(),
        "MANDATE_AUTHZ_KEYS": KEY,
        "MANDATE_AUTHZ_LOG_LEVEL": "WARNING",
    }
    run_mandate("authz", "migrate", settings=settings, cwd=tmp_path)
    command = mandate_command("authz", "serve", "--port", "{port}")
    processes = [
        ServerProcess(folder=tmp_path, settings=settings, command=command, ready_path="/healthz")
        for _ in range(2)
    ]
    headers = {"Authorization": f"Bearer {KEY}"}
    with processes[0] as one, processes[1] as two:
        clients = [
            httpx2.Client(base_url=each.url, headers=headers, trust_env=False, timeout=30)
            for each in (one, two)
        ]
        yield clients
        for client in clients:
            client.close()
    if isinstance(databases, PostgresDatabases):
        databases.drop_all()


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run OpenFGA's own server, which MANDATE_OPENFGA names, and return its address."""
    program = find_openfga()
    if program is None:
        missing("the OpenFGA server", ".ci/openfga builds it")
    http_port, grpc_port = free_ports(2)
    command = [
        str(program), "run", "--datastore-engine", "memory", "--playground-enabled=false",
        "--metrics-enabled=false", "--log-level", "error",
        "--http-addr", f"127.0.0.1:{http_port}", "--grpc-addr", f"127.0.0.1:{grpc_port}",
        "--authn-method", "preshared", "--authn-preshared-keys", KEY,
    ]  # fmt: skip
    with ServerProcess(
        folder=tmp_path_factory.mktemp("openfga"),
        settings={},
        command=command,
        ready_path="/healthz",
        port=http_port,
    ) as process:
        yield process.url
