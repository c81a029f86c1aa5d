"""Processes of the demo: started, awaited by asking them, ended by their id on every way out."""

import asyncio
import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

START_SECONDS = 60
STOP_SECONDS = 10


class StageError(Exception):
    """The demo cannot go on; the text says why."""


def free_ports(count: int) -> list[int]:
    """Return several free loopback ports: all are held until the last is found."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return what a program needs of ours and nothing that configures a server, with `settings`."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
    ours = {name: os.environ[name] for name in kept if name in os.environ}
    return ours | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1"} | dict(settings)


@dataclass
class Process:
    """One process with its log."""

    name: str
    log: Path
    command: Sequence[str]
    settings: Mapping[str, str]
    folder: Path
    ready_url: str
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int:
        """Return its id."""
        if self._process is None:
            raise StageError(f"{self.name} is not running")
        return self._process.pid

    def start(self) -> "Process":
        """Start it; `ready` waits for it."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env=environment(self.settings),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is ours: we end the others in our order.
                start_new_session=True,
            )
        return self

    async def ready(self) -> None:
        """Ask until it answers; raises `StageError` if it ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        async with httpx2.AsyncClient(trust_env=False, timeout=2) as http:
            while time.monotonic() < deadline:
                if self._process is None or self._process.poll() is not None:
                    raise StageError(f"{self.name} did not start:\n{self.tail()}")
                try:
                    answer = await http.get(self.ready_url)
                    # A protected server is ready when it refuses (401).
                    if answer.status_code < 500:
                        return
                except httpx2.TransportError:
                    pass
                await asyncio.sleep(0.05)
        raise StageError(f"{self.name} was not ready in {START_SECONDS} s:\n{self.tail()}")

    def stop(self) -> None:
        """Ask it to end, then make it end."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def tail(self, lines: int = 15) -> str:
        """Return the end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@dataclass
class Desk:
    """The operator's desk (`desk.py`): `mandate` commands in a process of their own."""

    command: Sequence[str]
    folder: Path
    log: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    told: Callable[[str], object] = str
    """Hears each command line."""
    _process: "subprocess.Popen[str] | None" = None

    def start(self) -> "Desk":
        """Start it."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env=environment(self.settings),
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        return self

    async def mandate(self, *arguments: str, **settings: str) -> dict[str, Any]:
        """Run `mandate … --json` and return its document; raises `StageError`."""
        code, said, complained = await self.try_mandate(*arguments, "--json", **settings)
        if code != 0:
            raise StageError(f"mandate {' '.join(arguments)}: {complained or said}")
        found = json.loads(said)
        if not isinstance(found, dict):
            raise StageError(f"mandate {' '.join(arguments)} gave no document")
        return found

    async def try_mandate(self, *arguments: str, **settings: str) -> tuple[int, str, str]:
        """Run a command; return its exit code and what it printed on both streams."""
        self.told(shlex.join(("mandate", *arguments)))
        return await asyncio.to_thread(self._ask, list(arguments), settings)

    def _ask(self, arguments: list[str], settings: dict[str, str]) -> tuple[int, str, str]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise StageError("the desk is closed")
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps({"arguments": arguments, "settings": settings}) + "\n")
            process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise StageError(f"mandate {' '.join(arguments)} broke down: see {self.log}")
        answer = json.loads(line)
        return answer["code"], answer["said"], answer["complained"]

    def stop(self) -> None:
        """Close it."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        # Only now: a command that was under way is still read by its thread.
        if process.stdout is not None:
            process.stdout.close()
