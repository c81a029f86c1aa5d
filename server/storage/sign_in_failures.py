"""Failed sign-ins in SQL, for slowing down whoever guesses."""

from sqlalchemy import bindparam, func, insert, select

from authz.tx import Tx, in_json
from server.domain.unit import Unit
from server.storage.rows import dump
from server.storage.tables.people import sign_in_failure as failure
from server.storage.turns import take_turns

_ADD = insert(failure)
_RECENT = select(func.count(), func.max(failure.c.at)).where(
    failure.c.source == bindparam("source"), failure.c.at > bindparam("since")
)
_FORGET = failure.delete().where(failure.c.source == bindparam("source"))
_TAKE_BACK = failure.delete().where(in_json(failure.c.id, "ids"))
_PURGE = failure.delete().where(failure.c.at < bindparam("before"))


class SignInFailures:
    """Failed sign-ins by source (a keyed hash of account, address or browser)."""

    def hold(self, tx: Unit, sources: list[str]) -> None:
        """Let other tries from these sources, the very first too, wait until this unit ends."""
        take_turns(tx, sources)

    def add(self, tx: Unit, failure_id: str, source: str, now: int) -> None:
        """Record a failure."""
        tx.execute(_ADD, {"id": failure_id, "source": source, "at": now})

    def recent(self, tx: Tx, source: str, since: int) -> tuple[int, int]:
        """Count the failures of a source after `since` and tell the time of the last (or 0)."""
        count, last = tx.fetch(_RECENT, {"source": source, "since": since})[0]
        return int(count), int(last or 0)

    def take_back(self, tx: Unit, failure_ids: list[str]) -> None:
        """Forget single failures that turned out to be none."""
        tx.execute(_TAKE_BACK, {"ids": dump(failure_ids)})

    def forget(self, tx: Unit, source: str) -> None:
        """Forget every failure of a source: it has signed in."""
        tx.execute(_FORGET, {"source": source})

    def purge(self, tx: Unit, before: int) -> int:
        """Forget failures older than `before` (Unix ms); return how many."""
        return tx.execute(_PURGE, {"before": before})
