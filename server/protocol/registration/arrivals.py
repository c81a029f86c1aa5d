"""A client comes with the URL of its metadata document as its id: look it up, or look again.

At the authorization endpoint the document must be had, or the copy of it still fresh (draft §5.1,
§5.3). At the token endpoint a document that cannot be had or read any more leaves the last good
one in force for `GRACE_MS`, so that an outage strands nobody; one that can, counts at once.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from authz.decision import Advice
from authz.jose import InvalidToken
from authz.tx import Tx
from server.defence.pace import Pace
from server.domain.core import Core
from server.domain.refusal import ClientFault, Refused, invalid_client
from server.domain.registry import Client, Status
from server.domain.self_registration import Trust
from server.domain.unit import Unit
from server.protocol.client_assertion import unverified_issuer
from server.protocol.parameters import Parameters
from server.protocol.registration.adopt import Full, adopt, keep_up
from server.protocol.registration.claims import BadMetadata
from server.protocol.registration.document import read_document
from server.protocol.registration.identifier import Identifier, is_url, read_identifier
from server.protocol.registration.logos import Logos
from server.protocol.registration.published import ClientDocuments
from server.protocol.registration.scopes import askable
from server.protocol.registration.trust import trust_of

SHORTEST_MS: Final = 60_000
"""A document is not looked at more often, whatever its cache headers say."""
LONGEST_MS: Final = 3_600_000
"""A document is looked at again after this, whatever its cache headers say."""
GRACE_MS: Final = 7 * 24 * 3_600_000
OF_SOURCE: Final = 20
OF_HOST: Final = 30
OF_ALL: Final = 300
"""Looks at documents in a minute: for one source address, at one host, altogether.

The first and the last count clients that nobody knows yet.
"""

_ALLOWED: Final[Mapping[str, Trust]] = {trust.value: trust for trust in Trust}


class Arrivals:
    """Knows the clients that have a metadata document."""

    def __init__(self, core: Core, documents: ClientDocuments, logos: Logos) -> None:
        """Get documents from `documents`; their pictures are the affair of `logos`."""
        self._core = core
        self._documents = documents
        self._logos = logos
        self._sources = Pace(core.clock, most=OF_SOURCE, seconds=60)
        self._hosts = Pace(core.clock, most=OF_HOST, seconds=60)
        self._all = Pace(core.clock, most=OF_ALL, seconds=60)
        self._tries = Pace(core.clock, most=1, seconds=60)

    async def begin(self, client_id: str | None, source: str) -> Refused | None:
        """Make sure that the client of an authorization request is known as of now.

        None if it is, or if it is none of ours to look up: then the request's own checks decide.
        `source` stands for the address of whoever asks.
        """
        if client_id is None:
            return None
        refused = await self._begin(client_id, source)
        if refused is None and is_url(client_id):
            # For everybody alike, before anybody has signed in: whom its origin could tell apart
            # by a picture of their own, it could by a document.
            await self._logos.look(client_id)
        return refused

    async def _begin(self, client_id: str, source: str) -> Refused | None:
        core = self._core
        client, trust = await core.store.read(lambda tx: self._look(tx, client_id))
        if client is not None and client.by_itself is None:
            return None
        if client is not None and not client.is_document:
            await self._note(client)
            return None
        if core.policy.client_documents == "off":
            return None if client is None else _denied()
        if not is_url(client_id):
            return None
        identifier = read_identifier(client_id)
        if identifier is None:
            return _never_redirect("client_id_url", "client_id is no URL of a metadata document.")
        refused = _trusted(trust)
        if refused is not None or (client is not None and client.status is not Status.ACTIVE):
            return refused
        if client is not None and client.by_itself is not None:
            if core.clock.now() < client.by_itself.fresh_until:
                await self._note(client)
                return None
        elif (seconds := self._sources.wait(source) or self._all.wait("")) > 0:
            return _later(seconds)
        if (seconds := self._hosts.wait(identifier.host)) > 0:
            return _later(seconds)
        found = await self._fetch(identifier)
        return found if isinstance(found, Refused) else None

    async def renew(self, form: Parameters) -> Refused | None:
        """Look again at the document of a client that will authenticate, if it is time to.

        Nothing is looked up for a client that nobody has authorized yet.
        """
        client_id = _named(form)
        if not is_url(client_id) or client_id is None:
            return None
        client = await self._core.snapshot.client(client_id)
        if client is None or not client.is_document or client.by_itself is None:
            return None
        if self._core.policy.client_documents == "off":
            return _refused(ClientFault.NOT_TRUSTED)
        now = self._core.clock.now()
        if now < client.by_itself.fresh_until or client.status is not Status.ACTIVE:
            return None
        _, trust = await self._core.store.read(lambda tx: self._look(tx, client_id))
        identifier = read_identifier(client_id)
        if identifier is None or _trusted(trust) is not None:
            return _refused(ClientFault.NOT_TRUSTED)
        if self._tries.wait(client_id) == 0:
            found = await self._fetch(identifier)
            if not isinstance(found, Refused):
                await self._core.snapshot.refresh()
                return None
        if now < client.by_itself.fetched_at + GRACE_MS:
            return None
        return _refused(ClientFault.DOCUMENT)

    def _look(self, tx: Tx, client_id: str) -> tuple[Client | None, Trust]:
        rows = self._core.rows
        client = rows.clients.get(tx, client_id)
        identifier = read_identifier(client_id) if is_url(client_id) else None
        default = _ALLOWED.get(self._core.policy.client_documents, Trust.DENY)
        if identifier is None:
            return client, default
        return client, trust_of(identifier.host, rows.trust.rules(tx), default)

    async def _fetch(self, identifier: Identifier) -> Client | Refused:
        core = self._core
        fetched = await self._documents.fetch(identifier.url)
        if fetched is None:
            # One answer for every cause: others would map our network.
            return _never_redirect(
                "client_document_unavailable", "The application's metadata document cannot be had."
            )
        try:
            claims = read_document(identifier, fetched.body)
        except BadMetadata as error:
            return _never_redirect("client_document_refused", error.description)
        bounded = min(
            max(fetched.fresh_until, fetched.fetched_at + SHORTEST_MS),
            fetched.fetched_at + LONGEST_MS,
        )
        fetched = replace(fetched, fresh_until=bounded)

        def unit(tx: Unit) -> Client | Refused:
            # In turn with whoever decides about hosts: a client that comes while its host is
            # denied is either stopped by that decision, or sees it here.
            core.rows.registrations.take_turn(tx)
            refused = _trusted(self._look(tx, identifier.url)[1])
            return refused or adopt(core, tx, identifier, claims, fetched)

        try:
            return await core.store.write(unit)
        except Full:
            return _later(3600)

    async def _note(self, client: Client) -> None:
        """Note that a client is used, and let it ask for the scopes that there are now."""
        core = self._core

        def unit(tx: Unit) -> None:
            # First the client, then what is kept beside it: the order in which it is retired.
            now = core.rows.clients.held(tx, client.id)
            core.rows.registrations.used(tx, client.id, core.clock.now())
            if now is None or now.by_itself is None:
                return
            scopes = askable(core.rows.resources.all(tx), now.by_itself.declared)
            if scopes != now.scopes:
                after = replace(now, scopes=scopes)
                core.rows.clients.update(tx, after)
                keep_up(core, tx, now, after)

        await core.store.write(unit)


def _named(form: Parameters) -> str | None:
    named = form.get("client_id")
    if named is None and (assertion := form.get("client_assertion")) is not None:
        try:
            return unverified_issuer(assertion)
        except InvalidToken:
            return None
    return named


def _trusted(trust: Trust) -> Refused | None:
    if trust is Trust.ALLOW:
        return None
    if trust is Trust.ASK:
        return _never_redirect(
            "client_needs_admin", "An administrator must allow this application first."
        )
    return _denied()


def _denied() -> Refused:
    return _never_redirect("client_denied", "This application may not be used here.")


def _never_redirect(reason: str, description: str) -> Refused:
    return Refused(
        error="invalid_client_metadata"
        if reason == "client_document_refused"
        else "invalid_request",
        reason=reason,
        description=description,
        redirectable=False,
    )


def _later(seconds: int) -> Refused:
    return Refused(
        error="temporarily_unavailable",
        reason="too_many_clients",
        description="Too many new applications ask at the moment.",
        status=429,
        advice=Advice.RETRY,
        redirectable=False,
        retry_after=seconds,
    )


def _refused(fault: ClientFault) -> Refused:
    return replace(invalid_client(fault.value), client_fault=fault)
