"""The documents server of the examples as a process of its own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.processes import ServerProcess
from tests.support.tree import ROOT
from tests.support.world import Party


@contextmanager
def documents_server(
    folder: Path, *, issuer: str, resource: str, party: Party, port: int | None = None
) -> Iterator[str]:
    """Run it at `resource` (on another port behind a proxy); yield the resource."""
    listens = port or urlsplit(resource).port
    given = {
        "ISSUER": issuer, "RESOURCE": resource, "HOST": "127.0.0.1", "PORT": str(listens),
        "CLIENT_ID": party.client.id, "CLIENT_SECRET": party.secret or "",
        "DATA": str(folder / "documents.db"),
    }  # fmt: skip
    process = ServerProcess(
        folder=folder,
        settings={f"DOCUMENTS_{k}": v for k, v in given.items()} | {"PYTHONPATH": str(ROOT)},
        command=[sys.executable, str(ROOT / "examples" / "documents" / "main.py")],
        ready_path="/.well-known/oauth-protected-resource/mcp",
        port=listens,
    )
    with process:
        yield resource
