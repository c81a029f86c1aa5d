"""Attacks of the review on what is remembered of keys."""

import asyncio
from collections.abc import Callable
from typing import Any

from authz.decision import Denied
from authz.jose import KeySet
from authz.tx import Tx
from server.domain.unit import Store
from server.keys.live import LiveKeys
from server.keys.signing_keys import active
from server.keys.upkeep import revoke_key
from server.protocol.presented import Presented, TokenReader
from server.storage.keys import SqlSigningKeys
from tests.support.stage import Stage


async def test_a_token_is_forgotten_with_its_key_whenever_that_goes(stage: Stage) -> None:
    w = stage.world
    published = [w.server.services.keys.verification()]
    reader = TokenReader(w.core, lambda: published[0])
    assert isinstance(await reader.read(stage.subject), Presented)
    assert isinstance(await reader.read(stage.subject), Presented)
    # The listeners of a revoked key are told before the keys are reloaded. A request in between
    # verifies with the old keys; what it remembers must not outlive them.
    published[0] = KeySet([])
    assert isinstance(await reader.read(stage.subject), Denied)


class SlowFirst:
    """The store, whose first answer is held back until it is let go."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reads = 0
        self.has_read = asyncio.Event()
        self.let_go = asyncio.Event()

    async def read(self, work: Callable[[Tx], Any]) -> Any:
        self._reads += 1
        first = self._reads == 1
        answer = await self._store.read(work)
        if first:
            self.has_read.set()
            await self.let_go.wait()
        return answer


async def test_a_slow_reload_does_not_bring_a_revoked_key_back(stage: Stage) -> None:
    core, stored = stage.world.core, SqlSigningKeys()
    envelope = stage.world.server.envelope
    slow = SlowFirst(core.store)
    live = LiveKeys(slow, stored, envelope, core.clock)  # type: ignore[arg-type]
    first = asyncio.create_task(live.reload())
    await slow.has_read.wait()
    held = await core.store.read(stored.all)
    lost = active(held, "ES256")
    assert lost is not None
    await revoke_key(
        core.store, stored, envelope, lost.kid, now=core.clock.now(), record=lambda *_: None
    )
    second = asyncio.create_task(live.reload())
    await core.store.read(stored.all)
    for _ in range(100):
        await asyncio.sleep(0)
        await core.store.revision()
    slow.let_go.set()
    await asyncio.gather(first, second)
    assert live.verification().find(lost.kid) is None
