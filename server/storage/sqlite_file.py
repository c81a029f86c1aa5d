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
CACHE_KIB = 8192
"""Memory of each connection for pages, at most; a process has two connections."""


class SqliteTx(UnitBase):
    """A transaction on one sqlite3 connection, or the units of one batch in their order."""

    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection, *, read_only: bool = False) -> None:
        """Run statements on `connection`, which is in autocommit mode."""
        super().__init__(read_only=read_only)
        self._execute = connection.execute
        self._connection = connection
        self._known_head: int | None = None

    def undone(self) -> None:
        """Forget what a unit said that was rolled back."""
        self._changes.clear()
        self._known_head = None

    def _head(self) -> int:
        # Nobody else writes until the batch ends, so each of its units need not ask again.
        if self._known_head is None:
            self._known_head = super()._head()
        return self._known_head

    def _bump(self, count: int) -> int:
        self._known_head = super()._bump(count)
        return self._known_head

    def fetch(self, statement: ClauseElement, params: Mapping[str, Any] | None = None) -> list[Row]:
        """Run a statement that returns rows."""
        compiled = compile_statement(statement, "sqlite")
        return self._execute(compiled.sql, compiled.placed(params)).fetchall()

    def execute(self, statement: ClauseElement, params: Mapping[str, Any] | None = None) -> int:
        """Run a statement and return how many rows it touched."""
        compiled = compile_statement(statement, "sqlite")
        return self._execute(compiled.sql, compiled.placed(params)).rowcount

    def execute_many(self, statement: ClauseElement, rows: Sequence[Mapping[str, object]]) -> int:
        """Run a statement once for each row, prepared once."""
        compiled = compile_statement(statement, "sqlite")
        placed = [compiled.placed(row) for row in rows]
        return self._connection.executemany(compiled.sql, placed).rowcount


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
        # SQLite's own 2 MB hold a few minutes of tokens and audit rows with their indexes.
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB:d}")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES:d}")
        if read_only:
            connection.execute("PRAGMA query_only=ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
