"""A small pool of threads with one PostgreSQL connection each, reopened after a failure.

A database that is gone, stuck or read-only ends as `UnavailableError` within a bounded time; one
that is back is used again by the next unit.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict

from authz.tx import Row
from server.domain.unit import ConflictError, UnavailableError

T = TypeVar("T")
Connection = psycopg.Connection[Row]

MAX_WAITING: Final = 4096
_KEEPALIVES: Final = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
}
# A bug of one unit: it has no business to close a connection that others use.
_OF_THE_UNIT: Final = (psycopg.DataError, psycopg.ProgrammingError, psycopg.NotSupportedError)


_OPERATOR_INTERVENES: Final = "57P"
"""SQLSTATE of admin_shutdown, crash_shutdown and their like."""


class Pool:
    """Threads with one connection each."""

    def __init__(
        self, url: str, size: int, name: str, *, patience_ms: int, read_only: bool
    ) -> None:
        """Open at most `size` connections to `url`, each when it is first needed."""
        self._patience = patience_ms / 1000
        patience_s = max(2, round(self._patience))  # libpq knows no shorter one
        self._parameters: dict[str, str] = {
            # What the operator's URL says wins.
            "connect_timeout": str(patience_s),
            # A peer that vanished without a word is noticed, not waited for.
            "tcp_user_timeout": str(patience_s * 1000),
            **_KEEPALIVES,
            "application_name": f"mandate {name}",
            **{k: str(v) for k, v in conninfo_to_dict(url).items() if v is not None},
        }
        # Set by statements and not at connection time, since pgbouncer refuses the latter.
        self._settings = (
            f"SET lock_timeout = {patience_ms:d};"
            f"SET statement_timeout = {patience_ms * 2:d};"
            f"SET idle_in_transaction_session_timeout = {patience_ms * 2:d};"
            # An acknowledged commit survives a crash, also on a server that is set otherwise; a
            # stronger setting (remote_apply) is the operator's and stays.
            "SELECT set_config('synchronous_commit', 'on', false)"
            " WHERE current_setting('synchronous_commit') = 'off'"
            + (";SET default_transaction_read_only = on" if read_only else "")
        ).encode()
        self._local = threading.local()
        self._open: set[Connection] = set()
        self._executor = ThreadPoolExecutor(size, thread_name_prefix=name)
        self._losses = 0
        self.waiting = 0

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a thread of the pool; raises `UnavailableError`, `ConflictError`."""
        if self.waiting >= MAX_WAITING:
            raise UnavailableError("queue")
        loop = asyncio.get_running_loop()
        try:
            future = loop.run_in_executor(self._executor, self._guarded, work, time.perf_counter())
        except RuntimeError as error:  # the pool is closed
            raise UnavailableError("closed") from error
        # Counted until it is done, also when its caller goes away.
        self.waiting += 1
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def _done(self, _future: object) -> None:
        self.waiting -= 1

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is not None and (connection.closed or self._local.losses != self._losses):
            # What ended one connection (a restart, a switch to another server) most likely ended
            # those of the other threads, which do not know it yet.
            self._discard()
            connection = None
        if connection is None:
            self._local.losses = self._losses
            connection = psycopg.connect(autocommit=True, **self._parameters)  # type: ignore[arg-type]
            self._local.connection = connection
            self._open.add(connection)
            connection.execute(self._settings)
        return connection

    def _guarded(self, work: Callable[[Connection], T], queued: float) -> T:
        if time.perf_counter() - queued > self._patience:
            # The database was away meanwhile: whoever is last in a long queue does not pay the
            # time-outs of all before.
            raise UnavailableError("queue")
        try:
            return work(self._connection())
        except StopIteration as error:
            # A future refuses it, and the caller would wait for ever.
            raise RuntimeError("a unit raised StopIteration") from error
        except psycopg.IntegrityError as error:
            raise ConflictError(type(error).__name__) from error
        except _OF_THE_UNIT:
            raise
        except psycopg.Error as error:
            if self._lost(error):
                self._losses += 1
            self._discard()
            raise UnavailableError(type(error).__name__) from error

    def _lost(self, error: psycopg.Error) -> bool:
        connection: Connection | None = getattr(self._local, "connection", None)
        # A server that stops says so on the connection before it closes it.
        stops = (error.sqlstate or "").startswith(_OPERATOR_INTERVENES)
        return connection is not None and (connection.closed or stops)

    def _discard(self) -> None:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            self._open.discard(connection)
            with contextlib.suppress(psycopg.Error):
                connection.close()
            self._local.connection = None

    def close(self) -> None:
        """Finish what is queued and close the connections."""
        self._executor.shutdown(wait=True)
        while self._open:
            with contextlib.suppress(psycopg.Error):
                self._open.pop().close()
