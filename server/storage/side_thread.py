"""A thread beside the loop for what blocks: one call at a time, its end told on the loop."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable

Then = Callable[[BaseException | None], None]
_Call = tuple[Callable[[], None], Then, asyncio.AbstractEventLoop]


class SideThread:
    """Starts with the first call; `end` and a later call start it anew."""

    def __init__(self, name: str) -> None:
        """Call the thread `name`."""
        self._name = name
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def run(self, work: Callable[[], None], then: Then, loop: asyncio.AbstractEventLoop) -> None:
        """Run `work` in the thread, then `then` on `loop` with what it raised, or none."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        self._calls.put((work, then, loop))

    def end(self) -> None:
        """Wait for the calls so far and end the thread."""
        if self._thread is not None:
            self._calls.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            work, then, loop = call
            lost: BaseException | None = None
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - told to the caller, whatever it was
                lost = error
            with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
                loop.call_soon_threadsafe(then, lost)
            del work, then, call
