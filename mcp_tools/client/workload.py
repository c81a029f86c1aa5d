"""`WorkloadAuth`: an `httpx2.Auth` by which a workload calls an MCP server as its agent.

auth = WorkloadAuth(issuer=ISSUER, token=TokenFile("/var/run/secrets/mandate/token"),
                    resource=MCP_URL, scope="docs:read")
async with connect(auth) as mcp:
    await mcp.call_tool("reindex", {})
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx2

from authz.clock import Clock
from mcp_tools.client.assertion_auth import AssertionAuth
from mcp_tools.client.dpop import DPoPKey

WorkloadToken = Callable[[], str | Awaitable[str]]
"""Returns the platform's token, whose `aud` is the issuer; asked again for each new token."""


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A token that the platform keeps fresh in a file (a projected volume, a SPIFFE helper)."""

    path: str | Path

    async def __call__(self) -> str:
        """Read it now; raises `OSError`."""
        return (await anyio.Path(self.path).read_text(encoding="ascii")).strip()


@dataclass(frozen=True, slots=True)
class NoCredentials:
    """A workload has none: its platform's token is the grant (RFC 7523 §2.1, no client_id)."""

    client_id: str = ""

    def apply(self, issuer: str, form: dict[str, str], headers: dict[str, str]) -> None:
        """Add nothing."""


class WorkloadAuth(AssertionAuth):
    """Trades the platform's token for the agent's own access token, without any secret."""

    def __init__(
        self,
        *,
        issuer: str,
        token: WorkloadToken,
        resource: str,
        scope: str | None = None,
        dpop: DPoPKey | None = None,
        http: httpx2.AsyncClient | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(
            issuer=issuer,
            credentials=NoCredentials(),
            resource=resource,
            scope=scope,
            dpop=dpop,
            http=http,
            clock=clock,
        )
        self._token = token

    async def _assertion(self) -> str:
        found = self._token()
        return await found if inspect.isawaitable(found) else found
