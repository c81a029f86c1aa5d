"""RFC 6749 §2.3, RFC 7523 §2.2: who is the client? One method a request, the registered one."""

import base64
import binascii
from typing import Protocol
from urllib.parse import unquote_plus

from authz.jose import InvalidKey, InvalidToken, KeySource, parse_key_set
from server.domain.core import Core
from server.domain.entropy import hash_secret, same
from server.domain.refusal import Refused, invalid_client, invalid_request
from server.domain.registry import Client, ClientAuth, Status
from server.protocol.client_assertion import (
    ASSERTION_TYPE,
    unverified_issuer,
    unverified_kid,
    verify_client_assertion,
)
from server.protocol.parameters import Parameters

_NOBODY = hash_secret("")


class ClientKeys(Protocol):
    """Public keys of a client that publishes them at a `jwks_uri`."""

    async def keys_of(self, jwks_uri: str, *, kid: str | None) -> KeySource | None:
        """Return the published keys, fetched anew if `kid` is not among them; none if not had."""
        ...


async def authenticate(
    core: Core, keys: ClientKeys, form: Parameters, authorization: str | None
) -> Client | Refused:
    """Return the client that sent `form`, or `invalid_client`.

    `authorization` is the request's one Authorization header. A public client only names itself.
    """
    methods = [
        method
        for method, used in (
            (ClientAuth.BASIC, authorization is not None),
            (ClientAuth.POST, "client_secret" in form),
            (ClientAuth.PRIVATE_KEY_JWT, "client_assertion" in form),
        )
        if used
    ]
    # RFC 6749 §2.3: MUST NOT use more than one method in each request.
    if len(methods) > 1:
        return invalid_request(
            "several_client_authentications", "Use one client authentication method."
        )
    method = methods[0] if methods else ClientAuth.NONE
    if method is ClientAuth.BASIC and authorization is not None:
        return await _basic(core, form, authorization)
    if method is ClientAuth.POST:
        return await _secret(
            core, form.get("client_id"), form.get("client_secret"), ClientAuth.POST
        )
    if method is ClientAuth.PRIVATE_KEY_JWT:
        return await _assertion(core, keys, form)
    client_id = form.get("client_id")
    client = await _active(core, client_id)
    if client is None or client.auth is not ClientAuth.NONE:
        return invalid_client("no credential", detail=client_id or "")
    return client


def same_credentials(before: Client, now: Client) -> bool:
    """Tell whether a client that authenticated as `before` would do so as `now`."""
    return now.status is Status.ACTIVE and (
        (now.auth, now.secret_hash, now.jwks, now.jwks_uri)
        == (before.auth, before.secret_hash, before.jwks, before.jwks_uri)
    )


async def _active(core: Core, client_id: str | None) -> Client | None:
    client = await core.snapshot.client(client_id) if client_id else None
    return client if client is not None and client.status is Status.ACTIVE else None


async def _basic(core: Core, form: Parameters, authorization: str) -> Client | Refused:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return invalid_client("scheme", basic=True)
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return invalid_client("malformed", basic=True)
    name, colon, secret = text.partition(":")
    if not colon:
        return invalid_client("malformed", basic=True)
    # RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
    client_id = unquote_plus(name)
    if not (client_id.isascii() and client_id.isprintable()):  # Appendix A.1: *VSCHAR
        return invalid_client("malformed", basic=True)
    if form.get("client_id") not in (None, client_id):
        return invalid_client("two client ids", basic=True)
    return await _secret(core, client_id, unquote_plus(secret), ClientAuth.BASIC)


async def _secret(
    core: Core, client_id: str | None, secret: str | None, method: ClientAuth
) -> Client | Refused:
    client = await _active(core, client_id)
    stored = client.secret_hash if client is not None and client.auth is method else None
    # An unknown client costs the same work as a wrong secret.
    fits = same(hash_secret(secret or ""), stored or _NOBODY)
    if client is None or stored is None or not fits or not secret:
        return invalid_client("secret", detail=client_id or "", basic=method is ClientAuth.BASIC)
    return client


async def _assertion(core: Core, keys: ClientKeys, form: Parameters) -> Client | Refused:
    assertion = form.get("client_assertion") or ""
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        return invalid_client("assertion type")
    try:
        claimed = form.get("client_id") or unverified_issuer(assertion)
        client = await _active(core, claimed)
        if client is None or client.auth is not ClientAuth.PRIVATE_KEY_JWT:
            return invalid_client("assertion of nobody", detail=claimed)
        source = await _keys_of(keys, client, assertion)
        if source is None:
            return invalid_client("no keys", detail=client.id)
        proof = verify_client_assertion(
            assertion,
            client_id=client.id,
            keys=source,
            audience=client.assertion_audience or core.policy.issuer,
            now=core.clock.now(),
        )
    except InvalidToken as error:
        return invalid_client(str(error))
    used = await core.store.write(
        lambda tx: core.rows.assertions.use(tx, client.id, proof.jti, proof.expires_at)
    )
    # RFC 7523 §3: a `jti` is good once.
    return client if used else invalid_client("assertion replayed", detail=client.id)


async def _keys_of(keys: ClientKeys, client: Client, assertion: str) -> KeySource | None:
    if client.jwks is not None:
        try:
            return parse_key_set(client.jwks.encode())
        except InvalidKey:
            return None
    if client.jwks_uri is not None:
        return await keys.keys_of(client.jwks_uri, kid=unverified_kid(assertion))
    return None
