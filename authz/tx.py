"""The one way to the database: a small synchronous transaction that several drivers implement.

A unit of work is a plain function over a `Tx`. Where it runs is the adapter's affair: on the
writer thread (SQLite) or on a pooled connection (PostgreSQL). So the relationship store and the
server share one transaction: a consent and its tuples commit together (DESIGN 3.5, 3.9).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, Protocol, Self, TypeVar

from sqlalchemy import Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement, ColumnElement
from sqlalchemy.sql.expression import Insert
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import Boolean, Text

T = TypeVar("T")
Row = tuple[Any, ...]


class Tx(Protocol):
    """A running transaction. Statements are SQLAlchemy Core constants, compiled once a dialect."""

    @property
    def dialect(self) -> str:
        """Name the database: `sqlite` or `postgresql`."""
        ...

    @property
    def read_only(self) -> bool:
        """Tell whether this is one view of what is committed, and nothing can be written in it."""
        ...

    def fetch(
        self, statement: ClauseElement, params: Mapping[str, object] | None = None
    ) -> list[Row]:
        """Run a statement that returns rows (also `… RETURNING`)."""
        ...

    def execute(self, statement: ClauseElement, params: Mapping[str, object] | None = None) -> int:
        """Run a statement and return how many rows it touched."""
        ...

    def execute_many(self, statement: ClauseElement, rows: Sequence[Mapping[str, object]]) -> int:
        """Run a statement once for each row and return how many rows it touched in all."""
        ...


class Database(Protocol):
    """Reads and atomic units. Work functions do no crypto, no network, and never await."""

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on one consistent view of the data."""
        ...

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` as one unit and return only when it is durable; an exception undoes it."""
        ...


class in_json(ColumnElement[bool]):  # noqa: N801 - reads as an operator in a statement
    """`column IN (the texts of a JSON array)`: one prepared statement for lists of any length.

    The bound value is the array as JSON text, under the parameter `name`.
    """

    inherit_cache = False
    type = Boolean()

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        """Compare `column` with the elements of the parameter called `name`."""
        self.column = column
        self.param = bindparam(name, type_=Text())

    def self_group(self, against: OperatorType | None = None) -> Self:
        """Stand as it is: `(… IN …) = 1`, which SQLite would get otherwise, uses no index."""
        return self


@compiles(in_json, "sqlite")
def _in_json_sqlite(element: in_json, compiler: SQLCompiler, **kw: Any) -> str:
    column = compiler.process(element.column, **kw)
    array = compiler.process(element.param, **kw)
    return f"{column} IN (SELECT value FROM json_each({array}))"  # noqa: S608 - a name of ours


@compiles(in_json, "postgresql")
def _in_json_postgresql(element: in_json, compiler: SQLCompiler, **kw: Any) -> str:
    column = compiler.process(element.column, **kw)
    array = compiler.process(element.param, **kw)
    # An array and not a subquery: OR of two subqueries would scan the table.
    return f"{column} = ANY (ARRAY(SELECT json_array_elements_text(CAST({array} AS json))))"


class insert_ignore(Insert):  # noqa: N801 - reads as a statement
    """`INSERT … ON CONFLICT DO NOTHING`, which SQLite and PostgreSQL spell alike."""

    inherit_cache = False

    def __init__(self, table: Table) -> None:
        """Insert every column of `table` from parameters of the columns' names."""
        super().__init__(table)


@compiles(insert_ignore)
def _insert_ignore(element: insert_ignore, compiler: SQLCompiler, **kw: Any) -> str:
    text = compiler.visit_insert(element, **kw)  # type: ignore[no-untyped-call]
    return f"{text} ON CONFLICT DO NOTHING"


DIALECTS = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),
    "postgresql": postgresql.psycopg.dialect(paramstyle="pyformat"),  # type: ignore[no-untyped-call]
}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement as text for the raw driver, with the values of its own literals."""

    sql: str
    literals: Mapping[str, object]
    names: tuple[str, ...]
    """The parameters in their order, where the driver takes them by place (SQLite)."""
    _pick: Callable[[Mapping[str, object]], tuple[object, ...]]

    def placed(self, params: Mapping[str, object] | None) -> tuple[object, ...]:
        """Return the values in the order of `names`: SQLite looks up each name in each run."""
        if not self.names:
            return ()
        if not self.literals:
            return self._pick(params or {})
        return self._pick({**self.literals, **(params or {})})

    def named(self, params: Mapping[str, object] | None) -> Mapping[str, object]:
        """Return the values by name."""
        return {**self.literals, **(params or {})}


@lru_cache(maxsize=4096)
def compile_statement(statement: ClauseElement, dialect: str) -> Compiled:
    """Render a statement for the raw driver of `dialect`, once: statements are constants."""
    compiled = statement.compile(dialect=DIALECTS[dialect])
    literals = {k: v for k, v in (compiled.params or {}).items() if v is not None}
    names = tuple(compiled.positiontup or ()) if isinstance(compiled, SQLCompiler) else ()
    return Compiled(str(compiled), literals, names, _picker(names))


def _picker(names: tuple[str, ...]) -> Callable[[Mapping[str, object]], tuple[object, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)
