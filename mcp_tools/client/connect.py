"""An MCP session under our own `httpx2.Auth`, whose refusals arrive as what they are."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_tools.client.errors import InsufficientScope, NotGranted, WrongServer
from mcp_tools.client.resource_auth import ResourceAuth

TIMEOUT: Final = httpx2.Timeout(30.0, read=300.0)
"""Seconds; a server may hold a response open while a tool works (the SDK's own values)."""


@asynccontextmanager
async def connect(auth: ResourceAuth) -> AsyncIterator[Client]:
    """Open an MCP session with the server that `auth` is for, and close it at the end.

    Raises `ConsentRequired`, `AuthorityEnded`, `TryAgain` or `NotGranted` before anything is sent,
    and also if a later exchange is refused (the SDK itself would show an exception group).
    """
    await auth.token()
    # On loopback the environment's proxy is not in between.
    trust_env = urlsplit(auth.resource).scheme == "https"
    try:
        async with (
            httpx2.AsyncClient(auth=auth, timeout=TIMEOUT, trust_env=trust_env) as http,
            Client(streamable_http_client(auth.resource, http_client=http)) as client,
        ):
            yield client
    except BaseExceptionGroup as group:
        leaves = list(_leaves(group))
        refusals = [leaf for leaf in leaves if isinstance(leaf, _REFUSALS)]
        if refusals:
            raise refusals[0] from None
        # The caller's own exception, wrapped by the SDK's task groups on its way out.
        if len(leaves) == 1:
            raise leaves[0] from None
        raise


_REFUSALS: Final = (NotGranted, InsufficientScope, WrongServer)


def _leaves(group: BaseException) -> Iterator[BaseException]:
    if isinstance(group, BaseExceptionGroup):
        for each in group.exceptions:
            yield from _leaves(each)
    else:
        yield group
