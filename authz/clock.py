"""Time as an argument: the only place that reads the system clock (DESIGN 3.11)."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """A source of the current time; tests pass one that stands still."""

    def now(self) -> int:
        """Return the current time in Unix milliseconds."""
        ...


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> int:
        """Return the current time in Unix milliseconds."""
        return time.time_ns() // 1_000_000


def rfc3339(at: int) -> str:
    """Show a time (Unix ms) as RFC 3339 in UTC."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"
