"""What asks an issuer for tokens: one client, its connection, its key, the endpoint it found."""

from typing import Self

import httpx2

from authz.clock import Clock, SystemClock
from mcp_tools.client.credentials import Credentials
from mcp_tools.client.dpop import DPoPKey, Prover
from mcp_tools.client.find import token_endpoint_of
from mcp_tools.client.token_endpoint import TokenEndpoint
from mcp_tools.discovery import open_http


class IssuerClient:
    """A client at its issuer. Use it in `async with`, which closes the connection at the end.

    With `dpop` each token request carries a proof of that key (RFC 9449 §5).
    """

    def __init__(
        self,
        *,
        issuer: str,
        credentials: Credentials,
        dpop: DPoPKey | None,
        http: httpx2.AsyncClient | None,
        clock: Clock | None,
    ) -> None:
        self.issuer = issuer
        self._credentials = credentials
        self._http = http or open_http(issuer)
        self._owns_http = http is None
        self._clock = clock or SystemClock()
        self._prover = None if dpop is None else Prover(dpop, clock=self._clock)
        self._found: TokenEndpoint | None = None

    async def __aenter__(self) -> Self:
        """Use it in `async with`, which closes it at the end."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection to the issuer."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection to the issuer, unless it was given from outside."""
        if self._owns_http:
            await self._http.aclose()

    async def _endpoint(self) -> TokenEndpoint:
        """Return the token endpoint, found once; raises `WrongServer` or `TryAgain`."""
        if self._found is None:
            url = await self._find()
            self._found = TokenEndpoint(
                self.issuer, url, self._credentials, self._http, self._prover
            )
        return self._found

    async def _find(self) -> str:
        """Return the URL of the token endpoint."""
        return await token_endpoint_of(self._http, self.issuer)
