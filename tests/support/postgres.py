"""A throw-away PostgreSQL cluster on loopback, from Debian's packages.

One cluster serves a test session, one database a test. The server is a child of the test process:
it ends with it, also when that is killed. `durable=True` keeps fsync on, for tests that kill
Mandate; the fast mode is for everything else.
"""

import atexit
import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.ports import free_port

_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_START_SECONDS = 30
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def find_binaries() -> Path | None:
    """Return the folder of initdb and postgres, the newest of those installed, or None."""

    def version(folder: Path) -> float:
        return float(folder.parent.name)

    debian = [p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if debian:
        return max(debian, key=version)
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class PostgresCluster:
    """A running cluster; `url(name)` is what MANDATE_DATABASE_URL takes."""

    def __init__(self, binaries: Path, *, durable: bool) -> None:
        self.binaries = binaries
        self.durable = durable
        self.folder = Path(tempfile.mkdtemp(prefix="mandate-postgres-"))
        self.port = 0
        self._names = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        # initdb refuses root: Debian's package brings the user `postgres`.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)

    def start(self) -> None:
        """Make the cluster and start it; it is stopped at exit at the latest."""
        atexit.register(self.stop)
        self._run(
            *("initdb", "--pgdata", str(self._data), "--username", "postgres", "--auth", "trust"),
            *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
        )
        for _ in range(3):  # a free port may be taken before we have it
            self.port = free_port()
            if self._launch():
                return
        message = f"PostgreSQL did not start:\n{self._log.read_text(errors='replace')[-2000:]}"
        raise RuntimeError(message)

    def stop(self) -> None:
        """Stop the server and remove its files; a second call does nothing."""
        atexit.unregister(self.stop)
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # "fast": ends sessions, then itself
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait()
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """End the server at once and leave its files, as a power cut would (SIGQUIT)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()
        self._process = None

    def restart(self) -> None:
        """Start again on the same port and the same files."""
        if not self._launch():
            raise RuntimeError("PostgreSQL did not start again")

    def url(self, database: str) -> str:
        """Return the address of a database of this cluster."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "template0") -> str:
        """Create a database as a copy of `template` and return its name."""
        name = f"test_{next(self._names)}"
        with self._admin() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        return name

    def drop(self, database: str) -> None:
        """Drop a database, whoever is still connected to it."""
        with self._admin() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
            )

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _admin(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=5)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self.binaries / program, *arguments],
            check=True,
            capture_output=True,
            cwd="/",
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
        )

    def _launch(self) -> bool:
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "100",
            "shared_buffers": "64MB",
            "max_wal_size": "256MB",
            "autovacuum": "off",
            "log_min_messages": "fatal",
            **({} if self.durable else _FAST),
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self.binaries / "postgres", "-D", self._data, "-p", str(self.port)),
                    *(f"--{name}={value}" for name, value in options.items()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                user=self._user,
                group=self._user,
                extra_groups=None if self._user is None else [],
                start_new_session=True,  # Ctrl-C is for the tests, which then stop the cluster
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - the child only calls prctl
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                return False
            try:
                self._admin().close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return True
        self.kill()
        return False


def _die_with_parent() -> None:
    """Ask the kernel to stop this child fast when the test process is gone."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
