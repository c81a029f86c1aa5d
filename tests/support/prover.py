"""A client of a `World` that sends DPoP proofs with its requests."""

from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.support.dpop import Holder
from tests.support.world import ACCESS, EXCHANGE, ISSUER, VERIFIER, Party, World


@dataclass
class Prover:
    """Sends requests to `world` with proofs of `holder`."""

    world: World
    holder: Holder = field(default_factory=Holder)

    def proof(self, method: str, path: str, **claims: Any) -> str:
        """Make a proof for a path of the server, now."""
        return self.holder.proof(method, ISSUER + path, now=self.world.clock.now(), **claims)

    async def post(
        self, path: str, data: dict[str, Any], by: Party, **claims: Any
    ) -> httpx2.Response:
        """POST a form with a proof."""
        if by.secret is None:
            data = {**data, "client_id": by.client.id}
        headers = {"DPoP": self.proof("POST", path, **claims)}
        return await self.world.post(path, data, by=by, headers=headers)

    async def token(self, data: dict[str, Any], by: Party, **claims: Any) -> httpx2.Response:
        """Ask for a token with a proof."""
        return await self.post("/token", data, by, **claims)

    async def own(self, by: Party, **form: str) -> str:
        """Get the agent's own token, bound."""
        answer = await self.token({"grant_type": "client_credentials", **form}, by)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def redeem(self, by: Party, code: str, **claims: Any) -> httpx2.Response:
        """Redeem a code with a proof."""
        form = {
            "grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER,
            "redirect_uri": "https://app.example/cb",
        }  # fmt: skip
        return await self.token(form, by, **claims)

    async def refresh(self, by: Party, token: str, **claims: Any) -> httpx2.Response:
        """Refresh with a proof."""
        return await self.token({"grant_type": "refresh_token", "refresh_token": token}, by)

    async def exchange(
        self, by: Party, subject: str, actor: str | None, **form: str
    ) -> httpx2.Response:
        """Exchange with a proof."""
        data = {"grant_type": EXCHANGE, "subject_token": subject, "subject_token_type": ACCESS}
        if actor is not None:
            data |= {"actor_token": actor, "actor_token_type": ACCESS}
        return await self.token({**data, **form}, by)

    async def get(
        self, path: str, token: str, *, scheme: str = "DPoP", **claims: Any
    ) -> httpx2.Response:
        """GET with a token and its proof."""
        headers = {
            "Authorization": f"{scheme} {token}",
            "DPoP": self.proof("GET", path, **{"token": token, **claims}),
        }
        return await self.world.http.get(path, headers=headers)
