"""Records of minted tokens, authorization codes and refresh families (EXCHANGE X1, X13)."""

from dataclasses import dataclass
from enum import StrEnum


class TokenKind(StrEnum):
    """What a token is, by its stored record; never guessed from its parameters (X1)."""

    USER = "user"
    DELEGATED = "delegated"
    AGENT_SELF = "agent_self"
    HANDOVER = "handover"
    ID = "id"
    ID_JAG = "id_jag"
    """An identity assertion for another authorization server: no token of any kind here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """The provenance of one token. `parent_jti` and `actor_jti` are what it was minted from."""

    jti: str
    kind: TokenKind
    client_id: str
    sub: str
    audience: str
    scope: str
    grant_id: str | None = None
    parent_jti: str | None = None
    actor_jti: str | None = None
    sid: str | None = None
    family_id: str | None = None
    issued_at: int
    expires_at: int
    revoked_at: int | None = None
    mark: str | None = None
    """By which we know the token again (`server.domain.marks`); none on those of older versions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What a user granted through the authorize endpoint; codes and refresh families carry it."""

    client_id: str
    user_id: str
    sid: str
    scope: str
    """All granted scopes, OIDC ones included, space separated."""
    resources: tuple[str, ...]
    """Audiences that the request named (RFC 8707); empty means none was."""
    grant_id: str | None = None
    nonce: str | None = None
    auth_time: int = 0
    acr: str = ""
    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationCode:
    """A single-use code bound to client, redirect URI and PKCE challenge (RFC 7636)."""

    hash: str
    granted: Granted
    redirect_uri: str
    redirect_uri_sent: bool = True
    code_challenge: str
    family_id: str
    created_at: int
    expires_at: int
    used_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshFamily:
    """All refresh tokens that descend from one code; it has an absolute end (X13)."""

    id: str
    granted: Granted
    created_at: int
    expires_at: int
    revoked_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """One generation of a family; the token itself is only known by its hash."""

    hash: str
    family_id: str
    generation: int
    created_at: int
    used_at: int | None = None


ACCESS_TOKEN_TYP = "at+jwt"
"""The JWS type of every access token (RFC 9068 §2.1)."""
ID_TOKEN_TYP = "JWT"
"""The JWS type of an ID token."""
ID_JAG_TYP = "oauth-id-jag+jwt"
"""The JWS type of an identity assertion (draft-ietf-oauth-identity-assertion-authz-grant §3)."""
