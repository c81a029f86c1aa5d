"""Names to addresses, by us, so that the address that was checked is the one connected to."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Final, Protocol

from server.outbound.addresses import IpAddress

_THREADS: Final = 4


class Resolver(Protocol):
    """A name service; tests pass one that changes its answers."""

    async def resolve(self, host: str, port: int) -> tuple[IpAddress, ...]:
        """Return the addresses of a name, preferred first; raises `OSError` if it has none."""
        ...


class SystemResolver:
    """The machine's resolver, on threads of its own: slow name servers hold up nobody else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolve")

    async def resolve(self, host: str, port: int) -> tuple[IpAddress, ...]:
        loop = asyncio.get_running_loop()
        answers = await loop.run_in_executor(self._threads, _look_up, host, port)
        return tuple(dict.fromkeys(answers))

    def close(self) -> None:
        """Give the threads back; look-ups that still run are left to end."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[IpAddress]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(str(address[0])) for _, _, _, _, address in found]
