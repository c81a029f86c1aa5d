"""The public keys of clients with a `jwks_uri`, through the one outbound fetcher."""

from authz.jose import InvalidKey, KeySource
from server.outbound.errors import FetchRefused
from server.outbound.key_sets import RemoteKeySets


class RemoteClientKeys:
    """Implements the port of `protocol.client_auth` over `outbound`."""

    def __init__(self, key_sets: RemoteKeySets) -> None:
        """Fetch through `key_sets`."""
        self._key_sets = key_sets

    async def keys_of(self, jwks_uri: str, *, kid: str | None) -> KeySource | None:
        """Return the published keys, or none if they cannot be had: then nobody gets in."""
        try:
            return await self._key_sets.keys(jwks_uri, kid)
        except (FetchRefused, InvalidKey):
            return None
