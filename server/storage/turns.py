"""One after the other: units that count rows before they add one, though there may be none yet."""

import hashlib
from collections.abc import Iterable

from sqlalchemy import BigInteger, bindparam, cast, func, select

from server.domain.unit import Unit

_TURN = select(func.pg_advisory_xact_lock(cast(bindparam("key"), BigInteger)))


def take_turns(tx: Unit, names: Iterable[str]) -> None:
    """Wait for units that took the turn of one of these names; others wait until this one ends.

    A row lock cannot do that while there is no row. SQLite has one writer at a time as it is.
    """
    if tx.dialect != "postgresql":
        return
    # In one order for everybody, so that two units never wait for each other.
    for key in sorted({_key(name) for name in names}):
        tx.fetch(_TURN, {"key": key})


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
