"""The server's use cases for the length of one command, on the database of the settings."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from server.app import Server
    from server.domain.core import Core

T = TypeVar("T")


@asynccontextmanager
async def opened() -> AsyncIterator["Server"]:
    """Assemble a server that does not listen, and close it; raises what `assemble` raises."""
    from server.app import assemble
    from server.settings import Settings

    server = await assemble(Settings())
    try:
        yield server
    finally:
        await server.close()


def with_server(work: Callable[["Server"], Awaitable[T]]) -> T:
    """Run `work` on the server of the settings."""

    async def run() -> T:
        async with opened() as server:
            return await work(server)

    return asyncio.run(run())


def with_core(work: Callable[["Core"], Awaitable[T]]) -> T:
    """Run `work` on the core of the settings."""
    return with_server(lambda server: work(server.services.core))
