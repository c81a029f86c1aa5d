"""Bound what strangers register: new clients of one source in a day, and clients altogether."""

from typing import Final

from authz.decision import Advice
from server.defence.sources import Pseudonyms, network
from server.domain.core import Core
from server.domain.refusal import Refused
from server.domain.registry import Origin
from server.domain.unit import Unit

DAY_MS: Final = 24 * 3600 * 1000
RETRY_AFTER: Final = 3600
"""Seconds. The same whichever bound was met, so that nobody learns how busy others are."""
_LABEL: Final = b"mandate registrations v1\x00"


class Registrants:
    """Knows sources again, under hashes keyed with the server's key."""

    def __init__(self, key: bytes) -> None:
        """Use a key of at least 32 bytes that serves nothing else."""
        self._pseudonyms = Pseudonyms(key, _LABEL)

    def source(self, address: str) -> str:
        """Return what stands for a source address."""
        return self._pseudonyms.of("source", network(address))


def no_more(core: Core, tx: Unit, source: str | None, now: int) -> Refused | None:
    """Refuse one more client; ask in the unit that adds it, when it has its turn.

    `source` is None for whoever was let in by an initial access token: those are counted anyway.
    """
    if core.rows.registrations.count(tx, Origin.DYNAMIC) >= core.policy.registered_overall:
        return _later()
    if source is None:
        return None
    count, _ = core.rows.failures.recent(tx, source, now - DAY_MS)
    if count >= core.policy.registered_per_source:
        return _later()
    return None


def counted(core: Core, tx: Unit, source: str | None, event_id: str, now: int) -> None:
    """Count a client that was added for its source."""
    if source is not None:
        core.rows.failures.add(tx, event_id, source, now)


def _later() -> Refused:
    return Refused(
        error="temporarily_unavailable",
        reason="too_many_clients",
        description="Too many applications have registered.",
        status=429,
        advice=Advice.RETRY,
        redirectable=False,
        retry_after=RETRY_AFTER,
    )
