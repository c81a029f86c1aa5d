"""What a grant may decide: an `Authorization` says what is to be minted; it mints nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from authz.dpop import Proof
from server.domain.audit import AuditRecord
from server.domain.delegation import Detail
from server.domain.refusal import Refused
from server.domain.registry import Client
from server.domain.tokens import TokenKind
from server.domain.unit import ChangeKey, Unit
from server.protocol.id_jag import IdJag


def _nothing(_: Unit) -> Refused | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdToken:
    """An ID token to go with the access token (OIDC Core §2)."""

    nonce: str | None
    auth_time: int
    acr: str
    amr: tuple[str, ...]
    claims: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """Everything that `issue` needs. Every check has been made; only `consume` can still lose.

    `consume` runs first inside the unit and may return the refusal of a lost race or a replay,
    having written the effects of that refusal itself; after it nothing can refuse (DESIGN 3.4).
    """

    kind: TokenKind
    client: Client
    sub: str
    audience: str
    scope: frozenset[str]
    ttl: int
    """Seconds; cut by `not_after`."""
    not_after: int | None = None
    """Unix ms that the token never outlives: subject token, delegation, family."""
    grant_id: str | None = None
    chain: tuple[str, ...] = ()
    """Actor chain, current actor first."""
    may_act: str | None = None
    details: tuple[Detail, ...] = ()
    """What is told to the client as granted `authorization_details`."""
    sid: str | None = None
    auth_time: int | None = None
    acr: str | None = None
    parent_jti: str | None = None
    actor_jti: str | None = None
    family_id: str | None = None
    alg: str = "ES256"
    issued_token_type: str | None = None
    key: str | None = None
    """The key of the token that it comes from, proven where that one was used (our MCP server)."""
    id_token: IdToken | None = None
    id_jag: IdJag | None = None
    refresh_token: str | None = None
    depends: frozenset[ChangeKey] = frozenset()
    consume: Callable[[Unit], Refused | None] = _nothing
    inserts: tuple[Callable[[Unit], None], ...] = ()
    audit: AuditRecord
    answer: Mapping[str, object] = field(default_factory=dict)

    def bound_to(self, proof: Proof | None) -> str | None:
        """Return the key that the access token is bound to (RFC 9449 §6.1), `proof` being sent.

        A hand-over is a ticket for another agent, which cannot prove our client's key: what binds
        it is its audience, whose own authenticated client alone may present it (X3). So it is with
        an identity assertion, which a client of another server presents.
        """
        if self.kind is TokenKind.HANDOVER or self.id_jag is not None:
            return None
        return self.key if proof is None else proof.jkt
