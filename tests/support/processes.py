"""Real `mandate` processes: start one, wait until it is ready, stop or kill it by its id."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.ports import free_port

START_SECONDS = 60
STOP_SECONDS = 20


def mandate_command(*arguments: str) -> list[str]:
    """Return the command line of `mandate` in the environment that runs the tests."""
    return [sys.executable, "-c", "from server.cli import main; main()", *arguments]


def run_mandate(
    *arguments: str, settings: Mapping[str, str], cwd: Path, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command of the CLI to its end and return what it printed."""
    done = subprocess.run(
        mandate_command(*arguments),
        env=environment(settings),
        cwd=cwd,
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    if check and done.returncode != 0:
        message = f"mandate {' '.join(arguments)} ended with {done.returncode}\n"
        raise RuntimeError(message + done.stdout + done.stderr)
    return done


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return our environment without its own MANDATE_ settings, and with these."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith("MANDATE_")}
    # Coverage of refusals needs no colour, and a test reads what is printed.
    return ours | {"NO_COLOR": "1", "PYTHONUNBUFFERED": "1"} | dict(settings)


def wait_for_line(process: subprocess.Popen[str], text: str) -> None:
    """Read what a process prints up to a line with `text`; raises `RuntimeError` if it ends."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        if text in line:
            return
        printed += line
    message = f"the process ended with {process.wait()}\n{printed}"
    raise RuntimeError(message)


class ServerProcess:
    """One process on a free loopback port, by default `mandate serve`.

    `settings` are its MANDATE_ variables; `{port}` in a value or an argument is replaced. Use it
    as a context manager: it leaves no process behind. Its output is in `log`.
    """

    def __init__(
        self,
        *,
        folder: Path,
        settings: Mapping[str, str],
        command: Sequence[str] | None = None,
        ready_path: str = "/readyz",
        port: int | None = None,
        start_seconds: int = START_SECONDS,
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"server-{self.port}.log"
        self._folder = folder
        self._settings = {k: v.replace("{port}", str(self.port)) for k, v in settings.items()}
        default = mandate_command("serve", "--port", "{port}")
        self._command = [part.replace("{port}", str(self.port)) for part in command or default]
        self._ready_path = ready_path
        self._start_seconds = start_seconds
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process id; with --workers, that of the parent."""
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> Self:
        """Start and return once it says that it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=environment(self._settings),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a group of its own, so that workers end with it
            )
        self._wait_until_ready()
        return self

    def stop(self) -> int:
        """Ask it to end (SIGTERM) and return its exit code."""
        assert self._process is not None, "not started"
        self._process.terminate()
        try:
            code = self._process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._process = None
        return code

    def kill(self) -> None:
        """End it and its workers with SIGKILL, at whatever instant this is."""
        assert self._process is not None, "not started"
        with contextlib.suppress(ProcessLookupError):  # it may have been quicker
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def printed(self) -> str:
        """Return all that it has printed."""
        return self.log.read_text(errors="replace")

    def __enter__(self) -> Self:
        return self if self._process is not None else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is None:
            return
        if kind is None:
            self.stop()
        else:
            self.kill()
            print(self.printed()[-4000:])

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + self._start_seconds
        while time.monotonic() < deadline:
            code = self._process.poll()
            if code is not None:
                self._process = None
                message = f"the server ended with {code}\n{self.printed()[-4000:]}"
                raise RuntimeError(message)
            if _answers_ok(self.url + self._ready_path):
                return
            time.sleep(0.02)
        self.kill()
        message = f"not ready in {self._start_seconds} s\n{self.printed()[-4000:]}"
        raise RuntimeError(message)


def _answers_ok(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except OSError:
        return False
