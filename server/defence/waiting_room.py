"""Bound what strangers leave waiting: authorizations begun, and requests that public clients push.

A row waits until a signed-in person has ended it, or until it expires; one that nobody signed in to
ends only by its time, since anybody can end such rows as fast as make them. One source may have
far fewer than a client, and a client fewer than all together, so that nobody alone can fill the
room of others (OWASP API4:2023, unrestricted resource consumption).
"""

from typing import Final

from authz.decision import Advice
from server.defence.sources import Pseudonyms, network
from server.domain.interactions import Waiting
from server.domain.policy import Policy
from server.domain.refusal import Refused

RETRY_AFTER: Final = 60
"""Seconds. The same whichever bound was met, so that nobody learns how busy others are."""
_LABEL: Final = b"mandate waiting room v1\x00"


class WaitingRoom:
    """Knows sources again, under hashes keyed with the server's key."""

    def __init__(self, key: bytes) -> None:
        """Use a key of at least 32 bytes that serves nothing else."""
        self._pseudonyms = Pseudonyms(key, _LABEL)

    def source(self, address: str) -> str:
        """Return what stands for a source address."""
        return self._pseudonyms.of("source", network(address))


def no_room(policy: Policy, waiting: Waiting) -> Refused | None:
    """Refuse one more row if as many wait as may; ask in the unit that would add it."""
    if (
        waiting.of_source < policy.waiting_per_source
        and waiting.of_client < policy.waiting_per_client
        and waiting.of_all < policy.waiting_overall
    ):
        return None
    # RFC 6585 §4: 429 with Retry-After. Never sent to the client: that would be a redirect for
    # whoever floods, at the client's expense.
    return Refused(
        error="temporarily_unavailable",
        reason="too_many_waiting",
        description="Too many requests wait to be finished.",
        status=429,
        advice=Advice.RETRY,
        redirectable=False,
        retry_after=RETRY_AFTER,
    )
