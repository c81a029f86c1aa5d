"""Which client may take people's identity where: Mandate as the enterprise's identity provider."""

from dataclasses import dataclass
from typing import Protocol

from authz.tx import Tx
from server.domain.unit import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class IdJagPolicy:
    """An (audience, resource) pair that a client may get identity assertions for.

    `audience` is the issuer of the resource's own authorization server.
    """

    client_id: str
    audience: str
    resource: str
    scopes: frozenset[str]
    """The most that an assertion may carry, in that server's words."""
    client_id_there: str
    """The id of the client at that server."""
    with_email: bool = False
    """Tell the person's address, if an administrator vouches for it."""
    created_at: int = 0


class IdJagPolicies(Protocol):
    """The policies, by client. A change is published as one of the client."""

    def of_client(self, tx: Tx, client_id: str, audience: str) -> list[IdJagPolicy]: ...
    def all(self, tx: Tx) -> list[IdJagPolicy]: ...
    def put(self, tx: Unit, value: IdJagPolicy) -> None: ...
    def remove(self, tx: Unit, client_id: str, audience: str, resource: str) -> bool: ...
