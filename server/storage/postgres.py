"""PostgreSQL: each unit is its own short transaction on a small pool of threads (DESIGN 3.5).

Strangers never share a transaction; the server's write-ahead log groups their commits by itself.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from sqlalchemy.sql.elements import ClauseElement

from authz.tx import Row, compile_statement
from server.domain.unit import StaleSnapshotError, UnavailableError, Unit
from server.storage.postgres_pool import Connection, Pool
from server.storage.unit import HEAD, UnitBase

T = TypeVar("T")

WRITERS = 8
READERS = 4
PATIENCE_MS = 5000
RETRIES = 5
"""Times that a unit is run again after a serialization failure or a deadlock."""

_AGAIN = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)


class PostgresTx(UnitBase):
    """A transaction on one psycopg connection."""

    dialect = "postgresql"

    def __init__(self, cursor: "psycopg.Cursor[Row]", *, read_only: bool = False) -> None:
        """Run statements on `cursor`, inside the transaction that its connection is in."""
        super().__init__(read_only=read_only)
        self._cursor = cursor

    def fetch(self, statement: ClauseElement, params: Mapping[str, Any] | None = None) -> list[Row]:
        """Run a statement that returns rows."""
        compiled = compile_statement(statement, "postgresql")
        return self._run(compiled.sql, compiled.named(params)).fetchall()

    def execute(self, statement: ClauseElement, params: Mapping[str, Any] | None = None) -> int:
        """Run a statement and return how many rows it touched."""
        compiled = compile_statement(statement, "postgresql")
        return self._run(compiled.sql, compiled.named(params)).rowcount

    def execute_many(self, statement: ClauseElement, rows: Sequence[Mapping[str, object]]) -> int:
        """Run a statement once for each row, pipelined by the driver."""
        compiled = compile_statement(statement, "postgresql")
        self._cursor.executemany(compiled.sql.encode(), [compiled.named(row) for row in rows])
        return self._cursor.rowcount

    def _run(self, sql: str, params: Mapping[str, Any]) -> "psycopg.Cursor[Row]":
        # Bytes, since psycopg's type for query text wants a literal and ours is compiled.
        return self._cursor.execute(sql.encode(), params)


class PostgresStore:
    """One database, shared by any number of processes."""

    dialect = "postgresql"

    def __init__(self, url: str, *, patience_ms: int = PATIENCE_MS) -> None:
        """Connect to `url` (`postgresql://…`) when first used.

        A unit waits at most `patience_ms` for a lock, and about twice that for a database that
        does not answer.
        """
        self._writers = Pool(url, WRITERS, "writer", patience_ms=patience_ms, read_only=False)
        self._readers = Pool(url, READERS, "reader", patience_ms=patience_ms, read_only=True)
        self._heads = Pool(url, 1, "head", patience_ms=patience_ms, read_only=True)
        self._head_sql = compile_statement(HEAD, "postgresql").sql.encode()
        self._head_turn = asyncio.Lock()
        self._next_head: asyncio.Task[int] | None = None

    @property
    def waiting(self) -> int:
        """Return how many units wait for a connection or their commit."""
        return self._writers.waiting

    async def revision(self) -> int:
        """Return the newest security change.

        One shared read serves all requests that came before it was sent, and none that came
        after: those would otherwise miss a revocation acknowledged in between (DESIGN 3.6).
        """
        if self._next_head is None:
            self._next_head = asyncio.ensure_future(self._read_head())
        return await asyncio.shield(self._next_head)

    async def _read_head(self) -> int:
        # Everybody who arrives while the read before is under way shares this one.
        async with self._head_turn:
            self._next_head = None
            return await self._heads.run(self._head)

    def _head(self, connection: Connection) -> int:
        row = connection.execute(self._head_sql).fetchone()
        if row is None:
            raise UnavailableError("no head")
        return int(row[0])

    async def read(self, work: Callable[[Any], T]) -> T:
        """Run `work` in a read-only transaction of one snapshot."""

        def run(connection: Connection) -> T:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            with connection.transaction(), connection.cursor() as cursor:
                return work(PostgresTx(cursor, read_only=True))

        return await self._readers.run(run)

    async def read_row(self, work: Callable[[Any], T]) -> T:
        """Run `work`, whose one statement is a transaction by itself, in one round trip."""

        def run(connection: Connection) -> T:
            with connection.cursor() as cursor:
                return work(PostgresTx(cursor))

        return await self._readers.run(run)

    async def write(self, work: Callable[[Unit], T]) -> T:
        """Run `work` in its own transaction, again if it lost against another."""
        return await self._writers.run(lambda connection: _write(connection, work))

    async def close(self) -> None:
        """Finish what is queued and close every connection."""
        loop = asyncio.get_running_loop()
        for pool in (self._writers, self._readers, self._heads):
            await loop.run_in_executor(None, pool.close)


def _write(connection: Connection, work: Callable[[Unit], T]) -> T:
    # Whatever the server's default is: a unit that waited for a turn or a row sees, in its next
    # statement, what the one before it left.
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    for _ in range(RETRIES):
        try:
            with connection.transaction(), connection.cursor() as cursor:
                tx = PostgresTx(cursor)
                result = work(tx)
                tx.publish()
            return result
        except _AGAIN:
            continue
    raise StaleSnapshotError
