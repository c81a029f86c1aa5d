"""SQLite: one writer with group commit, reads inline on the loop (DESIGN 3.5)."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from authz.tx import compile_statement
from server.domain.unit import UnavailableError, Unit
from server.storage.sqlite_file import SqliteTx, connect, create_private
from server.storage.sqlite_writer import Job, Writer
from server.storage.unit import HEAD

T = TypeVar("T")

MAX_WAITING = 4096
LOCK_PATIENCE_MS = 5000
READ_PATIENCE_MS = 250
"""A read runs on the loop, so it may wait this long at most: readers do not wait for writers, only
for another process that recovers or vacuums the file."""


class SqliteStore:
    """The embedded database of one process; several processes may share the file."""

    dialect = "sqlite"

    def __init__(self, path: str, *, patience_ms: int = LOCK_PATIENCE_MS) -> None:
        """Open `path`; the writer's thread starts with the first unit.

        A unit waits at most `patience_ms` for another process that holds the write lock. Raises
        `ValueError` for a database in memory, which two connections cannot share.
        """
        if not path or path.startswith((":memory:", "file:")):
            raise ValueError("The database must be a file.")
        create_private(path)
        self._reader = connect(path, busy_ms=min(READ_PATIENCE_MS, patience_ms), read_only=True)
        self._read_tx = SqliteTx(self._reader, read_only=True)
        self._row_tx = SqliteTx(self._reader)
        self._writer = Writer(path, patience_ms)
        self._waiting = 0
        self._closed = False
        self._head_sql = compile_statement(HEAD, "sqlite").sql

    @property
    def waiting(self) -> int:
        """Return how many units wait for the writer."""
        return self._waiting

    async def revision(self) -> int:
        """Return the newest security change; one read of the shared file, never cached."""
        try:
            row = self._reader.execute(self._head_sql).fetchone()
        except sqlite3.Error as error:
            raise UnavailableError(type(error).__name__) from error
        if row is None:
            raise UnavailableError("no head")
        return int(row[0])

    async def read(self, work: Callable[[Any], T]) -> T:
        """Run `work` inline: a read costs microseconds, a thread hop costs more."""
        reader = self._reader
        try:
            reader.execute("BEGIN")
            try:
                return work(self._read_tx)
            finally:
                self._end_read()
        except sqlite3.Error as error:
            raise UnavailableError(type(error).__name__) from error

    async def read_row(self, work: Callable[[Any], T]) -> T:
        """Run `work` inline; its one statement is a transaction by itself."""
        try:
            return work(self._row_tx)
        except sqlite3.Error as error:
            raise UnavailableError(type(error).__name__) from error

    def _end_read(self) -> None:
        try:
            self._reader.execute("COMMIT")
        except sqlite3.Error:
            # Never stay inside: the next reader would see an old snapshot, or nothing at all.
            with contextlib.suppress(sqlite3.Error):
                self._reader.execute("ROLLBACK")

    async def write(self, work: Callable[[Unit], T]) -> T:
        """Hand `work` to the writer and wait for its commit."""
        if self._closed:
            raise UnavailableError("closed")
        if self._waiting >= MAX_WAITING:
            raise UnavailableError("queue")
        loop = asyncio.get_running_loop()
        job = Job(work, loop.create_future(), loop, self._done)
        # Counted until the unit is done, also when its caller goes away: a caller that hangs up
        # and comes again must not make the queue longer than it may be.
        self._waiting += 1
        self._writer.put(job)
        # A caller that goes away cancels its future, never the unit, which the writer has by now.
        result: T = await job.future
        return result

    def _done(self) -> None:
        self._waiting -= 1

    async def close(self) -> None:
        """Finish what is queued and close the file."""
        if self._closed:
            return
        self._closed = True
        await self._writer.close()
        self._reader.close()
