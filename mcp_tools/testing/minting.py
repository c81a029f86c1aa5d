"""Tokens of the throw-away issuer, with every claim at the tester's will."""

from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from authz.clock import Clock
from authz.jose import Audience, check_claims, key_set, to_jwk, verify_jws
from mcp_tools.client.credentials import compact
from mcp_tools.nonce import Nonce

ALG = "ES256"


class Minter:
    """One signing key and what it signs."""

    def __init__(self, issuer: str, clock: Clock, nonce: Nonce, kid: str = "test-1") -> None:
        self.issuer = issuer
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.kid = kid
        self.clock = clock
        self._nonce = nonce

    def jwks(self) -> dict[str, Any]:
        """Return the public JWK set."""
        return {"keys": [self.jwk()]}

    def jwk(self) -> dict[str, str]:
        """Return the public key."""
        return {**to_jwk(self.key.public_key()), "kid": self.kid, "alg": ALG, "use": "sig"}

    def mint(
        self,
        *,
        sub: str,
        audience: str,
        client_id: str,
        agents: Sequence[str] = (),
        scopes: Sequence[str] = (),
        grant_id: str | None = None,
        expires_in: int = 300,
        claims: Mapping[str, Any] | None = None,
        header: Mapping[str, Any] | None = None,
    ) -> str:
        """Sign an access token (RFC 9068). `agents`: current agent first. `expires_in`: seconds.

        `claims` and `header` add or replace members; None takes one away.
        """
        now = self.clock.now() // 1000
        body: dict[str, Any] = {
            "iss": self.issuer,
            "sub": sub,
            "aud": audience,
            "client_id": client_id,
            "iat": now,
            "exp": now + expires_in,
            "jti": f"tok_{self._nonce()}",
            "scope": " ".join(scopes),
            "grant_id": grant_id,
            "act": _chain(agents),
            **(claims or {}),
        }
        head = {"alg": ALG, "kid": self.kid, "typ": "at+jwt", **(header or {})}
        return compact(ALG, self.key, _present(head), _present(body))

    def read(self, token: str, audience: str) -> Mapping[str, Any]:
        """Verify one of our own tokens; raises `authz.jose.InvalidToken`."""
        keys = key_set({"keys": [self.jwk()]})
        payload = verify_jws(token, keys, typ="at+jwt", algorithms=(ALG,))
        return check_claims(
            payload,
            issuer=self.issuer,
            audience=audience,
            audience_form=Audience.SOLE,
            now=self.clock.now(),
        )


def _chain(agents: Sequence[str]) -> dict[str, Any] | None:
    actor: dict[str, Any] | None = None
    for agent in reversed(agents):
        actor = {"sub": agent} if actor is None else {"sub": agent, "act": actor}
    return actor


def _present(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
