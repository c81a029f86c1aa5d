"""Plain applications: OAuth clients without an agent, and what each has of a person."""

from dataclasses import dataclass
from typing import Protocol

from authz.tx import Tx
from server.domain.unit import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one client may know of a person: by a remembered consent, or by a live sign-in."""

    client_id: str
    scopes: frozenset[str]
    since: int


class Applications(Protocol):
    """What clients have of people, across remembered consents, codes, families and tokens."""

    def of_user(self, tx: Tx, user_id: str, now: int) -> list[Kept]: ...
    def cancel_codes(self, tx: Unit, user_id: str, client_id: str) -> int: ...
    def end_families(self, tx: Unit, user_id: str, client_id: str, now: int) -> int: ...
    def tokens(self, tx: Tx, user_id: str, client_id: str) -> list[str]: ...
    def removed_since(self, tx: Tx, user_id: str, client_id: str, since: int) -> bool: ...
