"""Bring a database to this version's schema; a server never migrates itself (DESIGN, style D15)."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

import authz.stores
import server.storage.migrations
from server.domain.unit import UnavailableError
from server.storage.sqlite_file import create_private


class SchemaError(Exception):
    """This version cannot use that database at all; the text says why and what to do."""


def _config() -> Config:
    here = Path(server.storage.migrations.__file__).parent
    theirs = Path(authz.stores.__file__).parent / "migrations" / "versions"
    config = Config()
    config.set_main_option("script_location", str(here))
    config.set_main_option("version_locations", f"{here / 'versions'}\n{theirs}")
    config.set_main_option("path_separator", "newline")
    return config


def _engine(url: str, *, changes: bool = False) -> sa.Engine:
    if (file := _file(url)) is not None:
        create_private(file)
    else:
        url = "postgresql+psycopg://" + url.split("://", 1)[1]
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    if changes and engine.dialect.name == "sqlite":
        # Python's module would commit before each change of a table, and a migration that is
        # killed in the middle could neither go on nor back.
        sa.event.listen(engine, "connect", _autocommit)
        sa.event.listen(engine, "begin", _begin)
    return engine


def _autocommit(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _file(url: str) -> str | None:
    """Return the file of a SQLite database, or none for PostgreSQL; raises `SchemaError`."""
    if url.startswith(("postgresql://", "postgres://")):
        return None
    file = url.removeprefix("sqlite:///")
    if file in {"", ":memory:", url}:
        raise SchemaError("MANDATE_DATABASE_URL is sqlite:///file or postgresql://host/database")
    return file


@contextmanager
def _told() -> Iterator[None]:
    """Turn what the driver and Alembic raise into what an operator can act on."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise UnavailableError(str(error.orig).partition("\n")[0]) from error
    except (sa.exc.ArgumentError, ValueError) as error:
        # Its text may quote the URL, password included.
        raise SchemaError("MANDATE_DATABASE_URL cannot be read as a URL") from error
    except CommandError as error:
        message = f"a newer Mandate has used this database ({error}): install that version"
        raise SchemaError(message) from error


def upgrade(url: str, *, branch: str = "") -> None:
    """Apply every missing migration, or those of one branch, in one transaction.

    Raises `UnavailableError` and `SchemaError`.
    """
    config = _config()
    with _told(), _engine(url, changes=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            # Two operators who migrate at once: the second waits, then finds nothing to do.
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7716438126)"))
        config.attributes["connection"] = connection
        command.upgrade(config, f"{branch}@head" if branch else "heads")


def downgrade(url: str, revision: str) -> None:
    """Undo migrations down to `revision`; for tests and for an operator who must go back."""
    config = _config()
    with _engine(url, changes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def missing(url: str, *, branch: str = "") -> list[str]:
    """Return the revisions that this version (or one branch) needs and the database has not.

    Raises `UnavailableError` and `SchemaError`.
    """
    return sorted(wanted(branch) - set(applied(url)))


def applied(url: str) -> list[str]:
    """Return the revisions that the database has; none for one that is new.

    Looking makes no file. Raises `UnavailableError` and `SchemaError`.
    """
    if (file := _file(url)) is not None and not Path(file).exists():
        return []
    with _told(), _engine(url).connect() as connection:
        have = MigrationContext.configure(connection).get_current_heads()
    refuse_newer(have)
    return sorted(have)


def refuse_newer(revisions: Iterable[str]) -> None:
    """Raise `SchemaError` if one of the revisions is not known to this version."""
    with _told():
        ScriptDirectory.from_config(_config()).get_revisions(tuple(revisions))


def wanted(branch: str = "") -> set[str]:
    """Return the newest revision of each branch that this version knows, or of one."""
    scripts = ScriptDirectory.from_config(_config())
    found = scripts.get_revisions(f"{branch}@head" if branch else "heads")
    return {script.revision for script in found}
