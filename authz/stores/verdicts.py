"""What whole checks answered, kept as long as the store stands at the same revision.

A check without context is a function of the model and of the tuples, and both are named by the
revision (`stores.cached`): an answer is exact or it is forgotten. Errors are never kept.
"""

import threading
from typing import Final, NamedTuple, TypeAlias

MOST_VERDICTS: Final = 20_000
"""Checks of one store that are kept; some 8 MiB of ordinary names when full."""

_Asked: TypeAlias = tuple[str, str, str, str]
"""Model, user, relation, object."""


class Verdicts:
    """The checks of one store that are true at one revision; shared by the threads of a process."""

    def __init__(self, most: int = MOST_VERDICTS) -> None:
        """Keep at most `most`; the oldest go."""
        self._most = most
        self._lock = threading.Lock()
        self._at: tuple[int, dict[_Asked, bool]] = (0, {})

    def under(self, revision: int, model: str) -> "VerdictsAt":
        """Return what is true at a revision, under one model. Raises nothing.

        Another revision than before forgets everything, also an older one: a database that was put
        back from a backup may reach the same number again with other tuples. (If nobody asks in
        between, nobody notices: every server stops for a restore, docs/operations.md.)
        """
        at, kept = self._at
        if at != revision:
            kept = {}
            self._at = (revision, kept)
        return VerdictsAt(self, kept, model)

    def add(self, kept: dict[_Asked, bool], asked: _Asked, *, holds: bool) -> None:
        """Keep one verdict among those of its revision."""
        with self._lock:
            if len(kept) >= self._most:
                del kept[next(iter(kept))]
            kept[asked] = holds


class VerdictsAt(NamedTuple):
    """The verdicts of one revision. They stay apart from those of the next, whoever holds them."""

    of: Verdicts
    kept: dict[_Asked, bool]
    model: str

    def find(self, user: str, relation: str, object: str) -> bool | None:
        """Return a verdict, if there is one."""
        return self.kept.get((self.model, user, relation, object))

    def keep(self, user: str, relation: str, object: str, *, holds: bool) -> None:
        """Keep what a check without context, and without tuples of its own, answered."""
        self.of.add(self.kept, (self.model, user, relation, object), holds=holds)
