"""The identity assertion that we issue as an enterprise's identity provider (ID-JAG).

draft-ietf-oauth-identity-assertion-authz-grant §3 and §4.3. It is good at one other authorization
server, for one client there, once, and no access token of ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ID_JAG_TOKEN: Final = "urn:ietf:params:oauth:token-type:id-jag"
TTL: Final = 120
"""Seconds at most: it is handed over at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdJag:
    """What such an assertion says beside what every token of ours does."""

    resource: str
    client_id_there: str
    actor: str | None = None
    """The URI of the agent whose client asked; none for a plain client."""
    email: str | None = None
    """The address that an administrator vouches for, where the policy tells it."""

    def claims(self) -> dict[str, object]:
        """Return the claims of its own; `act` tells the other server who will act (RFC 8693)."""
        claims: dict[str, object] = {"resource": self.resource, "client_id": self.client_id_there}
        if self.actor is not None:
            claims["act"] = {"sub": self.actor}
        if self.email is not None:
            claims |= {"email": self.email, "email_verified": True}
        return claims


NOT_A_TOKEN: Final[Mapping[str, object]] = {
    "token_type": "N_A",
    "issued_token_type": ID_JAG_TOKEN,
}
"""§4.3.4: it comes as `access_token` for historical reasons and is none."""
