"""Clients that register themselves: what is known of them, whom the house trusts, and the ports."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from authz.tx import Tx
from server.domain.registry import Origin
from server.domain.unit import Unit


class Trust(StrEnum):
    """What happens to a client whose metadata document is at a host."""

    ALLOW = "allow"
    ASK = "ask"
    """Only after an administrator has allowed its host."""
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRule:
    """`pattern` is a host, or `*.` and a domain, for every host below it but not itself."""

    pattern: str
    trust: Trust
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRequest:
    """Somebody wants to use a client whose host nobody has decided on; times in Unix ms."""

    host: str
    client_id: str
    asked_by: str
    """The person who asked first."""
    first_at: int
    last_at: int
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What is kept of a self-registered client beside the client itself; times in Unix ms."""

    client_id: str
    origin: Origin
    host: str = ""
    """Of its metadata document."""
    fingerprint: str | None = None
    """Hash of what a public client registered: the same again is the same client."""
    token_hash: str | None = None
    """Hash of its registration access token (RFC 7592 §3)."""
    created_at: int
    used_at: int
    """When an authorization began last (to the hour)."""
    consented_at: int | None = None
    """When a person first said yes to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What a browser is given: `content` of `media_type`; `digest` names it in our own URL."""

    media_type: str
    digest: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLogo:
    """What is known of the picture at `uri`, without its content; times in Unix ms."""

    uri: str
    digest: str
    """Empty if there was none that we show."""
    found_at: int
    """When its origin last said what is there."""
    look_at: int
    """Until when nobody looks again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitialToken:
    """An initial access token (RFC 7591 §3), stored as a hash; `expires_at` in Unix ms."""

    id: str
    hash: str
    uses_left: int
    expires_at: int
    created_at: int


class Registrations(Protocol):
    """Self-registered clients."""

    def get(self, tx: Tx, client_id: str) -> Registration | None: ...
    def by_fingerprint(self, tx: Tx, fingerprint: str) -> Registration | None: ...
    def take_turn(self, tx: Unit) -> None: ...
    def count(self, tx: Tx, origin: Origin, host: str = "") -> int: ...
    def add(self, tx: Unit, value: Registration) -> None: ...
    def used(self, tx: Unit, client_id: str, now: int) -> None: ...
    def consented(self, tx: Unit, client_id: str, now: int) -> None: ...
    def refresh_families(self, tx: Tx, client_id: str) -> list[str]: ...
    def delegations(self, tx: Tx, client_id: str, now: int) -> list[str]: ...
    def forget_unused(self, tx: Unit, origin: Origin, before: int, limit: int) -> list[str]: ...
    def idle(self, tx: Tx, origin: Origin, before: int, now: int, limit: int) -> list[str]: ...
    def forget(self, tx: Unit, client_id: str) -> None: ...
    def retire(self, tx: Unit, client_id: str, before: int, now: int) -> bool: ...


class ClientLogos(Protocol):
    """Pictures of clients that have a metadata document."""

    def get(self, tx: Tx, client_id: str) -> ClientLogo | None: ...
    def by_digest(self, tx: Tx, digest: str) -> Picture | None: ...
    def put(
        self,
        tx: Unit,
        client_id: str,
        uri: str,
        picture: Picture | None,
        *,
        found_at: int,
        look_at: int,
    ) -> None: ...
    def later(self, tx: Unit, client_id: str, look_at: int) -> None: ...
    def drop(self, tx: Unit, client_id: str) -> None: ...


class ClientTrust(Protocol):
    """Rules about the hosts of metadata documents, and requests for new ones."""

    def rules(self, tx: Tx) -> list[TrustRule]: ...
    def put(self, tx: Unit, value: TrustRule) -> None: ...
    def drop(self, tx: Unit, pattern: str) -> bool: ...
    def requests(self, tx: Tx) -> list[TrustRequest]: ...
    def ask(self, tx: Unit, value: TrustRequest, most: int, most_of_one: int) -> bool: ...
    def settle(self, tx: Unit, host: str) -> None: ...
    def clients(self, tx: Tx) -> list[str]: ...


class InitialTokens(Protocol):
    """Initial access tokens."""

    def add(self, tx: Unit, value: InitialToken) -> None: ...
    def all(self, tx: Tx) -> list[InitialToken]: ...
    def use(self, tx: Unit, token_hash: str, now: int) -> bool: ...
    def good(self, tx: Tx, token_hash: str, now: int) -> bool: ...
    def revoke(self, tx: Unit, token_id: str, now: int) -> bool: ...
