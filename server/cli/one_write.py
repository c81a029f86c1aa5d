"""A transport that sends what is written in one turn of the loop with one system call.

uvicorn writes head and body of an answer apart, and each write is a call into the kernel that
hands a packet to the peer: on loopback it costs as much as signing half a token.
"""

import asyncio
from typing import Any, Final

_MOST: Final = 64 * 1024
"""Bytes that are held: more is handed on at once, so that the transport can ask for a pause."""


class OneWrite(asyncio.Transport):
    """Wraps a transport; what uvicorn's HTTP/1.1 protocol asks of one besides goes through."""

    __slots__ = ("_held", "_inner", "_loop", "_size")

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Hold writes back until `loop` has run what is ready now."""
        self._inner = inner
        self._loop = loop
        self._held: list[bytes | bytearray | memoryview] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)
        self._size += len(data)
        if self._size > _MOST:
            self.flush()

    def close(self) -> None:
        self.flush()
        self._inner.close()

    def abort(self) -> None:
        self._forget()
        self._inner.abort()

    def is_closing(self) -> bool:
        return self._inner.is_closing()

    def pause_reading(self) -> None:
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        self._inner.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._inner.get_extra_info(name, default)

    def flush(self) -> None:
        """Send what is held, unless the connection is gone by now."""
        if self._held:
            data = b"".join(self._held)
            self._forget()
            if not self._inner.is_closing():
                self._inner.write(data)

    def _forget(self) -> None:
        self._held.clear()
        self._size = 0
