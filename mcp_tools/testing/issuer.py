"""An issuer for tests, in this process: no database, no accounts, no Mandate.

issuer = ThrowawayIssuer()
issuer.rules.allow("usr_ann", "viewer", "document:42")
app = protect(mcp, issuer=issuer.url, resource=URL, client_id="docs", client_secret="docs",
              http=issuer.http(), clock=issuer.clock)
token = issuer.token(user="usr_ann", agent="agt_a", scopes=["docs:read"], resource=URL)
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2
from starlette.applications import Starlette

from authz.clock import Clock, SystemClock
from mcp_tools.nonce import Nonce, random_nonce
from mcp_tools.testing.endpoints import Endpoints
from mcp_tools.testing.loopback import serve
from mcp_tools.testing.minting import Minter
from mcp_tools.testing.rules import RuleTable


class ThrowawayIssuer:
    """Signs tokens, answers JWKS, metadata, /token, evaluation and relations by `rules`.

    It believes every client that sends some credentials, so it is for tests only.
    """

    def __init__(
        self,
        url: str = "https://issuer.test",
        *,
        clock: Clock | None = None,
        nonce: Nonce = random_nonce,
    ) -> None:
        self.url = url
        self.clock = clock or SystemClock()
        self.rules = RuleTable()
        self.minter = Minter(url, self.clock, nonce)
        self.endpoints = Endpoints(self.minter, self.rules)
        self.app: Starlette = self.endpoints.app()

    def token(
        self,
        *,
        user: str | None = None,
        agent: str | Sequence[str] | None = None,
        scopes: Sequence[str],
        resource: str,
        client_id: str | None = None,
        grant_id: str | None = None,
        expires_in: int = 300,
        claims: Mapping[str, Any] | None = None,
        header: Mapping[str, Any] | None = None,
    ) -> str:
        """Make an access token for `resource`.

        `user` with `agent` (one, or a chain with the current agent first): delegated. `user`
        alone: the user's own. `agent` alone: the agent as itself.
        """
        agents = [agent] if isinstance(agent, str) else list(agent or ())
        if user is None and not agents:
            raise ValueError("a token needs a user or an agent")
        delegated = user is not None and bool(agents)
        return self.minter.mint(
            sub=user if user is not None else agents[0],
            agents=agents if delegated else (),
            audience=resource,
            client_id=client_id or f"cli_{agents[0] if agents else user}",
            scopes=scopes,
            grant_id=grant_id or (f"dlg_{user}_{agents[0]}" if delegated else None),
            expires_in=expires_in,
            claims=claims,
            header=header,
        )

    def http(self) -> httpx2.AsyncClient:
        """Open a client that reaches this issuer without a socket."""
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.app))

    @contextmanager
    def on_loopback(self) -> Iterator[str]:
        """Serve this issuer on a free loopback port, in a thread; its URL changes to it."""

        def moved(url: str) -> Starlette:
            self.url = self.minter.issuer = url
            return self.app

        with serve(moved) as url:
            yield url
