"""The audit trail as it lies in the database: rows, seals over them and signed heads.

`server.signals.audit_chain` says what a seal is, `audit_seal` makes them, `audit_verify` checks.
"""

from dataclasses import dataclass
from typing import Protocol

from authz.tx import Tx
from server.domain.unit import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalFacts:
    """The erasable side of a row: a JSON document and the salt of its commitment, as stored."""

    document: str
    salt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailRow:
    """One row of the trail. `facts` are its columns without seal and personal facts."""

    facts: dict[str, str | int | None]
    personal_commitment: str | None
    """SHA-256 (hex) of salt and document; stays when the personal facts are erased."""
    personal: PersonalFacts | None = None
    seal_seq: int | None = None
    seal: str | None = None

    @property
    def id(self) -> str:
        """Return the id of the event."""
        return str(self.facts["id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The signed end of a batch: `leaves` are the short hashes of its rows, in order (hex)."""

    seal_seq: int
    at: int
    seal: str
    kid: str
    leaves: str
    signature: str
    """A compact JWS of type `mandate-audit-head+jwt`; it alone may be kept outside."""


class AuditTrail(Protocol):
    """What sealing, showing and checking the trail ask of the database."""

    def take_lease(self, tx: Unit, holder: str, now: int, until: int) -> bool:
        """Become the sealer until `until`, unless another is; renewing is taking again."""
        ...

    def drop_lease(self, tx: Unit, holder: str) -> None:
        """Let another become the sealer at once."""
        ...

    def last_seal(self, tx: Tx) -> tuple[int, str] | None:
        """Return number and seal of the newest sealed row, or none."""
        ...

    def unsealed(self, tx: Tx, limit: int) -> list[TrailRow]:
        """Return unsealed rows, oldest first by time and id, without personal facts."""
        ...

    def seal(self, tx: Unit, seals: list[tuple[str, int, str]], head: Head) -> bool:
        """Write (id, seal_seq, seal) of a batch and its head; false if a row was sealed before.

        After false the unit must be undone. A number that is taken raises from the database.
        """
        ...

    def page(self, tx: Tx, after: int, limit: int) -> tuple[list[TrailRow], list[Head]]:
        """Return sealed rows after `after`, and the heads after it up to the last row returned.

        If there are no rows left: all heads after `after`, of which a sound trail has none.
        """
        ...

    def newest_head(self, tx: Tx) -> Head | None:
        """Return the newest head, or none."""
        ...

    def count(self, tx: Tx) -> tuple[int, int]:
        """Count the rows that are sealed and those that are not yet."""
        ...
