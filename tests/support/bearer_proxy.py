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
    open_now: set[asyncio.Task[None]] = set()

    async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_now.add(task)
        try:
            await _pass_on(reader, writer, upstream, token)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # one of the two went away
        finally:
            await _close(writer)
            open_now.discard(task)

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        server = await asyncio.start_server(passed_on, "127.0.0.1", port)
        started.set()
        await ended.wait()
        server.close()
        for task in (waiting := list(open_now)):
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

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
    # Whoever ends first ends both: a client that leaves ends its stream at the server.
    pumps = [asyncio.create_task(_pump(reader, back)), asyncio.create_task(_pump(there, writer))]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        await _close(back)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
