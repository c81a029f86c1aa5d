"""Plain applications (clients without an agent): what they may know of a person, and removing one.

Agents and what they were allowed are `server.services.review` and `withdraw`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from authz.tx import Tx
from server.domain.applications import Kept
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.people import Session
from server.domain.registry import Client, Scope
from server.domain.unit import Unit
from server.services.withdraw import NotYours


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A client with what it may know of the person."""

    client: Client
    kept: Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class MyApplications:
    """The applications of a person, and the registered scopes that they may mention."""

    found: tuple[Application, ...]
    scopes: Mapping[str, Scope]


async def my_applications(core: Core, user_id: str) -> MyApplications:
    """Return the plain applications that know something of a person, the newest first."""
    now = core.clock.now()

    def load(tx: Tx) -> MyApplications:
        found = [
            Application(client=client, kept=kept)
            for kept in core.rows.applications.of_user(tx, user_id, now)
            if (client := core.rows.clients.get(tx, kept.client_id)) and _plain(client)
        ]
        found.sort(key=lambda each: (-each.kept.since, each.client.id))
        return MyApplications(
            found=tuple(found),
            scopes={
                scope.name: scope
                for resource in core.rows.resources.all(tx)
                for scope in resource.scopes.values()
            },
        )

    return await core.store.read(load)


async def remove_application(core: Core, client_id: str, session: Session) -> bool | NotYours:
    """End all that a plain application has of the person of `session`; it has to ask again.

    False if it was removed in this session before (a second click, a form that is out of date).
    A client that never knew the person is exactly as an unknown one.
    """
    now, user_id = core.clock.now(), session.user_id

    def work(tx: Unit) -> bool | NotYours:
        rows, held = core.rows, core.rows.applications
        client = rows.clients.get(tx, client_id)
        if client is None or not _plain(client):
            return NotYours()
        # A code that is being given out is waited for, or finds the consent gone.
        rows.users.held(tx, user_id)
        forgot = rows.consents.forget(tx, user_id, client_id)
        # In this order: a redemption or a refresh that is under way is waited for by one of the
        # first two, so that its tokens are there to be found; a later one finds nothing to use.
        codes = held.cancel_codes(tx, user_id, client_id)
        families = held.end_families(tx, user_id, client_id, now)
        killed = rows.tokens.revoke(tx, held.tokens(tx, user_id, client_id), now)
        if not (forgot or codes or families or killed):
            # The form's token is this session's, so it was shown since the session began.
            before = held.removed_since(tx, user_id, client_id, session.created_at)
            return False if before else NotYours()
        rows.audit.record(
            tx,
            AuditRecord(
                tag=AuditTag.CONSENT_REMOVED, outcome=Outcome.DONE, at=now,
                user_id=user_id, client_id=client_id,
                detail={
                    "codes": str(codes), "families": str(families), "revoked": str(len(killed)),
                },
            ),
        )  # fmt: skip
        return True

    return await core.store.write(work)


def _plain(client: Client) -> bool:
    """Tell whether a client is listed here: agents have their own list, what is ours has none."""
    return client.agent_id is None and not client.first_party
