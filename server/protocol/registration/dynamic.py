"""RFC 7591: a client registers itself, where the operator lets it.

A public client has no secret that could tell two of it apart, so the same metadata is the same
client: whoever registers them again gets the same id, and nobody can change it. A confidential
client is always a new one, with a registration access token of its own (RFC 7592).
"""

import hashlib
from dataclasses import replace
from typing import Final

import orjson

from authz.jose import InvalidToken
from authz.jose.strict_json import parse_object
from server.defence.registrations import counted, no_more
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.entropy import hash_secret
from server.domain.refusal import Refused
from server.domain.registry import Client, ClientAuth, Origin, SelfRegistered, Status
from server.domain.self_registration import Registration
from server.domain.unit import Unit
from server.protocol.bearer import bad_token, bearer_of
from server.protocol.redirect_uri import is_local, may_be_registered
from server.protocol.registration.answer import Registered
from server.protocol.registration.claims import BadMetadata, Claims, read_claims
from server.protocol.registration.scopes import askable

METHODS: Final = frozenset(
    {ClientAuth.BASIC, ClientAuth.POST, ClientAuth.PRIVATE_KEY_JWT, ClientAuth.NONE}
)
NAMELESS: Final = "Unnamed application"
_SECRETS: Final = (ClientAuth.BASIC, ClientAuth.POST)


def read_body(body: bytes) -> Claims | Refused:
    """Read the metadata of a request."""
    try:
        given = parse_object(body)
    except InvalidToken:
        return refused(BadMetadata("The request is no JSON object."))
    # §2: client_name is optional; people read something in its place.
    named = {**given, "client_name": given.get("client_name") or NAMELESS}
    # §2: client_secret_basic is the default. But a program on a person's computer keeps no secret
    # (RFC 8252 §8.5), and clients that do not ask for one come by the hundred.
    local = _all_local(given.get("redirect_uris"))
    default = ClientAuth.NONE if local else ClientAuth.BASIC
    try:
        return read_claims(named, methods=METHODS, default=default)
    except BadMetadata as error:
        return refused(error)


async def register(
    core: Core, body: bytes, authorization: str | None, source: str
) -> Registered | Refused:
    """Register a client; `source` stands for the address that the request came from."""
    now = core.clock.now()
    initial = None
    if core.policy.client_registration == "token":
        initial = hash_secret(bearer_of(authorization))
        token_hash = initial
        if not await core.store.read(lambda tx: core.rows.initial_tokens.good(tx, token_hash, now)):
            return bad_token("initial_token" if authorization else "token_missing")
    claims = read_body(body)
    if isinstance(claims, Refused):
        return claims
    public = claims.auth is ClientAuth.NONE
    secret = core.entropy.token() if claims.auth in _SECRETS else None
    token = None if public else core.entropy.token()
    ids = core.entropy.id("cli"), core.entropy.id("reg")
    fingerprint = _fingerprint(claims) if public else None

    def unit(tx: Unit) -> Registered | Refused:
        # One registration at a time: the same software twice, and the last place, are counted.
        core.rows.registrations.take_turn(tx)
        found = fingerprint and core.rows.registrations.by_fingerprint(tx, fingerprint)
        before = core.rows.clients.held(tx, found.client_id) if found else None
        if before is not None and before.status is not Status.ACTIVE:
            return refused(BadMetadata("This application may not be used here."))
        stranger = source if initial is None else None
        if before is None and (full := no_more(core, tx, stranger, now)) is not None:
            return full
        # Last of all that may refuse: a use is taken only for what is then registered.
        if initial is not None and not core.rows.initial_tokens.use(tx, initial, now):
            return bad_token("initial_token")
        if before is not None:
            core.rows.registrations.used(tx, before.id, now)
            return Registered(client=before)
        client = _client(core, tx, ids[0], claims, secret, now)
        core.rows.clients.add(tx, client)
        core.rows.registrations.add(
            tx,
            Registration(
                client_id=client.id,
                origin=Origin.DYNAMIC,
                fingerprint=fingerprint,
                token_hash=None if token is None else hash_secret(token),
                created_at=now,
                used_at=now,
            ),
        )
        counted(core, tx, stranger, ids[1], now)
        core.rows.audit.record(
            tx,
            AuditRecord(
                tag=AuditTag.CLIENT_REGISTERED, outcome=Outcome.DONE, at=now,
                reason=core.policy.client_registration, client_id=client.id,
                detail={"auth": client.auth.value},
            ),
        )  # fmt: skip
        return Registered(client=client, secret=secret, token=token)

    return await core.store.write(unit)


def filled(base: Client, claims: Claims, scopes: frozenset[str]) -> Client:
    """Return a client with all its metadata replaced by what was claimed."""
    known = base.by_itself
    if known is None:
        raise AssertionError("only a client that registered itself is filled by itself")
    return replace(
        base,
        name=claims.name,
        redirect_uris=claims.redirect_uris,
        post_logout_redirect_uris=claims.post_logout_redirect_uris,
        grant_types=claims.grant_types,
        jwks=claims.jwks,
        jwks_uri=claims.jwks_uri,
        require_par=claims.require_par,
        dpop_bound_access_tokens=claims.dpop_bound or known.must_bind,
        scopes=scopes,
        by_itself=replace(known, declared=claims.scopes),
    )


def refused(error: BadMetadata) -> Refused:
    """Refuse metadata (RFC 7591 §3.2.2)."""
    return Refused(
        error="invalid_redirect_uri"
        if error.error == "invalid_redirect_uri"
        else "invalid_client_metadata",
        reason="client_metadata",
        description=error.description,
        redirectable=False,
    )


def _client(
    core: Core, tx: Unit, client_id: str, claims: Claims, secret: str | None, now: int
) -> Client:
    base = Client(
        id=client_id,
        name=claims.name,
        auth=claims.auth,
        secret_hash=None if secret is None else hash_secret(secret),
        by_itself=SelfRegistered(origin=Origin.DYNAMIC),
        created_at=now,
    )
    return filled(base, claims, askable(core.rows.resources.all(tx), claims.scopes))


def _all_local(uris: object) -> bool:
    if not isinstance(uris, list) or not uris:
        return False
    return all(isinstance(uri, str) and may_be_registered(uri) and is_local(uri) for uri in uris)


def _fingerprint(claims: Claims) -> str:
    """Hash all that was accepted; the order of addresses counts, since it costs nothing."""
    said = {
        "name": claims.name,
        "redirect_uris": claims.redirect_uris,
        "grant_types": sorted(claims.grant_types),
        "scopes": None if claims.scopes is None else sorted(claims.scopes),
        "post_logout_redirect_uris": claims.post_logout_redirect_uris,
        "require_par": claims.require_par,
        "dpop_bound": claims.dpop_bound,
    }
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
