"""RFC 7592: a confidential client that registered itself reads, updates or deletes what it said."""

from dataclasses import replace
from typing import Final

from authz.jose import InvalidToken
from authz.jose.strict_json import parse_object
from authz.tx import Tx
from server.delegation.lifecycle import close_delegation
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.entropy import hash_secret, same
from server.domain.refusal import Refused
from server.domain.registry import Client, Status
from server.domain.unit import Unit
from server.protocol.bearer import bad_token, bearer_of
from server.protocol.registration.adopt import keep_up
from server.protocol.registration.answer import Registered
from server.protocol.registration.claims import BadMetadata
from server.protocol.registration.dynamic import filled, read_body, refused
from server.protocol.registration.scopes import askable

_NOBODY: Final = hash_secret("")
# §2.2: MUST NOT be in an update.
_NOT_SENT: Final = (
    "registration_access_token", "registration_client_uri", "client_secret_expires_at",
    "client_id_issued_at",
)  # fmt: skip
_SHOWN: Final = ("name", "redirect_uris")


async def read(core: Core, client_id: str, authorization: str | None) -> Registered | Refused:
    """Return what a client is registered as (§2.1); its secret is not shown again."""
    token = bearer_of(authorization)
    client = await core.store.read(lambda tx: _own(core, tx, client_id, token))
    return client if isinstance(client, Refused) else Registered(client=client, token=token)


async def update(
    core: Core, client_id: str, authorization: str | None, body: bytes
) -> Registered | Refused:
    """Replace all of a client's metadata, checked as at a registration (§2.2)."""
    token, now = bearer_of(authorization), core.clock.now()
    # Before the body: nobody but the client learns what would be wrong with one.
    known = await core.store.read(lambda tx: _own(core, tx, client_id, token))
    if isinstance(known, Refused):
        return known
    named = _names_itself(known, body)
    claims = read_body(body) if named is None else named
    if isinstance(claims, Refused):
        return claims
    if claims.auth is not known.auth:
        return refused(BadMetadata("token_endpoint_auth_method stays as it was registered."))

    def unit(tx: Unit) -> Registered | Refused:
        before = _held(core, tx, client_id, token)
        if isinstance(before, Refused):
            return before
        after = filled(before, claims, askable(core.rows.resources.all(tx), claims.scopes))
        if any(getattr(after, name) != getattr(before, name) for name in _SHOWN):
            shown = after.by_itself and replace(after.by_itself, changed_at=now)
            after = replace(after, by_itself=shown)
        core.rows.clients.update(tx, after)
        keep_up(core, tx, before, after)
        _record(core, tx, after, "registration_changed", now)
        return Registered(client=after, token=token)

    return await core.store.write(unit)


async def delete(core: Core, client_id: str, authorization: str | None) -> Refused | None:
    """End a client with all that it holds (§2.3)."""
    token, now = bearer_of(authorization), core.clock.now()

    def unit(tx: Unit) -> Refused | None:
        client = _held(core, tx, client_id, token)
        if isinstance(client, Refused):
            return client
        rows = core.rows
        rows.clients.update(tx, replace(client, status=Status.RETIRED))
        record = _record(core, tx, client, "registration_deleted", now)
        for family_id in rows.registrations.refresh_families(tx, client.id):
            rows.refresh.revoke_family(tx, family_id, now)
            rows.tokens.revoke_family(tx, family_id, now)
        for grant_id in rows.registrations.delegations(tx, client.id, now):
            given = rows.delegations.get(tx, grant_id)
            if given is not None:
                close_delegation(core, tx, given, reason="client_deleted", audit=record)
        rows.registrations.forget(tx, client.id)
        return None

    return await core.store.write(unit)


def _held(core: Core, tx: Unit, client_id: str, token: str) -> Client | Refused:
    """Return the client as `_own` does, to be changed: nobody else changes it meanwhile."""
    found = _own(core, tx, client_id, token)  # a stranger holds nothing
    if isinstance(found, Refused):
        return found
    core.rows.clients.held(tx, client_id)
    return _own(core, tx, client_id, token)


def _own(core: Core, tx: Tx, client_id: str, token: str) -> Client | Refused:
    """Return the client whose registration access token this is, or one answer for all else."""
    kept = core.rows.registrations.get(tx, client_id)
    stored = kept.token_hash if kept is not None else None
    # An unknown client costs the same work as a wrong token.
    fits = same(hash_secret(token), stored or _NOBODY)
    client = core.rows.clients.get(tx, client_id) if fits and stored and token else None
    if client is None or client.by_itself is None or client.status is not Status.ACTIVE:
        return bad_token("registration_token" if token else "token_missing")
    return client


def _names_itself(client: Client, body: bytes) -> Refused | None:
    try:
        given = parse_object(body)
    except InvalidToken:
        return None  # `read_body` says so
    if given.get("client_id") != client.id:
        return refused(BadMetadata("client_id is missing, or another client's."))
    if any(name in given for name in _NOT_SENT):
        return refused(BadMetadata("An update does not send what only the server sets."))
    secret = given.get("client_secret")
    # §2.2: a client never chooses its own secret.
    if secret is not None and not (
        type(secret) is str and same(hash_secret(secret), client.secret_hash or _NOBODY) and secret
    ):
        return refused(BadMetadata("client_secret is not the current one."))
    return None


def _record(core: Core, tx: Unit, client: Client, reason: str, now: int) -> AuditRecord:
    record = AuditRecord(
        tag=AuditTag.CLIENT_CHANGED, outcome=Outcome.DONE, reason=reason, at=now,
        client_id=client.id, agents=(client.agent_id,) if client.agent_id is not None else (),
    )  # fmt: skip
    core.rows.audit.record(tx, record)
    return record
