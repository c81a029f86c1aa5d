"""RFC 9068 §4: what must hold before a token of the issuer is believed by this resource."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from authz.clock import Clock
from authz.dpop import InvalidProof, bound_key
from authz.jose import Audience, Fault, InvalidToken, KeySet, check_claims, split, verify_split
from mcp_tools.errors import TokenRefused

ALGORITHMS: Final = ("ES256", "EdDSA", "RS256")
"""What Mandate signs with. The key decides which of them is used, the header may only agree."""
MAX_CHAIN: Final = 8
"""Agents in one `act` claim."""
SKEW: Final = 30
"""Seconds that the issuer's clock may run ahead of ours (`iat`, `nbf`). `exp` has no leeway."""

_REQUIRED: Final[Mapping[str, type]] = {"sub": str, "client_id": str, "jti": str, "iat": int}
_OPTIONAL: Final[Mapping[str, type]] = {"scope": str, "grant_id": str, "act": dict, "sid": str}
_REASONS: Final[Mapping[Fault, str]] = {
    Fault.EXPIRED: "token_expired",
    Fault.AUDIENCE_WRONG: "wrong_audience",
    Fault.TYPE_REFUSED: "wrong_kind",
}


class Keys(Protocol):
    """Where the issuer's keys come from."""

    async def holding(self, kid: str) -> KeySet:
        """Return the current keys, after a look for `kid`; raises `IssuerUnavailable`."""
        ...


class TokenVerifier(Protocol):
    """How tokens are believed: by their signature, or by asking the issuer."""

    async def verify(self, token: str) -> "VerifiedToken":
        """Believe a token or raise `TokenRefused`; raises `IssuerUnavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token of the issuer, for this resource, in force. Whether it was revoked: ask online."""

    sub: str
    client_id: str
    agents: tuple[str, ...]
    """The actor chain, current agent first (RFC 8693 §4.1); empty without an agent."""
    grant_id: str | None
    scopes: frozenset[str]
    expires_at: int
    """Unix milliseconds."""
    jti: str
    jkt: str | None
    """The key that it is bound to (RFC 9449 §6.1). Whether it was proven is not known here."""
    raw: str = field(repr=False)
    """The bytes, for asking Mandate. Never pass them on to another server (MCP, "token
    passthrough")."""

    @property
    def is_agent_itself(self) -> bool:
        """Whether an agent comes as itself, without a user (X8)."""
        return not self.agents and self.sub.startswith("agt_")

    def covers(self, scopes: Iterable[str]) -> bool:
        """Whether the token has all of these scopes."""
        return self.scopes.issuperset(scopes)


class Verifier:
    """Checks access tokens for one resource."""

    def __init__(self, *, issuer: str, resource: str, keys: Keys, clock: Clock) -> None:
        self._issuer = issuer
        self._resource = resource
        self._keys = keys
        self._clock = clock

    async def verify(self, token: str) -> VerifiedToken:
        """Believe a token or raise `TokenRefused`; raises `IssuerUnavailable` without keys.

        A bound token (`jkt`) is good only with a proof of its key: see `mcp_tools.sender`.
        """
        try:
            jws = split(token)
            kid = jws.header.get("kid")
            if type(kid) is not str:
                raise TokenRefused("token_invalid")
            now = self._clock.now()
            # `typ` at+jwt (§4), `crit`, `jwk` and `jku` refused, one algorithm a key: authz.jose.
            payload = verify_split(
                jws, await self._keys.holding(kid), typ="at+jwt", algorithms=ALGORITHMS
            )
            claims = check_claims(
                payload,
                issuer=self._issuer,
                audience=self._resource,
                # RFC 8707: for us alone. A token for two servers lets one replay it at the other.
                audience_form=Audience.SOLE,
                now=now,
                leeway=SKEW,
                required=_REQUIRED,
                optional=_OPTIONAL,
            )
        except InvalidToken as error:
            raise TokenRefused(_REASONS.get(error.reason, "token_invalid")) from None
        # RFC 7519 §4.1.4: on or after `exp` it MUST NOT be accepted.
        if now >= claims["exp"] * 1000:
            raise TokenRefused("token_expired")
        return read_claims(claims, token)


def read_claims(claims: Mapping[str, Any], token: str) -> VerifiedToken:
    """Read claims that are believed; raises `TokenRefused` for what is no token for calls."""
    try:
        jkt = bound_key(claims)
    except InvalidProof:
        # X1: a binding that we cannot check is refused, never ignored (RFC 7800).
        raise TokenRefused("token_invalid") from None
    # X4: a handover token is good at the token endpoint only.
    if "may_act" in claims:
        raise TokenRefused("wrong_kind")
    agents: list[str] = []
    actor = claims.get("act")
    while actor is not None:
        if not isinstance(actor, dict) or len(agents) >= MAX_CHAIN:
            raise TokenRefused("token_invalid")
        agent = actor.get("sub")
        if not isinstance(agent, str) or not agent:
            raise TokenRefused("token_invalid")
        agents.append(agent)
        actor = actor.get("act")
    return VerifiedToken(
        sub=claims["sub"],
        client_id=claims["client_id"],
        agents=tuple(agents),
        grant_id=claims.get("grant_id"),
        scopes=frozenset(claims.get("scope", "").split()),
        expires_at=int(claims["exp"] * 1000),
        jti=claims["jti"],
        jkt=jkt,
        raw=token,
    )
