"""The life of a signing key: next, active, retired, revoked. Pure functions on frozen values.

`next` is published before it signs, so that verifiers with a cached set know it already. `active`
signs. `retired` verifies until the last token that it signed has expired; its private half is
destroyed at once. `revoked` (a compromise) leaves the published set at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class KeyStatus(StrEnum):
    """Where a key is in its life."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRED = "retired"
    REVOKED = "revoked"


SIGNING_ALGORITHMS: Final = ("ES256", "EdDSA", "RS256")
"""What we sign with, the default first (DESIGN 3.8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key pair as it is stored. Times are Unix milliseconds, None when not yet reached."""

    kid: str
    alg: str
    status: KeyStatus
    public_jwk: Mapping[str, str]
    sealed_private: bytes = field(repr=False)
    """The private key in an `Envelope` of kind "signing_key" and id `kid`; empty once destroyed."""
    created_at: int
    activated_at: int | None = None
    retire_at: int | None = None
    """When a retired key leaves the published set."""
    revoked_at: int | None = None

    def __post_init__(self) -> None:
        """Keep the public half from being changed in place."""
        object.__setattr__(self, "public_jwk", MappingProxyType(dict(self.public_jwk)))

    def is_published(self, now: int) -> bool:
        """Tell whether verifiers should know the key."""
        if self.status is KeyStatus.RETIRED:
            return self.retire_at is not None and now < self.retire_at
        return self.status in (KeyStatus.NEXT, KeyStatus.ACTIVE)


@dataclass(frozen=True, slots=True)
class Change:
    """One key's step: from the stored value to the new one (`before` None: a new row)."""

    before: SigningKey | None
    after: SigningKey


@dataclass(frozen=True, slots=True)
class TooEarly:
    """The next key has not been published for long enough; `possible_at` says when it will be."""

    possible_at: int


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """There is no such key, or it is revoked already."""

    kid: str


def active(keys: Iterable[SigningKey], alg: str) -> SigningKey | None:
    """Return the key that signs with `alg`."""
    return _with(keys, alg, KeyStatus.ACTIVE)


def upcoming(keys: Iterable[SigningKey], alg: str) -> SigningKey | None:
    """Return the key that will sign with `alg` after the next rotation."""
    return _with(keys, alg, KeyStatus.NEXT)


def first_keys(active_key: SigningKey, next_key: SigningKey, now: int) -> tuple[SigningKey, ...]:
    """Return the two rows that an algorithm starts with: one that signs, one that is announced."""
    return (_activate(active_key, now), next_key)


def rotate(
    keys: Iterable[SigningKey],
    fresh: SigningKey,
    *,
    now: int,
    longest_token_ttl: int,
    announce_ttl: int,
) -> tuple[Change, ...] | TooEarly:
    """Make the next key of `fresh.alg` active, retire the active one, announce `fresh`.

    `longest_token_ttl`: seconds that the longest-lived signed token may still be good.
    `announce_ttl`: seconds that verifiers may cache the published set; a key announced for less
    is not yet known everywhere, and the answer is `TooEarly`. The order of the changes keeps at
    most one key in each of the two places at every step.
    """
    held = tuple(keys)
    current, following = active(held, fresh.alg), upcoming(held, fresh.alg)
    changes: list[Change] = []
    if following is not None:
        possible_at = following.created_at + announce_ttl * 1000
        if current is not None and now < possible_at:
            return TooEarly(possible_at)
    if current is not None:
        changes.append(Change(current, _retire(current, now + longest_token_ttl * 1000)))
    if following is None:
        # Nothing was announced (an old or a damaged table): sign with the new key all the same.
        return (*changes, Change(None, _activate(fresh, now)))
    return (*changes, Change(following, _activate(following, now)), Change(None, fresh))


def revoke(
    keys: Iterable[SigningKey], kid: str, fresh: SigningKey, *, now: int
) -> tuple[Change, ...] | UnknownKey:
    """Take a compromised key out at once; what it signed no longer verifies.

    An active key is followed by the announced one, an announced one by `fresh` (same algorithm),
    without waiting: a verifier with an old set fails closed until it fetches the new one.
    """
    held = tuple(keys)
    lost = next((key for key in held if key.kid == kid), None)
    if lost is None or lost.status is KeyStatus.REVOKED:
        return UnknownKey(kid)
    gone = Change(lost, replace(lost, status=KeyStatus.REVOKED, sealed_private=b"", revoked_at=now))
    if lost.status is KeyStatus.RETIRED:
        return (gone,)
    if fresh.alg != lost.alg:
        raise ValueError("the fresh key must have the algorithm of the revoked one")
    if lost.status is KeyStatus.NEXT:
        return (gone, Change(None, fresh))
    following = upcoming(held, lost.alg)
    if following is None:
        return (gone, Change(None, _activate(fresh, now)))
    return (gone, Change(following, _activate(following, now)), Change(None, fresh))


def _activate(key: SigningKey, now: int) -> SigningKey:
    return replace(key, status=KeyStatus.ACTIVE, activated_at=now)


def _retire(key: SigningKey, leaves_at: int) -> SigningKey:
    # It never signs again, so nothing is kept that could.
    return replace(key, status=KeyStatus.RETIRED, retire_at=leaves_at, sealed_private=b"")


def _with(keys: Iterable[SigningKey], alg: str, status: KeyStatus) -> SigningKey | None:
    return next((key for key in keys if key.alg == alg and key.status is status), None)
