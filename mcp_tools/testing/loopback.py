"""A real HTTP server on a free loopback port, for clients that want a socket."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


@contextmanager
def serve(build: Callable[[str], Any], *, port: int = 0) -> Iterator[str]:
    """Serve an ASGI application from a thread until the block ends; yield `http://host:port`.

    `build` gets that address first: a resource must know its own URI. Raises `RuntimeError` if
    the application does not start.
    """
    with socket.create_server(("127.0.0.1", port)) as listener:
        port = listener.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        config = uvicorn.Config(
            build(url), lifespan="on", log_level="warning", timeout_graceful_shutdown=1, ws="none"
        )
        server = _Announced(config)
        thread = threading.Thread(
            target=lambda: asyncio.run(server.serve([listener])), name="loopback", daemon=True
        )
        thread.start()
        try:
            if not server.ready.wait(20) or not server.started:
                raise RuntimeError("the application did not start")
            yield url
        finally:
            server.should_exit = True
            thread.join(20)


class _Announced(uvicorn.Server):
    """Says when it accepts connections, or has failed to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.ready.set()
