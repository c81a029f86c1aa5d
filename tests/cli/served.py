"""`mandate serve` as a process whose events a test reads as they come."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from tests.support.processes import START_SECONDS, STOP_SECONDS, environment, mandate_command


class Served:
    """A running server; `ready` is its first event."""

    def __init__(self, *options: str, settings: Mapping[str, str], cwd: Path) -> None:
        self.log = cwd / "served.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                mandate_command("serve", "--port", "0", "--json", *options),
                env=environment(settings), cwd=cwd, text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        try:
            self.ready = self.event()
        except BaseException:
            self.kill()
            raise
        self.http = httpx2.Client(base_url=self.ready["url"], trust_env=False, timeout=30)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._events.put(json.loads(line))

    def event(self) -> dict[str, Any]:
        """Return the next event; fail if none comes."""
        try:
            return self._events.get(timeout=START_SECONDS)
        except queue.Empty:
            raise AssertionError(self.log.read_text()) from None

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """End it and everything that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.http.close()
        self.kill()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        if kind is not None:
            print(self.log.read_text()[-4000:])
