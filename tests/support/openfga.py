"""A real OpenFGA server on loopback, built by `.ci/openfga`: tuples in memory, or in a file."""

import os
import subprocess
from pathlib import Path

from tests.support.ports import free_ports
from tests.support.processes import ServerProcess

VERSION = "1.22.1"
_PATIENT = "60s"
"""Deadlines of theirs would make a slow machine a finding."""


def find_openfga() -> Path | None:
    """Return the program, or None; `MANDATE_OPENFGA` names another one."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = cache / "mandate" / f"openfga-{VERSION}" / "openfga"
    found = Path(os.environ.get("MANDATE_OPENFGA", built))
    return found if found.exists() else None


def openfga_on_file(program: Path, folder: Path, *keys: str) -> ServerProcess:
    """Describe a process that a kill costs nothing: its tuples are in a SQLite file.

    With `keys` it wants one of them from each caller.
    """
    store = {"datastore-engine": "sqlite", "datastore-uri": f"file:{folder / 'openfga.db'}"}
    options = [f"--{name}={text}" for name, text in store.items()]
    subprocess.run([str(program), "migrate", *options], check=True, capture_output=True, timeout=60)
    signed = {"authn-method": "preshared", "authn-preshared-keys": ",".join(keys)} if keys else {}
    return openfga_process(program, folder, **store, **signed)


def openfga_process(program: Path, folder: Path, **changes: str) -> ServerProcess:
    """Describe the process: HTTP and gRPC on free ports, nothing else listens."""
    http, grpc = free_ports(2)
    options = {
        "http-addr": f"127.0.0.1:{http}",
        "grpc-addr": f"127.0.0.1:{grpc}",
        "datastore-engine": "memory",
        "playground-enabled": "false",
        "metrics-enabled": "false",
        "profiler-enabled": "false",
        "trace-enabled": "false",
        "log-level": "error",
        "request-timeout": _PATIENT,
        "http-upstream-timeout": _PATIENT,
        "listObjects-deadline": _PATIENT,
        "listUsers-deadline": _PATIENT,
        **changes,
    }
    return ServerProcess(
        folder=folder,
        settings={},
        command=[str(program), "run", *(f"--{name}={text}" for name, text in options.items())],
        ready_path="/healthz",
        port=http,
    )
