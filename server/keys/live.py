"""The keys of a running process: reloaded whenever another worker rotated or revoked one."""

import asyncio
from collections.abc import Mapping

from authz.clock import Clock
from authz.jose import KeySet
from server.domain.snapshot import Snapshot
from server.domain.unit import Store, UnavailableError
from server.keys.envelope import Envelope
from server.keys.jwks import PublishedKeys
from server.keys.ports import SigningKeys
from server.keys.ring import KeyRing
from server.keys.signing_keys import SigningKey


class LiveKeys:
    """Signs with what is active now and verifies with what is published now."""

    def __init__(self, store: Store, stored: SigningKeys, envelope: Envelope, clock: Clock) -> None:
        """Hold no keys until `reload`."""
        self._store = store
        self._stored = stored
        self._envelope = envelope
        self._clock = clock
        self._held: tuple[SigningKey, ...] = ()
        self._ring: KeyRing | None = None
        self._turn = asyncio.Lock()

    def follow(self, snapshot: Snapshot) -> None:
        """Reload before any request sees a revision in which a key changed."""
        snapshot.reload_on("key", self.reload)

    async def reload(self) -> None:
        """Read the stored keys anew; raises `SealBroken` under a wrong key-encryption key."""
        # One after the other: a slow read of older keys must not overtake a newer one, and bring
        # a revoked key back for good.
        async with self._turn:
            self._held = await self._store.read(self._stored.all)
            self._ring = KeyRing.build(self._held, self._envelope, self._clock.now())

    @property
    def ring(self) -> KeyRing:
        """Return the ring of this moment; a retired key whose time has come is left out."""
        if self._ring is None:
            raise UnavailableError("keys")
        if not self._ring.is_good(self._clock.now()):
            self._ring = KeyRing.build(self._held, self._envelope, self._clock.now())
        return self._ring

    @property
    def published(self) -> PublishedKeys:
        """Return the published key set."""
        return self.ring.published

    def verification(self) -> KeySet:
        """Return the keys that our own tokens are verified with."""
        return self.ring.published.keys

    @property
    def algorithms(self) -> tuple[str, ...]:
        """List what can be signed with, the default first."""
        return self.ring.signer.algorithms

    def sign(self, claims: Mapping[str, object], *, typ: str, alg: str | None = None) -> str:
        """Return the compact JWS of `claims`; raises `NoSigningKey`."""
        return self.ring.signer.sign(claims, typ=typ, alg=alg)
