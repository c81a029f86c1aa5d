"""OpenID Connect Discovery 1.0 §4: the keys of an issuer that the operator named."""

from typing import Final

from authz.api.jwt_gate import KeysUnavailable
from authz.clock import Clock
from authz.jose import InvalidToken, KeySource
from authz.jose.strict_json import parse_object
from server.outbound.download import FetchRules
from server.outbound.errors import FetchRefused
from server.outbound.fetcher import Fetcher
from server.outbound.key_sets import RemoteKeySets

RULES: Final = FetchRules(
    accept=("application/json",), max_bytes=64 * 1024, seconds=5.0, longest_fresh=3600
)


class IssuerKeys:
    """Finds the keys of one issuer, at `jwks_url` or where its discovery document says."""

    def __init__(self, issuer: str, jwks_url: str, fetcher: Fetcher, clock: Clock) -> None:
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._fetcher = fetcher
        self._sets = RemoteKeySets(fetcher, clock)

    async def keys(self, kid: str | None) -> KeySource:
        """Return the keys; raises `KeysUnavailable` and `InvalidKey`."""
        try:
            return await self._sets.keys(self._jwks_url or await self._discovered(), kid)
        except FetchRefused as error:
            raise KeysUnavailable(str(error)) from error

    async def _discovered(self) -> str:
        place = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        document = await self._fetcher.fetch(place, RULES)
        try:
            found = parse_object(document.body)
        except InvalidToken as error:
            raise KeysUnavailable("the discovery document is no JSON") from error
        # §4.3: the issuer in it MUST be the one that it was asked of.
        if found.get("issuer") != self._issuer or type(found.get("jwks_uri")) is not str:
            raise KeysUnavailable("the discovery document is of another issuer")
        return str(found["jwks_uri"])
