"""`mcp_tools` is deployed beside an MCP server, without the authorization server."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.requirements import requirement

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "mcp_tools").rglob("*.py")
    if path.stem != "fastmcp_server"  # wanted only with a FastMCP server (test_fastmcp.py)
)

PROBE = """
import importlib, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Absent())
for module in {modules!r}:
    importlib.import_module(module)
print(*sorted(name for name in sys.modules if name.partition(".")[0] in ("authz", "server")))
"""


def _run(modules: list[str], absent: set[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROBE.format(modules=modules, absent=absent)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@requirement("mcp:alone:imports")
def test_it_imports_without_fastapi_sqlalchemy_and_the_server() -> None:
    absent = {"server", "fastapi", "sqlalchemy", "alembic", "psycopg", "authlib", "jinja2"}
    done = _run(MODULES, absent)
    assert done.returncode == 0, done.stderr
    used = set(done.stdout.split())
    # Values and pure checks only: nothing of the engine or the stores.
    allowed = ("authz.clock", "authz.decision", "authz.dpop", "authz.jose", "authz.uri")
    assert {name for name in used if not name.startswith(allowed)} == {"authz"}


@pytest.mark.parametrize("module", ["fastapi", "mcp"])
def test_the_probe_would_notice(module: str) -> None:
    assert _run(["fastapi", "mcp"], {module}).returncode != 0
