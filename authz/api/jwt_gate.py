"""A gate for the access tokens of one issuer (RFC 9068, or its plain JWTs)."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request

from authz.api.gate import FORBIDDEN, MISSING, Permission, Shut, bearer
from authz.clock import Clock
from authz.jose import (
    Audience,
    Fault,
    InvalidKey,
    InvalidToken,
    KeySource,
    check_claims,
    split,
    verify_split,
)

ALGORITHMS: Final = ("ES256", "ES384", "RS256", "PS256", "EdDSA", "Ed25519")
TYPES: Final = ("at+jwt", "jwt", "")
LEEWAY: Final = 60
"""Seconds that the issuer's clock may differ."""
_CODES: Final = {
    Fault.AUDIENCE_WRONG: "auth_failed_invalid_audience",
    Fault.ISSUER_WRONG: "auth_failed_invalid_issuer",
    Fault.CLAIM_MISSING: "invalid_claims",
    Fault.CLAIM_TYPE: "invalid_claims",
    Fault.EXPIRED: "invalid_claims",
    Fault.NOT_YET_VALID: "invalid_claims",
}
SCOPES: Final = {permission: f"authz:{permission.value}" for permission in Permission}
"""What a token must hold, one for each permission; none includes another."""
_REFUSED: Final = {
    "act": "a delegated token is refused",
    "may_act": "a delegated token is refused",
    "cnf": "a token that is bound to a key is refused: its proof is not checked here",
}

Keys = Callable[[str | None], Awaitable[KeySource]]
"""Return the issuer's keys, looking again for a `kid` that is new; raises KeysUnavailable."""


class KeysUnavailable(Exception):
    """The issuer's keys cannot be fetched now."""


class JwtGate:
    """Lets in who has a token of the issuer for the audience, with the scope of the call.

    A token with `act` is refused: what an agent does for a person goes through a decision, it
    does not edit what decisions are made from (X10).
    """

    def __init__(
        self, *, issuer: str, audience: str, keys: Keys, clock: Clock, scoped: bool = True
    ) -> None:
        """Without `scoped` the audience is enough, as for an issuer that knows no scopes."""
        self._issuer = issuer
        self._audience = audience
        self._keys = keys
        self._clock = clock
        self._scoped = scoped

    async def admit(self, request: Request, wanted: Permission) -> Shut | None:
        """Verify the token."""
        token = bearer(request.headers)
        if token is None:
            return MISSING
        try:
            jws = split(token)
            kid = jws.header.get("kid")
            keys = await self._keys(kid if type(kid) is str else None)
            payload = verify_split(jws, keys, typ=TYPES, algorithms=ALGORITHMS, kid_required=False)
            claims = check_claims(
                payload,
                issuer=self._issuer,
                audience=self._audience,
                now=self._clock.now(),
                audience_form=Audience.MEMBER,
                optional={"scope": str},
                leeway=LEEWAY,
            )
        except InvalidToken as error:
            code = _CODES.get(error.reason, "auth_failed_invalid_bearer_token")
            return Shut(401, code, f"invalid bearer token: {error.reason.value}")
        except (InvalidKey, KeysUnavailable):
            return Shut(503, "unavailable", "the issuer's keys cannot be fetched now")
        for name, why in _REFUSED.items():
            if name in claims:
                return Shut(401, "auth_failed_invalid_bearer_token", why)
        granted = str(claims.get("scope", "")).split(" ")
        return FORBIDDEN if self._scoped and SCOPES[wanted] not in granted else None
