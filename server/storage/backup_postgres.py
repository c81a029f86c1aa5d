"""PostgreSQL's own `pg_dump` and `pg_restore`; the password goes by environment, never by argv."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import IO, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from server.storage.backup import BackupError
from server.storage.migrate import SchemaError, refuse_newer

_MAGIC: Final = b"PGDMP"
_PACKAGE: Final = "install PostgreSQL's client programs (Debian: postgresql-client)"


def dump(url: str, file: IO[bytes]) -> None:
    """Write a dump in PostgreSQL's custom format; raises `BackupError`."""
    arguments = ["--no-password", "--format=custom", "--no-owner", "--no-privileges"]
    _run("pg_dump", [*arguments, "--dbname", _public(url)], url, stdout=file)
    file.flush()


def load(url: str, source: Path, *, force: bool) -> None:
    """Restore a dump in one transaction; raises `BackupError`, and then nothing has changed."""
    with source.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise BackupError(f"{source} is not a backup of a PostgreSQL database")
    _check_schema(url, source)
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            _check_target(connection, force=force)
    except psycopg.Error as error:
        raise BackupError(f"the database cannot be reached: {type(error).__name__}") from None
    arguments = ["--no-password", "--exit-on-error", "--single-transaction"]
    arguments += ["--no-owner", "--no-privileges"]
    if force:
        arguments += ["--clean", "--if-exists"]
    _run("pg_restore", [*arguments, "--dbname", _public(url), str(source)], url)


def _check_target(connection: "psycopg.Connection[tuple[object, ...]]", *, force: bool) -> None:
    others = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND application_name LIKE 'mandate %'"
    ).fetchone()
    if others is not None and others[0]:
        raise BackupError("the database is in use: stop every server first")
    tables = connection.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()"
    ).fetchone()
    if tables is not None and tables[0] and not force:
        raise BackupError("the database is not empty; with --force its tables are replaced")


def _check_schema(url: str, source: Path) -> None:
    arguments = ["--data-only", "--table=alembic_version", "--file=-", str(source)]
    script = _run("pg_restore", arguments, url).decode(errors="replace")
    _, _, rows = script.partition("FROM stdin;\n")
    revisions = rows.partition("\\.")[0].split()
    if not revisions:
        raise BackupError("the file is no backup of Mandate: it names no schema")
    try:
        refuse_newer(revisions)
    except SchemaError as error:
        raise BackupError(str(error)) from None


def _public(url: str) -> str:
    """Return the connection's parameters without its secrets: argv is there for all to read."""
    parameters = conninfo_to_dict(url)
    if "sslpassword" in parameters:
        raise BackupError("sslpassword cannot be handed on: use a key file without a password")
    return make_conninfo("", **{k: v for k, v in parameters.items() if k != "password"})


def _run(
    program: str, arguments: list[str], url: str, *, stdout: IO[bytes] | int = subprocess.PIPE
) -> bytes:
    found = shutil.which(program)
    if found is None:
        raise BackupError(f"{program} is not installed: {_PACKAGE}")
    environment = dict(os.environ)
    password = conninfo_to_dict(url).get("password")
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    done = subprocess.run(  # noqa: S603 - a fixed program and our own arguments, no shell
        [found, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise BackupError(f"{program} failed: {lines[0] if lines else done.returncode}")
    return done.stdout or b""
