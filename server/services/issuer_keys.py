"""The public keys of trusted issuers: pinned, or through the one outbound fetcher."""

from collections import OrderedDict
from typing import Final

from authz.api.jwt_gate import KeysUnavailable
from authz.clock import Clock
from authz.jose import InvalidKey, KeySource, parse_key_set
from server.domain.issuers import TrustedIssuer
from server.outbound.fetcher import Fetcher
from server.outbound.issuer_keys import IssuerKeys

MAX_REMEMBERED: Final = 256


class TrustedIssuerKeys:
    """Implements the port of `protocol.assertions` over `outbound`."""

    def __init__(self, fetcher: Fetcher, clock: Clock) -> None:
        """Fetch through `fetcher`, by HTTP's rules of freshness."""
        self._fetcher = fetcher
        self._clock = clock
        self._remote: OrderedDict[tuple[str, str], IssuerKeys] = OrderedDict()

    async def keys_of(self, issuer: TrustedIssuer, *, kid: str | None) -> KeySource | None:
        """Return the issuer's keys, or none if they cannot be had: then nobody gets in."""
        try:
            if issuer.jwks is not None:
                return parse_key_set(issuer.jwks.encode())
            return await self._source(issuer).keys(kid)
        except (KeysUnavailable, InvalidKey):
            return None

    def _source(self, issuer: TrustedIssuer) -> IssuerKeys:
        # Issuers are an administrator's, so their number is theirs; a changed address is another.
        place = (issuer.id, issuer.jwks_uri or "")
        source = self._remote.get(place)
        if source is None:
            source = IssuerKeys(issuer.id, issuer.jwks_uri or "", self._fetcher, self._clock)
            self._remote[place] = source
            if len(self._remote) > MAX_REMEMBERED:
                self._remote.popitem(last=False)
        self._remote.move_to_end(place)
        return source
