"""Backup to one file and restore from it, while the server runs or before it starts.

The key-encryption key is not in a backup: private keys and secrets in it stay sealed. Keep both,
apart from each other. A restore brings back what was revoked since the backup; docs/operations.md
says what to do then.
"""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from server.storage.migrate import SchemaError, applied, refuse_newer

_MAGIC: Final = b"SQLite format 3\0"


class BackupError(Exception):
    """The backup or restore was not done; the text says why and what to do, without secrets."""


def backup(url: str, target: Path) -> None:
    """Write a consistent copy of the database to the new file `target`, of mode 0600.

    Raises `BackupError`; then there is no file.
    """
    if target.exists():
        raise BackupError(f"{target} exists; a backup overwrites nothing: choose another name")
    part = target.with_name(target.name + ".part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BackupError(f"cannot write {part}: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            if url.startswith("sqlite:///"):
                _copy_sqlite(Path(url.removeprefix("sqlite:///")), part)
            else:
                from server.storage.backup_postgres import dump  # noqa: PLC0415 - an extra

                dump(url, file)
            os.fsync(file.fileno())
        # A link, unlike a rename, never replaces a file that came meanwhile.
        os.link(part, target)
    except OSError as error:
        raise BackupError(f"cannot write {target}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(target.parent)


def restore(url: str, source: Path, *, force: bool = False) -> None:
    """Fill the database from a backup; `force` replaces one that holds something.

    Stop every server of that database first. Raises `BackupError`; then the database is as it was.
    """
    if not source.is_file():
        raise BackupError(f"{source} is not a file")
    if not url.startswith("sqlite:///"):
        from server.storage.backup_postgres import load  # noqa: PLC0415 - an extra

        load(url, source, force=force)
        return
    if _first_bytes(source) != _MAGIC:
        raise BackupError(f"{source} is not a backup of a SQLite database")
    target = Path(url.removeprefix("sqlite:///"))
    if not force and target.exists() and _tables(target):
        raise BackupError(f"{target} is not empty; with --force it is replaced")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = target.with_name(target.name + ".restoring")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file, source.open("rb") as given:
            shutil.copyfileobj(given, file)
            file.flush()
            os.fsync(handle)
        _check_sqlite(part)
        _check_schema(part)
        _retire(target)
        part.replace(target)
    except OSError as error:
        raise BackupError(f"cannot write {target}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _first_bytes(source: Path) -> bytes:
    try:
        with source.open("rb") as file:
            return file.read(len(_MAGIC))
    except OSError as error:
        raise BackupError(f"cannot read {source}: {error.strerror}") from None


def _copy_sqlite(source: Path, part: Path) -> None:
    if not source.exists():
        raise BackupError(f"there is no database {source}")
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True)) as live,
            closing(sqlite3.connect(part)) as copy,
        ):
            # In one go: the copy begins anew whenever somebody writes between two parts. Writers
            # do not wait for it, since it reads a snapshot.
            live.backup(copy)
            # One file, without a write-ahead log beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise BackupError(f"{source} cannot be copied: {error}") from None
    _check_sqlite(part)


def _check_sqlite(path: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    except sqlite3.Error as error:
        raise BackupError(f"the copy is damaged: {error}") from None
    if found != ["ok"]:
        raise BackupError(f"the copy is damaged: {'; '.join(found)}")


def _check_schema(path: Path) -> None:
    try:
        have = applied(f"sqlite:///{path}")
        refuse_newer(have)
    except SchemaError as error:
        raise BackupError(str(error)) from None
    if not have:
        raise BackupError("the file is no backup of Mandate: it names no schema")


def _tables(path: Path) -> int:
    try:
        with closing(sqlite3.connect(path)) as connection:
            return int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    except sqlite3.Error:
        return 1  # something is there, even if it is no database


def _retire(target: Path) -> None:
    """Make sure that nobody has the old file open, and that it leaves no log behind."""
    if not target.exists():
        return
    try:
        with closing(sqlite3.connect(target, timeout=1)) as connection:
            # Only a connection that is alone may leave the write-ahead log.
            mode = connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
            if mode == "wal":
                raise BackupError(f"{target} is in use: stop every server first")
    except sqlite3.OperationalError:
        raise BackupError(f"{target} is in use: stop every server first") from None
    except sqlite3.DatabaseError:
        pass  # not readable as a database: --force replaces it
    for suffix in ("-wal", "-shm", "-journal"):
        # A log of the old file would be played into the new one.
        target.with_name(target.name + suffix).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
