"""All that a process holds of the keys at one moment: what signs, what is published."""

from collections.abc import Iterable
from dataclasses import dataclass

from server.keys.envelope import Envelope
from server.keys.jwks import PublishedKeys, publish
from server.keys.signer import Signer
from server.keys.signing_keys import SigningKey


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Built from the stored keys; replaced on a security change of kind "key", never changed."""

    signer: Signer
    published: PublishedKeys

    @classmethod
    def build(cls, keys: Iterable[SigningKey], envelope: Envelope, now: int) -> "KeyRing":
        """Unseal what signs and lay out what is published; raises `SealBroken`."""
        held = tuple(keys)
        return cls(Signer(held, envelope), publish(held, now))

    def is_good(self, now: int) -> bool:
        """Tell whether the ring may still be used: no published key's time has come."""
        return self.published.is_good(now)
