"""RFC 6749 §2.3, RFC 7523 §2.2: who is the client? One method a request, the registered one."""

import base64
import binascii
import logging
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import unquote_plus

from authz.jose import InvalidKey, InvalidToken, KeySource, parse_key_set
from server.domain.core import Core
from server.domain.entropy import hash_secret, same
from server.domain.refusal import ClientFault, Refused, invalid_client, invalid_request
from server.domain.registry import Client, ClientAuth, Status
from server.protocol.client_assertion import (
    ASSERTION_TYPE,
    unverified_issuer,
    unverified_kid,
    verify_client_assertion,
)
from server.protocol.parameters import Parameters
from server.signals.telemetry import Telemetry

_NOBODY = hash_secret("")

log = logging.getLogger("mandate.client")


class ClientKeys(Protocol):
    """Public keys of a client that publishes them at a `jwks_uri`."""

    async def keys_of(self, jwks_uri: str, *, kid: str | None) -> KeySource | None:
        """Return the published keys, fetched anew if `kid` is not among them; none if not had."""
        ...


async def authenticate(
    core: Core,
    keys: ClientKeys,
    telemetry: Telemetry,
    form: Parameters,
    authorization: str | None,
) -> Client | Refused:
    """Return the client that sent `form`, or `invalid_client`, counted and logged.

    `authorization` is the request's one Authorization header. A public client only names itself.
    """
    found = await _authenticate(core, keys, form, authorization)
    if isinstance(found, Client):
        return found
    refused = found.refused()
    tell(telemetry, refused, found.client)
    return refused


def tell(telemetry: Telemetry, refused: Refused, client: Client | None) -> None:
    """Count and log a failed authentication; no audit row, with which strangers could fill it."""
    telemetry.refused(refused)
    # A word of ours and the id of a client that exists: nothing that the caller wrote.
    fields = {"reason": refused.client_fault or refused.reason}
    if client is not None:
        fields["client_id"] = client.id
    log.warning("client authentication failed", extra={"fields": fields})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failed:
    """Why nobody authenticated, and the client that it would have been, if it exists."""

    fault: ClientFault
    client: Client | None = None
    basic: bool = False

    def refused(self) -> Refused:
        """Return what the caller is told: the same words for every cause."""
        if self.fault is ClientFault.SEVERAL_METHODS:
            refused = invalid_request(
                "several_client_authentications", "Use one client authentication method."
            )
        else:
            refused = invalid_client(self.fault.value, basic=self.basic)
        return replace(refused, client_fault=self.fault)


async def _authenticate(
    core: Core, keys: ClientKeys, form: Parameters, authorization: str | None
) -> Client | _Failed:
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
        return _Failed(fault=ClientFault.SEVERAL_METHODS)
    method = methods[0] if methods else ClientAuth.NONE
    if method is ClientAuth.BASIC and authorization is not None:
        return await _basic(core, form, authorization)
    if method is ClientAuth.POST:
        return await _secret(
            core, form.get("client_id"), form.get("client_secret"), ClientAuth.POST
        )
    if method is ClientAuth.PRIVATE_KEY_JWT:
        return await _assertion(core, keys, form)
    return await _fitting(core, form.get("client_id"), ClientAuth.NONE)


def same_credentials(before: Client, now: Client) -> bool:
    """Tell whether a client that authenticated as `before` would do so as `now`."""
    return now.status is Status.ACTIVE and (
        (now.auth, now.secret_hash, now.jwks, now.jwks_uri)
        == (before.auth, before.secret_hash, before.jwks, before.jwks_uri)
    )


async def _fitting(
    core: Core, client_id: str | None, method: ClientAuth, *, basic: bool = False
) -> Client | _Failed:
    """Return the active client of this id, if `method` is the one that it registered."""
    client = await core.snapshot.client(client_id) if client_id else None
    if client is None:
        return _Failed(fault=ClientFault.UNKNOWN_CLIENT, basic=basic)
    if client.status is not Status.ACTIVE:
        return _Failed(fault=ClientFault.DISABLED_CLIENT, client=client, basic=basic)
    if client.auth is not method:
        fault = ClientFault.WRONG_METHOD
        if method is ClientAuth.NONE:
            fault = ClientFault.NO_CREDENTIAL
        return _Failed(fault=fault, client=client, basic=basic)
    return client


async def _basic(core: Core, form: Parameters, authorization: str) -> Client | _Failed:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return _Failed(fault=ClientFault.SCHEME, basic=True)
    malformed = _Failed(fault=ClientFault.MALFORMED, basic=True)
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return malformed
    name, colon, secret = text.partition(":")
    if not colon:
        return malformed
    # RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
    client_id = unquote_plus(name)
    if not (client_id.isascii() and client_id.isprintable()):  # Appendix A.1: *VSCHAR
        return malformed
    if form.get("client_id") not in (None, client_id):
        return _Failed(fault=ClientFault.TWO_CLIENT_IDS, basic=True)
    return await _secret(core, client_id, unquote_plus(secret), ClientAuth.BASIC)


async def _secret(
    core: Core, client_id: str | None, secret: str | None, method: ClientAuth
) -> Client | _Failed:
    basic = method is ClientAuth.BASIC
    client = await _fitting(core, client_id, method, basic=basic)
    stored = client.secret_hash if isinstance(client, Client) else None
    # An unknown client costs the same work as a wrong secret.
    fits = same(hash_secret(secret or ""), stored or _NOBODY)
    if isinstance(client, _Failed):
        return client
    if stored is None or not fits or not secret:
        return _Failed(fault=ClientFault.WRONG_SECRET, client=client, basic=basic)
    return client


async def _assertion(core: Core, keys: ClientKeys, form: Parameters) -> Client | _Failed:
    assertion = form.get("client_assertion") or ""
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        return _Failed(fault=ClientFault.ASSERTION_TYPE)
    try:
        claimed = form.get("client_id") or unverified_issuer(assertion)
    except InvalidToken:
        return _Failed(fault=ClientFault.BAD_ASSERTION)
    client = await _fitting(core, claimed, ClientAuth.PRIVATE_KEY_JWT)
    if isinstance(client, _Failed):
        return client
    try:
        source = await _keys_of(keys, client, assertion)
        if source is None:
            return _Failed(fault=ClientFault.NO_KEYS, client=client)
        proof = verify_client_assertion(
            assertion,
            client_id=client.id,
            keys=source,
            audience=client.assertion_audience or core.policy.issuer,
            now=core.clock.now(),
        )
    except InvalidToken:
        return _Failed(fault=ClientFault.BAD_ASSERTION, client=client)
    used = await core.store.write(
        lambda tx: core.rows.assertions.use(tx, client.id, proof.jti, proof.expires_at)
    )
    # RFC 7523 §3: a `jti` is good once.
    return client if used else _Failed(fault=ClientFault.REPLAYED, client=client)


async def _keys_of(keys: ClientKeys, client: Client, assertion: str) -> KeySource | None:
    if client.jwks is not None:
        try:
            return parse_key_set(client.jwks.encode())
        except InvalidKey:
            return None
    if client.jwks_uri is not None:
        return await keys.keys_of(client.jwks_uri, kid=unverified_kid(assertion))
    return None
