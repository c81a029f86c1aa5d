"""A loopback proxy that adds a bearer token and changes nothing else, the Host header least."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_HEAD = b"\r\n\r\n"


@contextmanager
def bearer_proxy(port: int, upstream: int, token: str) -> Iterator[None]:
    """Listen on `port` of loopback and pass each request on to `upstream`, until the block ends.

    One request a connection, byte by byte: a client sees the other server's very answers, and the
    server its very headers.
    """
    started, ended = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())

        async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await _pass_on(reader, writer, upstream, token)

        async with await asyncio.start_server(passed_on, "127.0.0.1", port):
            started.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="bearer-proxy", daemon=True)
    thread.start()
    assert started.wait(20), "the proxy did not start"
    try:
        yield
    finally:
        loops[0].call_soon_threadsafe(ended.set)
        thread.join(20)


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: int, token: str
) -> None:
    head = await reader.readuntil(_HEAD)
    lines = head.removesuffix(_HEAD).split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith(b"connection:")]
    kept += [b"Authorization: Bearer " + token.encode(), b"Connection: close"]
    there, back = await asyncio.open_connection("127.0.0.1", upstream)
    back.write(b"\r\n".join(kept) + _HEAD)
    sending = asyncio.create_task(_pump(reader, back))
    try:
        await _pump(there, writer)
    finally:
        sending.cancel()
        for end in (back, writer):
            end.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
