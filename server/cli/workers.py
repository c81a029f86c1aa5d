"""The parent of several workers: starts them on one socket, replaces the dead, ends them all."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from typing import Final

from server.cli.failure import FAILED, Failure
from server.cli.listening import GRACE
from server.cli.worker import READY

PAUSES: Final = (0.0, 0.5, 1.0, 2.0, 5.0)
"""Seconds before a worker is replaced that died again soon after it was ready."""
SETTLED: Final = 30.0
"""Seconds after which a worker's next death counts as its first."""
PATIENCE: Final = GRACE + 5
"""Seconds that a worker gets to end before it is killed."""

Told = Callable[[dict[str, object]], None]


def supervise(sock: socket.socket, count: int, *, told: Told) -> None:
    """Keep `count` workers on `sock` until SIGTERM or SIGINT; raises `Failure`.

    While they start, one that cannot ends all: it could not the next time either. Later it is
    tried again and again, since what it lacks (the database) may come back.
    """
    asyncio.run(_Workers(sock, count, told).run())


class _Workers:
    """The workers of one parent. `told` hears when all are ready, and of each lost and new one."""

    def __init__(self, sock: socket.socket, count: int, told: Told) -> None:
        self._sock = sock
        self._told = told
        self._stop = asyncio.Event()
        self._current: list[Process | None] = [None] * count
        self._ready = 0
        self._failure: Failure | None = None
        # The read end goes to the workers; they see its end when we are gone.
        self._lifeline, self._held = os.pipe()

    @property
    def _all_were_ready(self) -> bool:
        return self._ready == len(self._current)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        async with asyncio.TaskGroup() as group:
            for place in range(len(self._current)):
                group.create_task(self._keep(place))
            group.create_task(self._end_when_told())
        if self._failure is not None:
            raise self._failure

    async def _keep(self, place: int) -> None:
        """Run one worker after the other in this place."""
        loop = asyncio.get_running_loop()
        lost: int | None = None
        deaths = 0
        while not self._stop.is_set():
            began = loop.time()
            process = await self._start(place)
            if process is not None:
                self._announce(process, lost)
                began, lost = loop.time(), process.pid
                await process.wait()
            process = self._current[place]
            if self._stop.is_set() or process is None:
                return
            if loop.time() - began > SETTLED:
                deaths = 0
            self._told({"event": "lost", "pid": process.pid, "code": process.returncode})
            await self._pause(PAUSES[min(deaths, len(PAUSES) - 1)])
            deaths += 1

    async def _start(self, place: int) -> Process | None:
        """Start a worker and return it once it is ready; none if it ended before."""
        passed = (self._sock.fileno(), self._lifeline)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-c", _run_from(sys.path), *(str(number) for number in passed),
            pass_fds=passed, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE,
        )  # fmt: skip
        self._current[place] = process
        if self._stop.is_set():
            process.terminate()
        assert process.stdout is not None  # noqa: S101 - we asked for the pipe
        if (await process.stdout.readline()).decode().strip() == READY:
            return process
        code = await process.wait()
        if not self._all_were_ready and not self._stop.is_set():
            # Kept until the others have ended as well.
            text = "a worker could not start, its line says why"
            self._failure = Failure(text, code=code if code > 0 else FAILED)
            self._stop.set()
        return None

    def _announce(self, process: Process, lost: int | None) -> None:
        if lost is not None:
            self._told({"event": "replaced", "pid": process.pid, "lost": lost})
            return
        self._ready += 1
        if self._all_were_ready:
            pids = [worker.pid for worker in self._current if worker is not None]
            self._told({"event": "ready", "pid": os.getpid(), "workers": pids})

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    async def _end_when_told(self) -> None:
        await self._stop.wait()
        running = [p for p in self._current if p is not None and p.returncode is None]
        for process in running:
            process.terminate()
        waits = [asyncio.create_task(process.wait()) for process in running]
        if waits:
            await asyncio.wait(waits, timeout=PATIENCE)
        for process in running:
            if process.returncode is None:
                process.kill()


def _run_from(path: list[str]) -> str:
    """Return a program that imports from where we do, not from the working directory."""
    return (
        f"import sys; sys.path[:] = {path!r}; "
        "from server.cli.worker import main; raise SystemExit(main())"
    )
