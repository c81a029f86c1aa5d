"""A person asks the administrators to allow a client that nobody has decided on."""

from typing import Final

from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.self_registration import Trust, TrustRequest
from server.domain.unit import Unit
from server.protocol.registration.identifier import read_identifier
from server.protocol.registration.trust import trust_of

MOST_WAITING: Final = 200
"""Hosts that wait for a decision; more are not noted."""
MOST_OF_ONE: Final = 5
"""Of these that one person asked for first, so that nobody keeps the others' out."""


async def ask_for(core: Core, client_id: str, user_id: str) -> str | None:
    """Note that a person wants to use a client; return its host, or none if none is to be asked.

    Asking again counts, and changes nothing else.
    """
    identifier = read_identifier(client_id)
    if identifier is None or core.policy.client_documents == "off":
        return None
    default, now = Trust(core.policy.client_documents), core.clock.now()

    def unit(tx: Unit) -> str | None:
        if trust_of(identifier.host, core.rows.trust.rules(tx), default) is not Trust.ASK:
            return None
        request = TrustRequest(
            host=identifier.host, client_id=identifier.url, asked_by=user_id,
            first_at=now, last_at=now, times=1,
        )  # fmt: skip
        if core.rows.trust.ask(tx, request, MOST_WAITING, MOST_OF_ONE):
            core.rows.audit.record(
                tx,
                AuditRecord(
                    tag=AuditTag.CLIENT_TRUST, outcome=Outcome.DONE, reason="asked_for", at=now,
                    user_id=user_id, client_id=identifier.url, detail={"host": identifier.host},
                ),
            )  # fmt: skip
        return identifier.host

    return await core.store.write(unit)
