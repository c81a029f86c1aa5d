"""A directory with a server's settings and database, and the command line that works on it."""

import contextlib
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from server.cli.program import run
from tests.support.databases import Databases
from tests.support.world import ISSUER, TEST_KEK, prepared


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    code: int
    out: str
    complaint: str

    @property
    def document(self) -> dict[str, Any]:
        assert self.code == 0, self.complaint
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


Mandate = Callable[..., Done]


def _run(*arguments: str) -> Done:
    out, complaint = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(complaint):
        code = run(arguments)
    return Done(code, out.getvalue(), complaint.getvalue())


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mandate:
    """Run commands in an empty directory, without settings."""
    for name in [name for name in os.environ if name.startswith("MANDATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    return _run


def settings_of(url: str) -> dict[str, str]:
    """Return the settings of a prepared database, as a process gets them."""
    return {"MANDATE_ISSUER": ISSUER, "MANDATE_DATABASE_URL": url, "MANDATE_KEK": TEST_KEK}


@pytest.fixture
def url(databases: Databases) -> str:
    """Address a migrated database with signing keys, of one engine and then of the other."""
    return databases.copy_of("prepared", prepared)


@pytest.fixture
def mandate(bare: Mandate, url: str, monkeypatch: pytest.MonkeyPatch) -> Mandate:
    """Run commands on a prepared database of either engine."""
    for name, value in settings_of(url).items():
        monkeypatch.setenv(name, value)
    return bare


@pytest.fixture
def desk(bare: Mandate, sqlite_databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Mandate:
    """Run commands on a prepared SQLite database, where the engine makes no difference."""
    for name, value in settings_of(sqlite_databases.copy_of("prepared", prepared)).items():
        monkeypatch.setenv(name, value)
    return bare
