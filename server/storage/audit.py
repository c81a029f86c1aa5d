"""The audit trail in SQL: a row in the transaction of what it tells; sealed later."""

from collections.abc import Mapping

from sqlalchemy import insert

from server.domain.audit import AuditRecord
from server.domain.commitment import personal_commitment
from server.domain.entropy import Entropy
from server.domain.unit import Unit
from server.storage.audit_reading import AuditReading
from server.storage.rows import dump
from server.storage.tables.audit import audit, audit_personal

ADD = insert(audit)
ADD_PERSONAL = insert(audit_personal)


class SqlAudit(AuditReading):
    """Writes audit rows; `server.signals.audit_seal` chains them."""

    def __init__(self, entropy: Entropy) -> None:
        """Take ids and salts from `entropy`."""
        self._entropy = entropy

    def record(self, tx: Unit, record: AuditRecord, more: Mapping[str, str] | None = None) -> str:
        """Write one event in the caller's transaction and return its id.

        `more` are facts for its `detail` that were not known when it was decided.
        """
        audit_id = self._entropy.dated_id("aud", record.at)
        document = salt = commitment = None
        if record.personal:
            document, salt = dump(dict(record.personal)), self._entropy.token(16)
            commitment = personal_commitment(salt, document)
        tx.execute(
            ADD,
            {
                "id": audit_id,
                "at": record.at,
                "tag": record.tag.value,
                "outcome": record.outcome.value,
                "reason": record.reason,
                "user_id": record.user_id,
                "agents": dump(record.agents),
                "client_id": record.client_id,
                "grant_id": record.grant_id,
                "resource": record.resource,
                "object": record.object,
                "request_id": record.request_id,
                "detail": dump({**record.detail, **(more or {})}),
                "salt": self._entropy.nonce(),
                "personal_commitment": commitment,
                "seal_seq": None,
                "seal": None,
            },
        )
        if document is not None:
            tx.execute(ADD_PERSONAL, {"audit_id": audit_id, "document": document, "salt": salt})
        return audit_id
