"""What is done to the stored keys: first keys, rotation, revocation, a new key-encryption key.

Key pairs are made before the unit, since a unit does no crypto; `record` runs inside it, so that
the audit row commits with the change.
"""

from collections.abc import Callable, Collection

from server.domain.unit import Store, Unit
from server.keys.envelope import Envelope
from server.keys.pairs import generate, reseal
from server.keys.ports import SigningKeys
from server.keys.signing_keys import (
    SIGNING_ALGORITHMS,
    Change,
    SigningKey,
    TooEarly,
    UnknownKey,
    active,
    first_keys,
    revoke,
    rotate,
)

Record = Callable[[Unit, tuple[Change, ...]], None]


async def ensure_keys(
    store: Store,
    stored: SigningKeys,
    envelope: Envelope,
    now: int,
    algorithms: Collection[str] = SIGNING_ALGORITHMS,
) -> tuple[SigningKey, ...]:
    """Give each algorithm its first keys if it has none, and return all that are stored.

    Of several workers that start together one stores its keys, and every one returns those.
    """
    held = await store.read(stored.all)
    lacking = [alg for alg in algorithms if active(held, alg) is None]
    if not lacking:
        return held
    made = [
        key
        for alg in lacking
        for key in first_keys(generate(alg, envelope, now), generate(alg, envelope, now), now)
    ]
    await store.write(lambda tx: stored.add_missing(tx, made))
    return await store.read(stored.all)


async def rotate_key(
    store: Store,
    stored: SigningKeys,
    envelope: Envelope,
    alg: str,
    *,
    now: int,
    longest_token_ttl: int,
    announce_ttl: int,
    record: Record,
) -> tuple[Change, ...] | TooEarly:
    """Rotate the keys of `alg` (see `signing_keys.rotate`); raises `KeysMoved`."""
    held = await store.read(stored.all)
    changes = rotate(
        held,
        generate(alg, envelope, now),
        now=now,
        longest_token_ttl=longest_token_ttl,
        announce_ttl=announce_ttl,
    )
    if not isinstance(changes, TooEarly):
        await _apply(store, stored, changes, record)
    return changes


async def revoke_key(
    store: Store,
    stored: SigningKeys,
    envelope: Envelope,
    kid: str,
    *,
    now: int,
    record: Record,
) -> tuple[Change, ...] | UnknownKey:
    """Revoke a compromised key (see `signing_keys.revoke`); raises `KeysMoved`."""
    held = await store.read(stored.all)
    lost = next((key for key in held if key.kid == kid), None)
    if lost is None:
        return UnknownKey(kid)
    changes = revoke(held, kid, generate(lost.alg, envelope, now), now=now)
    if not isinstance(changes, UnknownKey):
        await _apply(store, stored, changes, record)
    return changes


async def reseal_keys(
    store: Store, stored: SigningKeys, envelope: Envelope, record: Record
) -> tuple[Change, ...]:
    """Bring every private half under the current key-encryption key.

    Raises `SealBroken` or `KeysMoved`; then nothing is changed.
    """
    changes = reseal(await store.read(stored.all), envelope)
    if changes:
        await _apply(store, stored, changes, record)
    return changes


async def _apply(
    store: Store, stored: SigningKeys, changes: tuple[Change, ...], record: Record
) -> None:
    def work(tx: Unit) -> None:
        stored.apply(tx, changes)
        record(tx, changes)

    await store.write(work)
