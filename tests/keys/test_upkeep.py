"""Rotation and revocation as an operator does them, with two workers on one database."""

import asyncio

import pytest

from authz.jose import InvalidToken, verify_jws
from server.keys.envelope import Envelope, SealBroken
from server.keys.kek import KeyEncryptionKey
from server.keys.ring import KeyRing
from server.keys.signing_keys import SIGNING_ALGORITHMS, KeyStatus, TooEarly, UnknownKey, active
from server.keys.upkeep import ensure_keys, reseal_keys, revoke_key, rotate_key
from server.storage.keys import SqlSigningKeys
from tests.keys.material import envelope
from tests.keys.test_key_storage import stores
from tests.support.entropy import SequenceEntropy

__all__ = ["stores"]

STORED = SqlSigningKeys()
LIMITS = {"longest_token_ttl": 900, "announce_ttl": 3600}


def ignore(tx, changes):
    pass


def accepted(ring, token) -> bool:
    try:
        verify_jws(token, ring.published.keys, typ="at+jwt", algorithms=SIGNING_ALGORITHMS)
    except InvalidToken:
        return False
    return True


async def ring(store, box, clock) -> KeyRing:
    return KeyRing.build(await store.read(STORED.all), box, clock.now())


async def test_workers_that_start_together_sign_with_the_same_keys(stores, clock):
    boxes = [envelope(SequenceEntropy(seed)) for seed in ("one", "other")]
    found = await asyncio.gather(
        *(
            ensure_keys(store, STORED, box, clock.now(), ("ES256", "EdDSA"))
            for store, box in zip(stores, boxes, strict=True)
        )
    )
    assert (
        found[0]
        == found[1]
        == await ensure_keys(stores[0], STORED, boxes[0], clock.now(), ("ES256", "EdDSA"))
    )
    assert len(found[0]) == 4


async def test_tokens_live_on_through_a_rotation_and_die_with_a_revocation(stores, clock, entropy):
    box = envelope(entropy)
    await ensure_keys(stores[0], STORED, box, clock.now(), ("ES256",))
    first = (await ring(stores[0], box, clock)).signer.sign({"n": 1}, typ="at+jwt")
    clock.advance(hours=1)
    changes = await rotate_key(
        stores[0], STORED, box, "ES256", now=clock.now(), record=ignore, **LIMITS
    )
    assert isinstance(changes, tuple)
    now_on = await ring(stores[1], box, clock)
    second = now_on.signer.sign({"n": 2}, typ="at+jwt")
    assert first.split(".")[0] != second.split(".")[0]
    assert accepted(now_on, first)
    assert accepted(now_on, second)
    lost = active(await stores[1].read(STORED.all), "ES256")
    assert lost is not None
    await revoke_key(stores[1], STORED, box, lost.kid, now=clock.now(), record=ignore)
    later = await ring(stores[0], box, clock)
    assert not accepted(later, second)
    assert accepted(later, first)
    assert accepted(later, later.signer.sign({"n": 3}, typ="at+jwt"))
    clock.advance(seconds=900)
    assert not later.is_good(clock.now())
    assert not accepted(await ring(stores[0], box, clock), first)


async def test_a_rotation_too_early_changes_nothing(stores, clock, entropy):
    box = envelope(entropy)
    before = await ensure_keys(stores[0], STORED, box, clock.now(), ("ES256",))
    refused = await rotate_key(
        stores[0], STORED, box, "ES256", now=clock.now(), record=ignore, **LIMITS
    )
    assert refused == TooEarly(clock.now() + 3_600_000)
    assert await stores[0].read(STORED.all) == before


async def test_an_unknown_key_cannot_be_revoked(stores, clock, entropy):
    refused = await revoke_key(
        stores[0], STORED, envelope(entropy), "nobody", now=clock.now(), record=ignore
    )
    assert refused == UnknownKey("nobody")


async def test_a_rotation_whose_audit_row_fails_does_not_happen(stores, clock, entropy):
    box = envelope(entropy)
    before = await ensure_keys(stores[0], STORED, box, clock.now(), ("ES256",))
    clock.advance(hours=1)

    def fail(tx, changes):
        raise RuntimeError("no audit")

    with pytest.raises(RuntimeError, match="no audit"):
        await rotate_key(stores[0], STORED, box, "ES256", now=clock.now(), record=fail, **LIMITS)
    assert await stores[0].read(STORED.all) == before


async def test_after_a_change_of_the_key_encryption_key_the_old_one_opens_nothing(
    stores, clock, entropy
):
    old, new = KeyEncryptionKey(b"\x01" * 32), KeyEncryptionKey(b"\x02" * 32)
    await ensure_keys(stores[0], STORED, Envelope((old,), entropy), clock.now(), ("ES256",))
    changes = await reseal_keys(stores[0], STORED, Envelope((new, old), entropy), ignore)
    assert len(changes) == 2
    assert await reseal_keys(stores[0], STORED, Envelope((new, old), entropy), ignore) == ()
    assert (await ring(stores[1], Envelope((new,), entropy), clock)).signer.algorithms == ("ES256",)
    with pytest.raises(SealBroken):
        await ring(stores[1], Envelope((old,), entropy), clock)


async def test_there_is_never_more_than_one_key_in_each_place(stores, clock, entropy):
    box = envelope(entropy)
    await ensure_keys(stores[0], STORED, box, clock.now(), ("ES256",))
    for _ in range(3):
        clock.advance(hours=1)
        await rotate_key(stores[0], STORED, box, "ES256", now=clock.now(), record=ignore, **LIMITS)
    found = [key.status for key in await stores[0].read(STORED.all)]
    assert sorted(found) == [
        KeyStatus.ACTIVE, KeyStatus.NEXT, KeyStatus.RETIRED, KeyStatus.RETIRED, KeyStatus.RETIRED,
    ]  # fmt: skip
