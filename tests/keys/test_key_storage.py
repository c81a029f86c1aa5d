"""The stored keys on both engines (`server.storage.keys`)."""

import asyncio

import pytest
from sqlalchemy import NullPool, create_engine, insert

from server.keys.pairs import generate
from server.keys.ports import KeysMoved
from server.keys.signing_keys import KeyStatus, active, first_keys, revoke, rotate
from server.storage.keys import SqlSigningKeys
from server.storage.store import open_store
from server.storage.tables.changes import security_change, security_head
from server.storage.tables.keys import signing_key
from server.storage.tables.metadata import metadata
from tests.keys.material import NOW, envelope, pair_of_keys
from tests.support.entropy import SequenceEntropy

STORED = SqlSigningKeys()
HOUR = 3_600_000


def _create(url: str) -> None:
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool
    )
    with engine.begin() as connection:
        metadata.create_all(connection, tables=[signing_key, security_head, security_change])
        connection.execute(insert(security_head).values(id=1, seq=0))


@pytest.fixture
async def stores(databases):
    """Give two stores on one database, as two workers have."""
    url = databases.copy_of("signing-keys", _create)
    opened = [open_store(url), open_store(url)]
    yield opened
    for store in opened:
        await store.close()


async def test_keys_come_back_as_they_were_stored(stores, entropy):
    keys = pair_of_keys("ES256", envelope(entropy))
    await stores[0].write(lambda tx: STORED.add_missing(tx, keys))
    found = await stores[1].read(STORED.all)
    assert {key.kid: key for key in found} == {key.kid: key for key in keys}


async def test_two_workers_that_start_on_an_empty_table_end_with_one_active_key(stores):
    async def start(store, seed):
        box = envelope(SequenceEntropy(seed))
        mine = [key for alg in ("ES256", "EdDSA") for key in pair_of_keys(alg, box)]
        await store.write(lambda tx: STORED.add_missing(tx, mine))
        return await store.read(STORED.all)

    one, other = await asyncio.gather(start(stores[0], "one"), start(stores[1], "other"))
    final = await stores[0].read(STORED.all)
    for alg in ("ES256", "EdDSA"):
        for status in (KeyStatus.ACTIVE, KeyStatus.NEXT):
            assert sum(key.alg == alg and key.status is status for key in final) == 1
        assert active(one, alg) == active(other, alg) == active(final, alg)


async def test_a_rotation_is_stored_and_published_as_a_security_change(stores, entropy):
    box = envelope(entropy)
    keys = pair_of_keys("ES256", box)
    await stores[0].write(lambda tx: STORED.add_missing(tx, keys))
    before = await stores[1].revision()
    fresh = generate("ES256", box, NOW + HOUR)
    changes = rotate(keys, fresh, now=NOW + HOUR, longest_token_ttl=900, announce_ttl=60)
    assert isinstance(changes, tuple)
    await stores[0].write(lambda tx: STORED.apply(tx, changes))
    found = {key.kid: key for key in await stores[1].read(STORED.all)}
    assert found == {change.after.kid: change.after for change in changes}
    assert await stores[1].revision() == before + 3
    published = await stores[1].read(
        lambda tx: tx.fetch(security_change.select().where(security_change.c.seq > before))
    )
    assert {tuple(row[1:]) for row in published} == {("key", kid) for kid in found}


async def test_of_two_rotations_from_the_same_state_one_is_kept_whole(stores, entropy):
    box = envelope(entropy)
    keys = pair_of_keys("ES256", box)
    await stores[0].write(lambda tx: STORED.add_missing(tx, keys))

    async def turn(store):
        fresh = generate("ES256", box, NOW + HOUR)
        changes = rotate(keys, fresh, now=NOW + HOUR, longest_token_ttl=900, announce_ttl=60)
        assert isinstance(changes, tuple)
        await store.write(lambda tx: STORED.apply(tx, changes))
        return fresh.kid

    results = await asyncio.gather(*(turn(store) for store in stores), return_exceptions=True)
    winners = [kid for kid in results if isinstance(kid, str)]
    assert len(winners) == 1
    assert sum(isinstance(result, KeysMoved) for result in results) == 1
    found = await stores[0].read(STORED.all)
    assert len(found) == 3
    announced = [key.kid for key in found if key.status is KeyStatus.NEXT]
    assert announced == winners


async def test_a_revocation_is_stored_without_its_private_half(stores, entropy):
    box = envelope(entropy)
    keys = first_keys(generate("ES256", box, NOW), generate("ES256", box, NOW), NOW)
    await stores[0].write(lambda tx: STORED.add_missing(tx, keys))
    changes = revoke(keys, keys[0].kid, generate("ES256", box, NOW), now=NOW + 5)
    assert isinstance(changes, tuple)
    await stores[0].write(lambda tx: STORED.apply(tx, changes))
    gone = next(key for key in await stores[1].read(STORED.all) if key.kid == keys[0].kid)
    assert (gone.status, gone.revoked_at, gone.sealed_private) == (KeyStatus.REVOKED, NOW + 5, b"")
