"""A documents server, an assistant, Ada, and the enterprise that she works for."""

from dataclasses import dataclass
from typing import Any

import httpx2

from server.domain.people import User
from server.services.trusted_issuers import link_identity
from tests.protocol.test_decision import question
from tests.support.idp import IDP, JWT_BEARER, SUBJECT, Signer, allowance, enterprise
from tests.support.stage import ALL
from tests.support.world import DOCS, NOTES, Party, World


@dataclass
class House:
    """Who is there. Ada owns folder:tax (with document:t1) and folder:home (document:h1)."""

    w: World
    docs: Party
    assistant: Party
    ada: User
    idp: Signer

    async def ask(self, jag: str, *, by: Party | None = None, **form: Any) -> httpx2.Response:
        """Present an assertion."""
        data = {"grant_type": JWT_BEARER, "assertion": jag, **form}
        return await self.w.post("/token", data, by=by or self.assistant)

    async def token(self, *, form: dict[str, Any] | None = None, **claims: Any) -> dict[str, Any]:
        """Present a new assertion and return the good answer."""
        answer = await self.ask(self.idp.jag(self.assistant, **claims), **(form or {}))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def may(self, token: str, name: str, scope: str = "docs:read") -> bool:
        """Tell whether a call with the token on an object is allowed."""
        return bool((await self.w.ask(self.docs, question(token, scope, on=[name])))["decision"])

    async def active(self, token: str) -> bool:
        """Tell whether a token lives, as its resource server sees it."""
        answer = await self.w.post("/introspect", {"token": token}, by=self.docs)
        return bool(answer.json()["active"])


async def set_house(w: World) -> House:
    """Register everybody; the enterprise allows read and write in folder:tax."""
    docs = await w.resource(DOCS, "docs")
    await w.resource(NOTES, "notes")
    assistant = await w.agent("assistant", ALL, {DOCS, NOTES})
    ada = await w.user("ada")
    await w.relate(
        (f"user:{ada.id}", "owner", "folder:tax"),
        (f"user:{ada.id}", "owner", "folder:home"),
        ("folder:tax", "parent", "document:t1"),
        ("folder:home", "parent", "document:h1"),
    )
    idp = await enterprise(w, allowance(assistant))
    await link_identity(w.core, IDP, SUBJECT, ada.id, by="test")
    return House(w, docs, assistant, ada, idp)
