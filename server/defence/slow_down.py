"""Slow down whoever guesses, by a refusal that says when to try again; nobody is locked out.

Each try is counted before it is judged, so tries at the same time cannot all slip through, and
taken back when it turns out right. The counters belong to the account (known or not), to the
source address, and to a browser that has signed in to the account before: such a browser is
counted apart, so that a guesser cannot keep the owner out (OWASP, device cookies).
"""

from dataclasses import dataclass
from typing import Final

from server.defence.sources import Pseudonyms, network
from server.domain.core import Core
from server.domain.entropy import same
from server.domain.unit import Unit

WINDOW_MS: Final = 24 * 3600 * 1000
"""A failure counts for so long."""
LONGEST_DELAY_MS: Final = 15 * 60 * 1000
_LABEL: Final = b"mandate slow-down v1\x00"


@dataclass(frozen=True, slots=True)
class _Pace:
    """`free` failures cost nothing; each one more doubles the delay, from one second on."""

    kind: str
    free: int

    def delay(self, failures: int) -> int:
        """Return how long after the last failure the next try may come (milliseconds)."""
        over = failures - self.free
        return 0 if over < 0 else int(min(1000 << min(over, 20), LONGEST_DELAY_MS))


ACCOUNT: Final = _Pace("account", 5)
ADDRESS: Final = _Pace("address", 30)
DEVICE: Final = _Pace("device", 10)
SIGN_UP: Final = _Pace("sign_up", 20)


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: the next try may come in `seconds`."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that may be judged; it counts as a failure until it is taken back."""

    failure_ids: tuple[str, ...]
    clears: tuple[str, ...]
    """Counters that start anew when this try turns out right."""


class SlowDown:
    """Counts the tries of one server, under hashes keyed with the server's key."""

    def __init__(self, key: bytes) -> None:
        """Use a key of at least 32 bytes that serves nothing else."""
        self._hash = Pseudonyms(key, _LABEL).of

    def device_cookie(self, core: Core, account: str) -> str:
        """Return a cookie that marks a browser as known to the account."""
        nonce = core.entropy.token(16)
        return f"{nonce}.{self._hash('device cookie', f'{account} {nonce}')}"

    def knows(self, device: str | None, account: str) -> bool:
        """Tell whether the browser of this cookie has signed in to the account before."""
        nonce, dot, mark = (device or "").partition(".")
        return bool(dot) and same(mark, self._hash("device cookie", f"{account} {nonce}"))

    async def sign_in(
        self, core: Core, *, account: str, address: str, device: str | None
    ) -> Attempt | Wait:
        """Count a try to sign in to `account` (its folded address) from a source address."""
        if device is not None and self.knows(device, account):
            own = self._hash(DEVICE.kind, f"{account} {device}")
            return await self._count(core, {own: DEVICE}, clears=(own,))
        named = self._hash(ACCOUNT.kind, account)
        source = self._hash(ADDRESS.kind, network(address))
        # The address's counter is never cleared: signing in to an own account now and then
        # would give a guesser a fresh start at the others.
        return await self._count(core, {named: ACCOUNT, source: ADDRESS}, clears=(named,))

    async def sign_up(self, core: Core, *, address: str) -> Attempt | Wait:
        """Count an account that somebody makes, or seems to make, from a source address."""
        source = self._hash(SIGN_UP.kind, network(address))
        return await self._count(core, {source: SIGN_UP}, clears=())

    def succeeded(self, core: Core, tx: Unit, attempt: Attempt) -> None:
        """Take a try back, in the unit of what it led to."""
        core.rows.failures.take_back(tx, list(attempt.failure_ids))
        for source in attempt.clears:
            core.rows.failures.forget(tx, source)

    async def _count(
        self, core: Core, paces: dict[str, _Pace], *, clears: tuple[str, ...]
    ) -> Attempt | Wait:
        now = core.clock.now()
        ids = {source: core.entropy.id("try") for source in sorted(paces)}

        def work(tx: Unit) -> Attempt | Wait:
            core.rows.failures.hold(tx, list(ids))
            wait = 0
            for source, pace in paces.items():
                count, last = core.rows.failures.recent(tx, source, now - WINDOW_MS)
                wait = max(wait, last + pace.delay(count) - now if count else 0)
            if wait > 0:
                return Wait(-(-wait // 1000))
            for source, failure_id in ids.items():
                core.rows.failures.add(tx, failure_id, source, now)
            return Attempt(tuple(ids.values()), clears)

        return await core.store.write(work)


async def forget_old_failures(core: Core) -> int:
    """Delete failures that count no more; return how many."""
    before = core.clock.now() - WINDOW_MS
    return await core.store.write(lambda tx: core.rows.failures.purge(tx, before))
