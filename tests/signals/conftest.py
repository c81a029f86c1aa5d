"""A trail with some sealed batches, and the keys that signed their heads."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.ports import Repositories
from server.keys.envelope import Envelope
from server.keys.kek import KeyEncryptionKey
from server.keys.pairs import generate
from server.keys.signer import Signer
from server.keys.signing_keys import SigningKey, first_keys
from server.signals.audit_seal import Sealer
from server.signals.audit_verify import Report, trail_keys, verify
from server.storage.repositories import repositories
from server.storage.store import OpenStore, open_store
from tests.support.clock import FrozenClock
from tests.support.databases import Databases
from tests.support.entropy import SequenceEntropy
from tests.support.schema import create_tables

ISSUER = "https://mandate.example"


@dataclass(slots=True)
class Trail:
    """A database with an audit trail, and what is needed to seal and check it."""

    url: str
    store: OpenStore
    rows: Repositories
    clock: FrozenClock
    entropy: SequenceEntropy
    keys: tuple[SigningKey, ...]
    signer: Signer

    def sealer(self, store: OpenStore | None = None, clock: FrozenClock | None = None) -> Sealer:
        return Sealer(
            store=store or self.store,
            trail=self.rows.trail,
            clock=clock or self.clock,
            entropy=self.entropy,
            issuer=ISSUER,
            signer=self.signer,
        )

    async def record(self, count: int) -> list[str]:
        """Record events, each of its own second, with personal facts."""
        ids = []
        for number in range(count):
            self.clock.advance(seconds=1)
            record = AuditRecord(
                tag=AuditTag.EXCHANGE,
                outcome=Outcome.DONE,
                at=self.clock.now(),
                user_id=f"usr_{number % 3}",
                agents=("agt_b", "agt_a"),
                grant_id=f"dlg_{number % 2}",
                detail={"jti": f"tok_{number}"},
                personal={"email": f"person{number}@example.org"},
            )
            ids.append(
                await self.store.write(lambda tx, r=record: self.rows.audit.record(tx, r))  # type: ignore[misc]
            )
        return ids

    async def sealed(self, *batches: int) -> None:
        """Record and seal in batches."""
        for count in batches:
            await self.record(count)
            assert await self.sealer().seal() == count

    async def check(self, kept_outside: str | None = None) -> Report:
        keys, revoked = trail_keys(self.keys)
        return await verify(
            self.store, self.rows.trail, keys, revoked=revoked, kept_outside=kept_outside
        )

    def revoke(self) -> None:
        """Take the signing key for compromised and sign with another."""
        from server.keys.signing_keys import KeyStatus

        gone = tuple(replace(key, status=KeyStatus.REVOKED) for key in self.keys)
        fresh, self.signer = _keys(self.entropy, self.clock.now())
        self.keys = (*gone, *fresh)


def _keys(entropy: SequenceEntropy, now: int) -> tuple[tuple[SigningKey, ...], Signer]:
    envelope = Envelope((KeyEncryptionKey(b"k" * 32),), entropy)
    pair = (generate("ES256", envelope, now), generate("ES256", envelope, now))
    keys = first_keys(*pair, now)
    return keys, Signer(keys, envelope)


MakeTrail = Callable[[], Awaitable[Trail]]


@pytest.fixture
async def make_trail(
    databases: Databases, clock: FrozenClock, entropy: SequenceEntropy
) -> AsyncIterator[MakeTrail]:
    opened: list[OpenStore] = []

    async def make() -> Trail:
        url = databases.copy_of("tables", create_tables)
        store = open_store(url)
        opened.append(store)
        keys, signer = _keys(entropy, clock.now())
        return Trail(url, store, repositories(entropy), clock, entropy, keys, signer)

    yield make
    await asyncio.gather(*(store.close() for store in opened))


@pytest.fixture
async def trail(make_trail: MakeTrail) -> Trail:
    return await make_trail()
