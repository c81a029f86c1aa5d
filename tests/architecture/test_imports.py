"""One home for each vendor. Who may import whom among ours, `lint-imports` says (`make check`)."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.support.tree import PACKAGES, ROOT, python_files

# Vendor -> the places that may import it. Everything else goes through those.
HOMES = {
    "alembic": ("server/storage/", "authz/stores/"),
    "argon2": ("server/identity/",),
    "authlib": ("server/",),
    "cel_expr_python": ("authz/engine/",),
    "fastapi": ("server/web/", "authz/api/"),
    "httpx2": ("server/outbound", "server/cli/", "mcp_tools/", "authz/"),
    "jinja2": ("server/web/",),
    "jwt": ("authz/jose/",),
    "mcp": ("mcp_tools/",),
    "openfga_sdk": ("authz/openfga",),
    "opentelemetry": ("server/signals/",),
    "psycopg": ("server/storage/", "authz/stores/"),
    "sqlalchemy": ("server/storage/", "authz/stores/", "authz/tx.py"),
    "sqlite3": ("server/storage/", "authz/stores/"),
    "starlette": ("server/web/", "authz/api/", "mcp_tools/"),
    "typer": ("server/cli/",),
}


@cache
def imported(path: Path) -> set[str]:
    """Return the first names of what a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("vendor", HOMES)
def test_a_vendor_is_imported_in_its_home_only(vendor: str):
    strangers = [
        path.as_posix()
        for path in python_files(*PACKAGES)
        if vendor in imported(path) and not path.as_posix().startswith(HOMES[vendor])
    ]
    assert strangers == []
