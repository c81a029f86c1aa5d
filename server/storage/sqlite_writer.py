"""The writer of a SQLite file: one connection, many units in one commit.

Units run on the loop, one after the other; only what waits for the disk or for another process
(COMMIT, the lock) runs in a thread. Statements of a unit take microseconds each, and in a thread
each of them would fight with the loop for the interpreter lock (benchmarks/README.md).

A unit that fails leaves its neighbours alone: then the batch runs once more, each unit in a
savepoint of its own (units can be run again: PostgreSQL does so after a lost race). What fails the
whole batch (disk full, lock, I/O) fails each unit in it: nothing is acknowledged that may not
be on disk. The writer outlives every failure and opens the file again.
"""

import asyncio
import contextlib
import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from server.domain.unit import ConflictError, UnavailableError, Unit
from server.storage.side_thread import SideThread
from server.storage.sqlite_file import SqliteTx, connect

MAX_BATCH = 64
_FIRST_PAUSE = 0.0005
_LONGEST_PAUSE = 0.008
"""Seconds between two tries for the lock. SQLite's own pauses grow to 100 ms, with which one of
two busy processes starves."""


class Job:
    """One unit that waits for the writer: its work, and the future of its caller."""

    __slots__ = ("done", "error", "future", "loop", "result", "work")

    def __init__(
        self,
        work: Callable[[Unit], Any],
        future: "asyncio.Future[Any]",
        loop: asyncio.AbstractEventLoop,
        done: Callable[[], None],
    ) -> None:
        """Run `work`, then call `done` and resolve `future` on `loop`."""
        self.work = work
        self.future = future
        self.loop = loop
        self.done = done
        self.result: Any = None
        self.error: Exception | None = None

    def resolve(self) -> None:
        """Tell the caller, if it still waits; on its loop."""
        self.done()
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
    """The one writer of this process. Every method is called on the loop that writes."""

    def __init__(self, path: str, patience_ms: int) -> None:
        """Write to `path`; wait for other processes at most `patience_ms` a batch."""
        self._path = path
        self._patience = patience_ms / 1000
        self._waiting: deque[Job] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        """The loop of the batch that is under way; none while nothing is."""
        self._idle: list[asyncio.Future[None]] = []
        self._thread = SideThread("writer")
        self._connection: sqlite3.Connection | None = None
        self._jitter = os.getpid()

    def put(self, job: Job) -> None:
        """Queue a unit; never after `close`."""
        self._leave_dead_loop(job.loop)
        self._waiting.append(job)
        if self._loop is None:
            self._loop = job.loop
            job.loop.call_soon(self._gather, job.loop, 0)

    def _gather(self, loop: asyncio.AbstractEventLoop, before: int) -> None:
        """Begin once a turn of the loop brought no further unit.

        A commit and the way to the thread and back cost far more than a turn, so whoever is on
        the way comes along.
        """
        if self._loop is not loop:
            return  # another loop took over
        waiting = len(self._waiting)
        if before < waiting < MAX_BATCH:
            loop.call_soon(self._gather, loop, waiting)
        else:
            self._next_batch()

    async def close(self) -> None:
        """Finish what is queued, then end the thread."""
        loop = asyncio.get_running_loop()
        self._leave_dead_loop(loop)
        while self._loop is not None:
            idle = loop.create_future()
            self._idle.append(idle)
            await idle
        self._thread.end()
        self._disconnect()

    def _leave_dead_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Forget a batch whose loop ended under it: its callers are gone as well."""
        if self._loop is not None and self._loop is not loop:
            self._thread.end()
            self._rollback()
            self._waiting.clear()
            self._loop = None

    def _next_batch(self) -> None:
        """Take what waits and run it in one transaction."""
        batch = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
        if not batch:
            self._loop = None
            for idle in self._idle:
                if not idle.done():
                    idle.set_result(None)
            self._idle.clear()
            return
        try:
            connection = self._connection or self._connect()
            connection.execute("BEGIN IMMEDIATE")
        except BaseException as error:
            if isinstance(error, sqlite3.OperationalError) and _is_busy(error):
                self._aside(self._wait_for_lock, lambda lost: self._run(batch, lost), batch)
                return
            self._finish(batch, error)
            if not isinstance(error, Exception):
                raise
            return
        self._run(batch, None)

    def _aside(
        self,
        work: Callable[[], None],
        then: Callable[[BaseException | None], None],
        batch: list[Job],
    ) -> None:
        """Run `work` in the thread, and `then` on the loop."""
        self._thread.run(work, then, batch[0].loop)

    def _run(self, batch: list[Job], lost: BaseException | None) -> None:
        """Run the units; then commit, in the thread."""
        connection = self._connection
        if lost is not None or connection is None:
            self._finish(batch, lost or UnavailableError("connection"))
            return
        try:
            _run_units(connection, batch)
        except BaseException as error:
            self._finish(batch, error)
            if not isinstance(error, Exception):
                raise
            return
        commit = connection.execute
        self._aside(lambda: _commit(commit), lambda lost: self._finish(batch, lost), batch)

    def _finish(self, batch: list[Job], error: BaseException | None) -> None:
        """Tell the callers, and go on; whatever happened, nobody is left waiting."""
        if error is not None:
            for job in batch:
                job.error = UnavailableError(type(error).__name__)
            self._recover(error, batch)
        for job in batch:
            job.resolve()
        # The callers first: their answers need not wait for the units of others.
        batch[0].loop.call_soon(self._next_batch)

    def _connect(self) -> sqlite3.Connection:
        busy_ms = round(self._patience * 1000)
        connection = connect(self._path, busy_ms=busy_ms)
        connection.execute("PRAGMA busy_timeout=0")  # `_wait_for_lock` waits, and better
        self._connection = connection
        return connection

    def _wait_for_lock(self) -> None:
        """Take the write lock, with short uneven pauses while another process has it."""
        if self._connection is None:
            raise UnavailableError("connection")
        deadline = time.perf_counter() + self._patience
        pause = _FIRST_PAUSE
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
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
        self._rollback()
        if isinstance(error, sqlite3.OperationalError) and _is_busy(error):
            # Whoever queued up behind a stuck lock has waited as well: tell them now, so that
            # the last of a long queue does not wait one patience for each batch before it.
            for job in self._waiting:
                job.error = UnavailableError(type(error).__name__)
            batch.extend(self._waiting)
            self._waiting.clear()
        else:
            # An I/O error may have left the connection unusable: the next batch opens the file.
            self._disconnect()

    def _rollback(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def _commit(execute: Callable[[str], object]) -> None:
    execute("COMMIT")


def _is_busy(error: sqlite3.OperationalError) -> bool:
    # The low byte of an extended code is its primary code (SQLITE_BUSY_RECOVERY and others).
    code = getattr(error, "sqlite_errorcode", 0)  # absent when Python's module, not SQLite, raised
    return (code & 0xFF) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _run_units(connection: sqlite3.Connection, batch: list[Job]) -> None:
    tx = SqliteTx(connection)
    connection.execute("SAVEPOINT batch")
    try:
        for job in batch:
            job.result = job.work(tx)
            tx.publish()
    except Exception:
        # Disk full, I/O error: SQLite may have ended the transaction, and then the batch fails.
        if not connection.in_transaction:
            raise
        connection.execute("ROLLBACK TO batch")
        tx.undone()
        for job in batch:
            _run_unit(connection, tx, job)


def _run_unit(connection: sqlite3.Connection, tx: SqliteTx, job: Job) -> None:
    connection.execute("SAVEPOINT unit")
    try:
        job.result = job.work(tx)
        tx.publish()
    except sqlite3.Error as error:
        if not connection.in_transaction:
            raise
        connection.execute("ROLLBACK TO unit")
        tx.undone()
        job.error = _as_ours(error)
    except Exception as error:  # noqa: BLE001 - handed to the caller, whose unit is undone
        connection.execute("ROLLBACK TO unit")
        tx.undone()
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
