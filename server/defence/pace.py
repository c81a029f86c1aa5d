"""How often strangers may make this process do something: so many in a while, then wait.

For what costs us or others a request to somewhere else and leaves nothing behind: kept in memory,
by each worker for itself. What leaves rows is counted in the database.
"""

from collections import OrderedDict, deque
from typing import Final

from authz.clock import Clock

_REMEMBERED: Final = 4096
"""Names that are counted at a time; the ones longest unused are forgotten first."""


class Pace:
    """At most `most` events of a name within `seconds`."""

    def __init__(self, clock: Clock, *, most: int, seconds: int) -> None:
        """Count by `clock`."""
        self._clock = clock
        self._most = most
        self._window = seconds * 1000
        self._events: OrderedDict[str, deque[int]] = OrderedDict()

    def wait(self, name: str) -> int:
        """Count an event and return 0, or return after how many seconds it may come."""
        now = self._clock.now()
        events = self._events.setdefault(name, deque())
        self._events.move_to_end(name)
        if len(self._events) > _REMEMBERED:
            self._events.popitem(last=False)
        while events and events[0] <= now - self._window:
            events.popleft()
        if len(events) >= self._most:
            return -(-(events[0] + self._window - now) // 1000)
        events.append(now)
        return 0
