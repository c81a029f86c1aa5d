"""A SQLite file: how it is created and opened, and a transaction on it."""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.sql.elements import ClauseElement

from authz.tx import Row, compile_statement
from server.storage.unit import UnitBase

CHECKPOINT_PAGES = 8000
"""Pages of 4 KiB in the write-ahead log before they go to the file (SQLite's own number: 1000)."""


class SqliteTx(UnitBase):
    """A transaction on one sqlite3 connection."""

    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Run statements on `connection`, which is in autocommit mode."""
        super().__init__()
        self._execute = connection.execute
        self._connection = connection

    def fetch(self, statement: ClauseElement, params: Mapping[str, Any] | None = None) -> list[Row]:
        """Run a statement that returns rows."""
        compiled = compile_statement(statement, "sqlite")
        return self._execute(compiled.sql, _merge(compiled.literals, params)).fetchall()

    def execute(self, statement: ClauseElement, params: Mapping[str, Any] | None = None) -> int:
        """Run a statement and return how many rows it touched."""
        compiled = compile_statement(statement, "sqlite")
        return self._execute(compiled.sql, _merge(compiled.literals, params)).rowcount

    def execute_many(self, statement: ClauseElement, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a statement once for each row, prepared once."""
        compiled = compile_statement(statement, "sqlite")
        self._connection.executemany(compiled.sql, [_merge(compiled.literals, r) for r in rows])


def _merge(literals: Mapping[str, object], params: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if not literals:
        return params or {}
    return {**literals, **(params or {})}


def create_private(path: str) -> None:
    """Create the file, and its folder, unless they exist; nobody else may read it.

    SQLite gives the write-ahead log the mode of the file, so this decides for all of them.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def connect(path: str, *, busy_ms: int, read_only: bool = False) -> sqlite3.Connection:
    """Open the file in WAL mode with full durability; autocommit, usable by one thread.

    A statement waits at most `busy_ms` for a lock. Raises `sqlite3.Error`.
    """
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    try:
        connection.execute(f"PRAGMA busy_timeout={busy_ms:d}")
        connection.execute("PRAGMA journal_mode=WAL")
        # FULL: an acknowledged commit survives a power loss (facts/performance §4).
        connection.execute("PRAGMA synchronous=FULL")
        # What a savepoint may have to undo stays in memory, not in a file that is made for it.
        connection.execute("PRAGMA temp_store=MEMORY")
        # Pages wait longer in the log, so that one write to the file serves more commits.
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES:d}")
        if read_only:
            connection.execute("PRAGMA query_only=ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
