"""What the keys layer asks of storage: verbs over one synchronous unit (DESIGN 3.3, 3.5)."""

from collections.abc import Iterable
from typing import Protocol

from authz.tx import Tx
from server.domain.unit import Unit
from server.keys.signing_keys import Change, SigningKey


class KeysMoved(Exception):
    """Another process changed the keys since they were read; nothing of the unit is kept."""


class SigningKeys(Protocol):
    """The stored signing keys."""

    def all(self, tx: Tx) -> tuple[SigningKey, ...]:
        """Return every key, oldest first."""
        ...

    def add_missing(self, tx: Unit, keys: Iterable[SigningKey]) -> None:
        """Insert keys unless the place (active or next of that algorithm) is taken already.

        Of several workers that start on an empty table one wins; all read the winner's keys.
        """
        ...

    def apply(self, tx: Unit, changes: Iterable[Change]) -> None:
        """Write the steps of a rotation or revocation and publish each as a security change.

        Raises `KeysMoved` if a row is no longer as the step expects.
        """
        ...
