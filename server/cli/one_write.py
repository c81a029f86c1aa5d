"""A transport that sends what is written in one turn of the loop with one system call.

uvicorn writes head and body of an answer apart, and each write is a call into the kernel that
hands a packet to the peer: on loopback it costs as much as signing half a token.
"""

import asyncio
from typing import Any


class OneWrite(asyncio.Transport):
    """Wraps a transport; whatever else is asked of it goes through."""

    __slots__ = ("_held", "_inner", "_loop")

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Hold writes back until `loop` has run what is ready now."""
        self._inner = inner
        self._loop = loop
        self._held: list[bytes | bytearray | memoryview] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)

    def close(self) -> None:
        self._flush()
        self._inner.close()

    def abort(self) -> None:
        self._held.clear()
        self._inner.abort()

    def is_closing(self) -> bool:
        return self._inner.is_closing()

    def pause_reading(self) -> None:
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        self._inner.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._inner.get_extra_info(name, default)

    def _flush(self) -> None:
        if self._held:
            data = b"".join(self._held)
            self._held.clear()
            self._inner.write(data)
