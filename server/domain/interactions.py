"""A running authorization: the checked request, bound to one browser (DESIGN §4.2)."""

from dataclasses import dataclass

from server.domain.delegation import Detail


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """An authorization request that passed every check (OIDC Core §3.1.2.1)."""

    client_id: str
    redirect_uri: str
    redirect_uri_sent: bool
    response_mode: str
    state: str | None
    scope: str
    """Requested scopes, space separated, OIDC ones included."""
    code_challenge: str
    resources: tuple[str, ...] = ()
    details: tuple[Detail, ...] = ()
    """All authority asked for at resources, from `scope` and `authorization_details` (RFC 9396)."""
    agent_id: str | None = None
    """The agent that the consent is for; none for a client without one (so far)."""
    hand_overs: tuple[str, ...] = ()
    """Agents that the delegate asks to hand work to (X4)."""
    max_depth: int = 0
    """How many further hops are asked for."""
    nonce: str | None = None
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    login_hint: str | None = None
    dpop_jkt: str | None = None
    """The key that the code is to be bound to (RFC 9449 §10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One authorization in progress; `browser_hash` is the hash of a cookie of that browser."""

    id: str
    browser_hash: str
    request: AuthorizationRequest
    created_at: int
    expires_at: int
    signed_in_sid: str | None = None
    """The session that was made in this interaction: it satisfies `prompt=login`."""
    grant_id: str | None = None
    consented_at: int | None = None
    finished_at: int | None = None
    source: str | None = None
    """What stands for the address that began it; forgotten when a person ends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedRequest:
    """Parameters that a client pushed (RFC 9126); the `request_uri` is kept as a hash."""

    hash: str
    client_id: str
    parameters: tuple[tuple[str, str], ...]
    expires_at: int
    used_at: int | None = None
    source: str | None = None
    """What stands for the address of a public client; forgotten when it is used."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many rows wait, not ended and not expired: of one source, of one client, of all."""

    of_source: int
    of_client: int
    of_all: int
