"""A real `mandate serve` with people, agents and clients, for clients that others wrote."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from authz.clock import SystemClock
from server.domain.people import User
from server.identity.passwords import Passwords
from server.storage.migrate import upgrade
from tests.support.clock import FrozenClock
from tests.support.ports import free_port
from tests.support.processes import ServerProcess
from tests.support.world import TEST_KEK, World, world_at

PASSWORD = "nine green kettles whistle"
CALLBACK = "http://127.0.0.1:9/callback"
"""Nobody listens there: the tests read the address that the browser is sent to."""

Register = Callable[[World], Awaitable[Any]]


@dataclass(frozen=True)
class Live:
    """A running server; `made` is what the registration returned."""

    issuer: str
    process: ServerProcess
    made: Any


@contextmanager
def live(
    folder: Path,
    register: Register,
    *,
    path: str = "",
    url: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Live]:
    """Prepare a database, fill it by `register` and serve it as a process of its own.

    Tokens that `register` obtains are good at the process: it has the same keys and records.
    """
    port = free_port()
    issuer = f"http://127.0.0.1:{port}{path}"
    database = url or f"sqlite:///{folder / 'mandate.db'}"
    changes = {
        name.removeprefix("MANDATE_").lower(): value for name, value in (settings or {}).items()
    }
    upgrade(database)

    async def fill() -> Any:
        now = FrozenClock(SystemClock().now())
        async with world_at(database, now, issuer=issuer, **changes) as w:
            return await register(w)

    made = asyncio.run(fill())
    given = {
        "MANDATE_ISSUER": issuer,
        "MANDATE_DATABASE_URL": database,
        "MANDATE_KEK": TEST_KEK,
        **(settings or {}),
    }
    with ServerProcess(folder=folder, settings=given, port=port) as process:
        yield Live(issuer, process, made)


async def with_password(w: World, user: User) -> User:
    """Let a person sign in on the pages with `PASSWORD`."""
    passwords = Passwords(w.core.entropy, workers=1)
    try:
        await w.set_user(user, password_hash=await passwords.hash(PASSWORD))
    finally:
        passwords.close()
    return user
