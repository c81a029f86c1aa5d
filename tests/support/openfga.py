"""A real OpenFGA server on loopback, built by `.ci/openfga`, with its tuples in memory."""

import os
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


def openfga_process(program: Path, folder: Path) -> ServerProcess:
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
    }
    return ServerProcess(
        folder=folder,
        settings={},
        command=[str(program), "run", *(f"--{name}={text}" for name, text in options.items())],
        ready_path="/healthz",
        port=http,
    )
