"""A clock that moves only when a test says so."""

from dataclasses import dataclass

# 2026-01-01T00:00:00Z, a moment that reads well in a failure.
NEW_YEAR_2026 = 1_767_225_600_000


@dataclass(slots=True)
class FrozenClock:
    """An `authz.clock.Clock` that stands at `now_ms` (Unix milliseconds)."""

    now_ms: int = NEW_YEAR_2026

    def now(self) -> int:
        return self.now_ms

    def advance(
        self, *, seconds: int = 0, minutes: int = 0, hours: int = 0, days: int = 0, ms: int = 0
    ) -> int:
        """Move on (or back, for a machine whose clock was set) and return the new time."""
        self.now_ms += ms + 1000 * (seconds + 60 * (minutes + 60 * (hours + 24 * days)))
        return self.now_ms
