"""A server process on one core: started, watched, paused while the other one is measured."""

import contextlib
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0


def pinned(core: int) -> list[str]:
    """Return what runs a command on one core."""
    return ["taskset", "-c", str(core)]


@contextlib.contextmanager
def ahead_of_others() -> Iterator[bool]:
    """Put this session, servers and load alike, ahead of other work; tell whether we may."""
    group = Path("/proc/self/autogroup")
    try:
        group.write_text("-10")
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        group.write_text("0")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:  # also an answer that is an error
        return False


class ServerError(Exception):
    """A server did not start or did not last; its log is in the text."""


class Pinned:
    """One process, pinned to `core`; `ready_url` answers 200 once it serves."""

    def __init__(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], folder: Path, core: int
    ) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*pinned(core), *command],
                env={**os.environ, **env},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        return self._process.pid  # taskset replaces itself by the command

    def wait_until_ready(self, url: str) -> None:
        """Return when `url` answers 200; raises `ServerError`."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            self.check()
            if _answers(url):
                return
            time.sleep(0.05)
        raise ServerError(f"{self.name} is not ready\n{self._tail()}")

    def check(self) -> None:
        """Raise `ServerError` unless it runs."""
        if self._process.poll() is not None:
            raise ServerError(f"{self.name} ended with {self._process.returncode}\n{self._tail()}")

    def cpu_seconds(self) -> float:
        """Return the CPU time of all its threads so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def pss_mib(self) -> float:
        """Return its memory: private pages, and its share of the shared ones."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
        raise ServerError("no Pss in smaps_rollup")

    def rss_peak_mib(self) -> float:
        """Return the highest resident set so far."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        raise ServerError("no VmHWM in status")

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop it, so that its timers take nothing from the one that is measured."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _tail(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]
