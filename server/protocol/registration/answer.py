"""RFC 7591 §3.2.1, RFC 7592 §3: what a client is told that it registered as."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from server.domain.registry import Client
from server.protocol.redirect_uri import is_local


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A client with what is shown to it this once."""

    client: Client
    secret: str | None = None
    token: str | None = None
    """Its registration access token; none for a public client, which is never changed."""


def told(issuer: str, registered: Registered) -> Mapping[str, object]:
    """Return the client information response."""
    client = registered.client
    known = client.by_itself
    found: dict[str, object] = {
        "client_id": client.id,
        "client_id_issued_at": client.created_at // 1000,
        "client_name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "grant_types": sorted(client.grant_types),
        "response_types": ["code"],
        "token_endpoint_auth_method": client.auth.value,
        # What it is by its addresses, which were checked against what it said.
        "application_type": "native" if any(map(is_local, client.redirect_uris)) else "web",
    }
    if known is not None and known.declared is not None:
        found["scope"] = " ".join(sorted(known.declared))
    if client.post_logout_redirect_uris:
        found["post_logout_redirect_uris"] = list(client.post_logout_redirect_uris)
    if client.dpop_bound_access_tokens:
        found["dpop_bound_access_tokens"] = True
    if client.require_par:
        found["require_pushed_authorization_requests"] = True
    if client.jwks is not None:
        found["jwks"] = orjson.loads(client.jwks)
    if client.jwks_uri is not None:
        found["jwks_uri"] = client.jwks_uri
    if registered.secret is not None:
        found["client_secret"] = registered.secret
    if client.secret_hash is not None:
        found["client_secret_expires_at"] = 0
    if registered.token is not None:
        found["registration_access_token"] = registered.token
        found["registration_client_uri"] = f"{issuer}/register/{client.id}"
    return found
