"""Fresh databases on either engine, empty or as copies of one that was prepared once."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Protocol

from tests.support.postgres import PostgresCluster

Prepare = Callable[[str], None]


class Databases(Protocol):
    """A place to get databases from; `dialect` is `sqlite` or `postgresql`."""

    dialect: str

    def empty(self) -> str:
        """Return the address of a new, empty database."""
        ...

    def copy_of(self, name: str, prepare: Prepare) -> str:
        """Return the address of a new copy of the template `name`.

        `prepare(address)` fills the template the first time (say, by `migrate`) and must have
        closed its connections when it returns.
        """
        ...


class SqliteDatabases:
    """Databases as files of one folder."""

    dialect = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def empty(self) -> str:
        return _address(self._next())

    def copy_of(self, name: str, prepare: Prepare) -> str:
        template = self._folder / f"template-{name}.db"
        if not template.exists():
            being_made = self._next()
            prepare(_address(being_made))
            # A write-ahead log that is left over belongs to the file and must come along.
            _fold_log(being_made)
            being_made.rename(template)
        copy = self._next()
        shutil.copyfile(template, copy)
        return _address(copy)

    def _next(self) -> Path:
        self._count += 1
        return self._folder / f"test-{self._count}.db"


class PostgresDatabases:
    """Databases of one throw-away cluster; what it gave out is dropped by `drop_all`."""

    dialect = "postgresql"

    def __init__(self, cluster: PostgresCluster) -> None:
        self._cluster = cluster
        self._templates: dict[str, str] = {}
        self._given: list[str] = []

    def empty(self) -> str:
        return self._give("template0")

    def copy_of(self, name: str, prepare: Prepare) -> str:
        if name not in self._templates:
            template = self._cluster.create()
            prepare(self._cluster.url(template))
            self._templates[name] = template
        return self._give(self._templates[name])

    def drop_all(self) -> None:
        """Drop what was given out; the templates stay."""
        while self._given:
            self._cluster.drop(self._given.pop())

    def _give(self, template: str) -> str:
        database = self._cluster.create(template)
        self._given.append(database)
        return self._cluster.url(database)


def sqlite_path(address: str) -> Path:
    """Return the file behind a SQLite address."""
    prefix = "sqlite:///"
    assert address.startswith(prefix), address
    return Path(address.removeprefix(prefix))


def _address(path: Path) -> str:
    return f"sqlite:///{path}"


def _fold_log(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
