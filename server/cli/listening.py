"""One process that answers requests on a socket it was given: uvicorn, set for the open net."""

import asyncio
import gc
import os
import resource
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from server.cli.connection import BoundedConnection

if TYPE_CHECKING:
    from server.settings import Settings

KEEP_ALIVE: Final = 65
"""Seconds that an idle connection stays, longer than a proxy in front keeps it (60)."""
GRACE: Final = 10
"""Seconds that requests in progress get when the server ends."""
MOST_CONNECTIONS: Final = 4096
"""More are answered 503 at once."""
_YOUNG_OBJECTS: Final = 20_000
"""New objects between two collections (Python's own number: 700)."""
BACKLOG: Final = 2048


class _Listener(uvicorn.Server):
    """Ends on SIGTERM and SIGINT, and ends well: exit code 0, everything acknowledged stored."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Take the signals; unlike uvicorn, do not raise them again after the graceful end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


async def listen(
    settings: "Settings",
    sock: socket.socket,
    *,
    ready: Callable[[], None],
    lifeline: int | None = None,
) -> None:
    """Serve on `sock` until a signal, or until the other end of `lifeline` (a pipe) is closed.

    Raises what `assemble` raises.
    """
    from server.app import assemble, create_app
    from server.signals.logs import configure_logging
    from server.signals.telemetry import telemetry

    configure_logging(settings.log_level)
    reports = telemetry(settings.otlp_endpoint, os.environ, version=version("mandate-server"))
    server = await assemble(settings, telemetry=reports)
    await serve_application(create_app(server), sock, ready=ready, lifeline=lifeline)


async def serve_application(
    app: Callable[..., Any],
    sock: socket.socket,
    *,
    ready: Callable[[], None],
    lifeline: int | None = None,
) -> None:
    """Serve an application on `sock` within the bounds of this process, as `listen`."""
    _allow_connections()
    config = uvicorn.Config(
        app,
        http=BoundedConnection,
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        # Who else could speak for the peer's address? Only a proxy on this machine.
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1",
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        limit_concurrency=MOST_CONNECTIONS,
        backlog=BACKLOG,
    )
    _spare_the_collector()
    listener = _Listener(config, ready)
    if lifeline is not None:
        asyncio.get_running_loop().add_reader(lifeline, _end_with_parent, listener, lifeline)
    await listener.serve(sockets=[sock])


def _spare_the_collector() -> None:
    """What was loaded by now stays: keep it out of every collection, and collect less often.

    A request makes few cycles, but many objects that count (benchmarks/README.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)


def _allow_connections() -> None:
    """Raise the bound on open files, each connection being one, as far as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + 512
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _end_with_parent(listener: _Listener, lifeline: int) -> None:
    if not os.read(lifeline, 1):
        asyncio.get_running_loop().remove_reader(lifeline)
        listener.should_exit = True


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 is any free one. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    address = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0][4]
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        # Workers share it, so the queue exists before any of them does: nobody is refused.
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock
