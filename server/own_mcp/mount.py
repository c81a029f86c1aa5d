"""The MCP server inside this process, made when the first request for it comes."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from server.services import Services

if TYPE_CHECKING:
    from mcp_tools.tools.serve import OwnServer

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_DESKS: Final = "server.own_mcp.serving"
"""It imports the MCP SDK, which costs a start most of a second: not before it is needed."""


class OwnMcp:
    """An ASGI application. Close it on the loop that it answered on."""

    def __init__(self, services: Services, version: str) -> None:
        self._services = services
        self._version = version
        self._turn = asyncio.Lock()
        self._served: OwnServer | None = None
        self._stop = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        served = self._served or await self._start()
        await served.app(scope, receive, send)

    async def _start(self) -> "OwnServer":
        async with self._turn:
            if self._served is None:
                module = await asyncio.to_thread(import_module, _DESKS)
                served: OwnServer = module.serve(self._services, self._version)
                ready = asyncio.get_running_loop().create_future()
                # A task of its own: what it opens has to be closed by the task that opened it.
                self._running = asyncio.create_task(self._run(served, ready))
                await ready
                self._served = served
            return self._served

    async def _run(self, served: "OwnServer", ready: asyncio.Future[None]) -> None:
        try:
            async with served.running():
                ready.set_result(None)
                await self._stop.wait()
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            raise

    async def close(self) -> None:
        """Let calls in progress go and end."""
        self._stop.set()
        if self._running is not None:
            await self._running
