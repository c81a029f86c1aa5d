"""The writer of a SQLite file: one thread, one connection, many units in one commit.

A unit has a savepoint of its own, so that one that fails leaves its neighbours alone. What fails
the whole batch (disk full, lock, I/O) fails each unit in it: nothing is acknowledged that may not
be on disk. The thread outlives every failure and opens the file again.
"""

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any

from server.domain.unit import ConflictError, UnavailableError, Unit
from server.storage.sqlite_file import SqliteTx, connect

MAX_BATCH = 64
_FIRST_PAUSE = 0.0005
_LONGEST_PAUSE = 0.008
"""Seconds between two tries for the lock. SQLite's own pauses grow to 100 ms, with which one of
two busy processes starves."""


class Job:
    """One unit that waits for the writer: its work, and the future of its caller."""

    __slots__ = ("error", "future", "loop", "result", "work")

    def __init__(
        self,
        work: Callable[[Unit], Any],
        future: "asyncio.Future[Any]",
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Run `work`, then resolve `future` on `loop`."""
        self.work = work
        self.future = future
        self.loop = loop
        self.result: Any = None
        self.error: Exception | None = None

    def resolve(self) -> None:
        """Tell the caller; on its loop."""
        if self.future.done():
            return
        if isinstance(self.error, StopIteration):
            # A future refuses it, and then nobody of the batch would hear anything.
            self.future.set_exception(RuntimeError("a unit raised StopIteration"))
        elif self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Writer:
    """The one writing thread of this process; it starts with the first unit."""

    def __init__(self, path: str, patience_ms: int) -> None:
        """Write to `path`; wait for other processes at most `patience_ms` a batch."""
        self._path = path
        self._patience = patience_ms / 1000
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._jitter = os.getpid()

    def put(self, job: Job) -> None:
        """Queue a unit; never after `close`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
            self._thread.start()
        self._jobs.put(job)

    def close(self) -> None:
        """Finish what is queued, then end the thread."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        try:
            while True:
                batch, last = self._next_batch()
                if batch:
                    self._commit(batch)
                    _resolve(batch)
                if last:
                    return
        finally:
            self._disconnect()

    def _next_batch(self) -> tuple[list[Job], bool]:
        """Wait for a unit and take those that came with it; true if nothing comes after."""
        job = self._jobs.get()
        batch: list[Job] = []
        while job is not None:
            batch.append(job)
            if len(batch) == MAX_BATCH:
                return batch, False
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _commit(self, batch: list[Job]) -> None:
        """Run a batch in one transaction, each unit in a savepoint of its own."""
        try:
            connection = self._connection
            if connection is None:
                busy_ms = round(self._patience * 1000)
                connection = self._connection = connect(self._path, busy_ms=busy_ms)
                connection.execute("PRAGMA busy_timeout=0")  # `_begin` waits, and better
            self._begin(connection)
            for job in batch:
                _run_unit(connection, job)
            connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - whatever it was, callers must not hang
            for job in batch:
                job.error = UnavailableError(type(error).__name__)
            self._recover(error, batch)

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Take the write lock, with short uneven pauses while another process has it."""
        deadline = time.perf_counter() + self._patience
        pause = _FIRST_PAUSE
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or time.perf_counter() >= deadline:
                    raise
            # Unevenness needs no secrecy: a linear congruence keeps two processes out of step.
            self._jitter = (self._jitter * 1103515245 + 12345) & 0x7FFFFFFF
            time.sleep(pause * (0.5 + self._jitter / 0x80000000))
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _recover(self, error: BaseException, batch: list[Job]) -> None:
        """Leave the transaction, and make no one else wait for what just failed."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
        if isinstance(error, sqlite3.OperationalError) and _is_busy(error):
            # Whoever queued up behind a stuck lock has waited as well: tell them now, so that
            # the last of a long queue does not wait one patience for each batch before it.
            waiting: list[Job] = []
            with contextlib.suppress(queue.Empty):
                while True:
                    job = self._jobs.get_nowait()
                    if job is None:
                        self._jobs.put(None)
                        break
                    job.error = UnavailableError(type(error).__name__)
                    waiting.append(job)
            batch.extend(waiting)
        else:
            # An I/O error may have left the connection unusable: the next batch opens the file.
            self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def _is_busy(error: sqlite3.OperationalError) -> bool:
    # The low byte of an extended code is its primary code (SQLITE_BUSY_RECOVERY and others).
    code = getattr(error, "sqlite_errorcode", 0)  # absent when Python's module, not SQLite, raised
    return (code & 0xFF) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _run_unit(connection: sqlite3.Connection, job: Job) -> None:
    tx = SqliteTx(connection)
    connection.execute("SAVEPOINT unit")
    try:
        job.result = job.work(tx)
        tx.publish()
    except sqlite3.Error as error:
        # Disk full, I/O error: SQLite may have ended the transaction, and then the batch fails.
        if not connection.in_transaction:
            raise
        connection.execute("ROLLBACK TO unit")
        job.error = _as_ours(error)
    except Exception as error:  # noqa: BLE001 - handed to the caller, whose unit is undone
        connection.execute("ROLLBACK TO unit")
        job.error = error
    connection.execute("RELEASE unit")


def _as_ours(error: sqlite3.Error) -> Exception:
    if isinstance(error, sqlite3.IntegrityError):
        return _with_cause(ConflictError(type(error).__name__), error)
    if isinstance(error, sqlite3.OperationalError | sqlite3.InternalError):
        return _with_cause(UnavailableError(type(error).__name__), error)
    return error  # a value or a statement that SQLite does not take: a bug of this unit alone


def _with_cause(ours: Exception, cause: Exception) -> Exception:
    ours.__cause__ = cause
    return ours


def _resolve(batch: list[Job]) -> None:
    """Wake the callers, one hop a loop rather than one a unit."""
    loops: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in batch:
        loops.setdefault(job.loop, []).append(job)
    for loop, jobs in loops.items():

        def wake(jobs: list[Job] = jobs) -> None:
            for job in jobs:
                job.resolve()

        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
            loop.call_soon_threadsafe(wake)
