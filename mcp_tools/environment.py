"""Where a server over stdio has the caller's token from: its environment (MCP, Authorization).

One of these says how:
- `MANDATE_TOKEN`: the access token itself;
- `MANDATE_TOKEN_FILE`: a file with it, read at each request, so that it may be replaced;
- `MANDATE_SUBJECT_TOKEN_FILE`: a file with what the agent was given, exchanged (RFC 8693) for this
  server as the agent's client: `MANDATE_AGENT_CLIENT_ID`, `MANDATE_AGENT_CLIENT_SECRET` and
  `MANDATE_SCOPE`.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Final

import anyio.to_thread
import httpx2

from authz.clock import Clock
from mcp_tools.client.credentials import ClientSecret
from mcp_tools.client.errors import NotGranted, TryAgain
from mcp_tools.client.exchange_auth import TokenExchangeAuth
from mcp_tools.errors import NotProtected, TokenRefused
from mcp_tools.unavailable import IssuerUnavailable

TokenSource = Callable[[], Awaitable[str]]
"""Gives the caller's token for now; raises `TokenRefused`, `IssuerUnavailable`."""

WAYS: Final = ("MANDATE_TOKEN", "MANDATE_TOKEN_FILE", "MANDATE_SUBJECT_TOKEN_FILE")
_AGENT: Final = ("MANDATE_AGENT_CLIENT_ID", "MANDATE_AGENT_CLIENT_SECRET", "MANDATE_SCOPE")


def token_from_environment(
    environ: MutableMapping[str, str],
    *,
    issuer: str,
    resource: str,
    http: httpx2.AsyncClient,
    clock: Clock,
) -> TokenSource:
    """Return the one way that the environment names; raises `NotProtected` for none or several.

    Secrets are taken out of `environ`: what a tool starts does not inherit them.
    """
    named = [way for way in WAYS if environ.get(way)]
    if len(named) != 1:
        raise NotProtected(f"exactly one of {', '.join(WAYS)} says whose token this server takes")
    if named == ["MANDATE_TOKEN"]:
        token = environ.pop("MANDATE_TOKEN").strip()

        async def given() -> str:
            return token

        return given
    if named == ["MANDATE_TOKEN_FILE"]:
        path = environ["MANDATE_TOKEN_FILE"]

        async def from_file() -> str:
            return await _read(path)

        return from_file
    return _exchanged(environ, issuer=issuer, resource=resource, http=http, clock=clock)


def _exchanged(
    environ: MutableMapping[str, str],
    *,
    issuer: str,
    resource: str,
    http: httpx2.AsyncClient,
    clock: Clock,
) -> TokenSource:
    if missing := [name for name in _AGENT if not environ.get(name)]:
        raise NotProtected(f"MANDATE_SUBJECT_TOKEN_FILE needs {', '.join(missing)} too")
    path = environ["MANDATE_SUBJECT_TOKEN_FILE"]
    auth = TokenExchangeAuth(
        issuer=issuer,
        credentials=ClientSecret(
            environ["MANDATE_AGENT_CLIENT_ID"], environ.pop("MANDATE_AGENT_CLIENT_SECRET")
        ),
        subject_token=lambda: _read(path),
        resource=resource,
        scope=environ["MANDATE_SCOPE"],
        http=http,
        clock=clock,
    )

    async def exchanged() -> str:
        try:
            return (await auth.token()).value
        except TryAgain:
            raise IssuerUnavailable("no token could be exchanged just now") from None
        except NotGranted as refused:
            raise TokenRefused(refused.reason or refused.error) from None

    return exchanged


async def _read(path: str) -> str:
    try:
        found = await anyio.to_thread.run_sync(Path(path).read_text, "utf-8")
    except (OSError, ValueError):
        raise TokenRefused("token_invalid") from None
    return found.strip()
