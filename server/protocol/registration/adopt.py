"""Stores what a metadata document says as a client, so that every worker sees the same one.

A changed document counts from here on, for what was granted before as well. What a person has
seen at consent (name, addresses, how it authenticates) is not changed behind their back: after
such a change nothing is answered without the page (`SelfRegistered.changed_at`), and a client
that gives up its key loses what it held by it.
"""

from dataclasses import dataclass, replace
from typing import Final

from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.registry import Client, Origin, SelfRegistered, Status
from server.domain.self_registration import Registration
from server.domain.unit import Unit
from server.protocol.registration.claims import Claims
from server.protocol.registration.identifier import Identifier
from server.protocol.registration.scopes import askable, grown

MOST_OF_HOST: Final = 100
MOST_DOCUMENTS: Final = 10_000
"""Clients that are kept. Those to whom nobody said yes are forgotten after a day."""
_SHOWN: Final = ("name", "redirect_uris", "auth")
_TOLD: Final = (*_SHOWN, "grant_types", "jwks", "jwks_uri", "post_logout_redirect_uris")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document as it was found; times in Unix ms."""

    body: bytes
    fetched_at: int
    fresh_until: int


class Full(Exception):
    """As many such clients are known as may be."""


def adopt(core: Core, tx: Unit, identifier: Identifier, claims: Claims, fetched: Fetched) -> Client:
    """Store the client of a document, new or changed; raises `Full` for a new one too many.

    In the caller's turn (`Registrations.take_turn`), so that what is counted is exact.
    """
    before = core.rows.clients.held(tx, identifier.url)
    scopes = askable(core.rows.resources.all(tx), claims.scopes)
    if before is None:
        return _new(core, tx, identifier, claims, fetched, scopes)
    known = before.by_itself
    if known is None:
        # Registered by an administrator under this id: theirs is what counts.
        return before
    core.rows.registrations.used(tx, before.id, fetched.fetched_at)
    if known.fetched_at > fetched.fetched_at:
        # Another worker has looked later and was stored sooner.
        return before
    after = _client(before, claims, scopes)
    changed = [name for name in _TOLD if getattr(after, name) != getattr(before, name)]
    shown = not set(_SHOWN).isdisjoint(changed)
    if claims.logo_uri != known.logo_uri:
        changed.append("logo_uri")
        core.rows.logos.drop(tx, before.id)
    after = replace(
        after,
        by_itself=replace(
            known,
            declared=claims.scopes,
            logo_uri=claims.logo_uri,
            fetched_at=fetched.fetched_at,
            fresh_until=fetched.fresh_until,
            changed_at=fetched.fetched_at if shown else known.changed_at,
        ),
    )
    core.rows.clients.update(tx, after)
    keep_up(core, tx, before, after)
    if changed and before.confidential and not after.confidential:
        _disarm(core, tx, after, fetched.fetched_at)
    if changed:
        _tell(core, tx, after, changed, fetched.fetched_at)
    return after


def keep_up(core: Core, tx: Unit, before: Client, after: Client) -> None:
    """Let a provisional agent follow the name and the scopes of its client."""
    agent = grown(core, tx, before, after.scopes)
    if agent is not None:
        core.rows.agents.update(tx, agent)
    if after.name != before.name and after.agent_id is not None:
        agent = core.rows.agents.held(tx, after.agent_id)
        if agent is not None and agent.provisional and agent.name == before.name:
            core.rows.agents.update(tx, replace(agent, name=after.name))


def _new(
    core: Core,
    tx: Unit,
    identifier: Identifier,
    claims: Claims,
    fetched: Fetched,
    scopes: frozenset[str],
) -> Client:
    if (
        core.rows.registrations.count(tx, Origin.DOCUMENT) >= MOST_DOCUMENTS
        or core.rows.registrations.count(tx, Origin.DOCUMENT, identifier.host) >= MOST_OF_HOST
    ):
        raise Full
    base = Client(
        id=identifier.url,
        name=claims.name,
        auth=claims.auth,
        by_itself=SelfRegistered(
            origin=Origin.DOCUMENT,
            declared=claims.scopes,
            logo_uri=claims.logo_uri,
            fetched_at=fetched.fetched_at,
            fresh_until=fetched.fresh_until,
        ),
        created_at=fetched.fetched_at,
    )
    client = _client(base, claims, scopes)
    core.rows.clients.add(tx, client)
    core.rows.registrations.add(
        tx,
        Registration(
            client_id=client.id,
            origin=Origin.DOCUMENT,
            host=identifier.host,
            created_at=fetched.fetched_at,
            used_at=fetched.fetched_at,
        ),
    )
    return client


def _client(base: Client, claims: Claims, scopes: frozenset[str]) -> Client:
    demanded = base.by_itself is not None and base.by_itself.must_bind
    return replace(
        base,
        name=claims.name,
        auth=claims.auth,
        redirect_uris=claims.redirect_uris,
        post_logout_redirect_uris=claims.post_logout_redirect_uris,
        grant_types=claims.grant_types,
        jwks=claims.jwks,
        jwks_uri=claims.jwks_uri,
        require_par=claims.require_par,
        dpop_bound_access_tokens=claims.dpop_bound or demanded,
        scopes=scopes,
    )


def _disarm(core: Core, tx: Unit, client: Client, now: int) -> None:
    """End the refresh families that were bound to a key which the client no longer proves."""
    for family_id in core.rows.registrations.refresh_families(tx, client.id):
        core.rows.refresh.revoke_family(tx, family_id, now)
        core.rows.tokens.revoke_family(tx, family_id, now)


def _tell(core: Core, tx: Unit, client: Client, changed: list[str], now: int) -> None:
    # Nobody's client, which a stranger could change without end, fills no trail.
    kept = core.rows.registrations.get(tx, client.id)
    if kept is None or kept.consented_at is None or client.status is not Status.ACTIVE:
        return
    core.rows.audit.record(
        tx,
        AuditRecord(
            tag=AuditTag.CLIENT_CHANGED,
            outcome=Outcome.DONE,
            reason="document_changed",
            at=now,
            client_id=client.id,
            agents=(client.agent_id,) if client.agent_id is not None else (),
            detail={"changed": " ".join(changed)},
        ),
    )
