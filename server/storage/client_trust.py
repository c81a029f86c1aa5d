"""The trust policy in SQL: rules about the hosts of metadata documents, requests for new ones."""

from sqlalchemy import bindparam, delete, func, insert, select, update

from authz.tx import Tx, insert_ignore
from server.domain.registry import Origin
from server.domain.self_registration import Trust, TrustRequest, TrustRule
from server.domain.unit import Unit
from server.storage.tables.self_registration import (
    client_trust,
    client_trust_request,
    self_registered_client,
)

_t, _r = client_trust.c, client_trust_request.c
_RULES = select(_t.pattern, _t.trust, _t.created_at).order_by(_t.pattern)
_RULE_DROP = delete(client_trust).where(_t.pattern == bindparam("pattern"))
_RULE_ADD = insert(client_trust)
_REQUESTS = select(_r.host, _r.client_id, _r.asked_by, _r.first_at, _r.last_at, _r.times).order_by(
    _r.last_at.desc(), _r.host
)
_REQUESTS_COUNT = select(func.count()).select_from(client_trust_request)
_REQUESTS_OF = _REQUESTS_COUNT.where(_r.asked_by == bindparam("asked_by"))
_REQUEST_AGAIN = (
    update(client_trust_request)
    .where(_r.host == bindparam("key"))
    .values(last_at=bindparam("now"), times=_r.times + 1)
)
_REQUEST_ADD = insert_ignore(client_trust_request)
_REQUEST_DROP = delete(client_trust_request).where(_r.host == bindparam("host"))
_DOCUMENT_CLIENTS = (
    select(self_registered_client.c.client_id)
    .where(self_registered_client.c.origin == Origin.DOCUMENT.value)
    .order_by(self_registered_client.c.client_id)
)


class SqlClientTrust:
    """Rules about hosts, and requests for hosts that have none."""

    def rules(self, tx: Tx) -> list[TrustRule]:
        """Return every rule, by pattern."""
        return [
            TrustRule(pattern=pattern, trust=Trust(trust), created_at=at)
            for pattern, trust, at in tx.fetch(_RULES)
        ]

    def put(self, tx: Unit, value: TrustRule) -> None:
        """Store a rule in place of the one of its pattern."""
        tx.execute(_RULE_DROP, {"pattern": value.pattern})
        tx.execute(
            _RULE_ADD,
            {
                "pattern": value.pattern,
                "trust": value.trust.value,
                "created_at": value.created_at,
            },
        )

    def drop(self, tx: Unit, pattern: str) -> bool:
        """Delete a rule; false if there is none."""
        return tx.execute(_RULE_DROP, {"pattern": pattern}) == 1

    def requests(self, tx: Tx) -> list[TrustRequest]:
        """Return the hosts that people wait for, the newest first."""
        return [
            TrustRequest(
                host=host, client_id=client_id, asked_by=asked_by,
                first_at=first_at, last_at=last_at, times=times,
            )
            for host, client_id, asked_by, first_at, last_at, times in tx.fetch(_REQUESTS)
        ]  # fmt: skip

    def ask(self, tx: Unit, value: TrustRequest, most: int, most_of_one: int) -> bool:
        """Note a request; true if it is the first for its host.

        None is noted beyond `most` hosts altogether, and `most_of_one` of one person.
        """
        if tx.execute(_REQUEST_AGAIN, {"key": value.host, "now": value.last_at}):
            return False
        if int(tx.fetch(_REQUESTS_COUNT)[0][0]) >= most:
            return False
        if int(tx.fetch(_REQUESTS_OF, {"asked_by": value.asked_by})[0][0]) >= most_of_one:
            return False
        row = {
            "host": value.host,
            "client_id": value.client_id,
            "asked_by": value.asked_by,
            "first_at": value.first_at,
            "last_at": value.last_at,
            "times": value.times,
        }
        return tx.execute(_REQUEST_ADD, row) == 1

    def settle(self, tx: Unit, host: str) -> None:
        """Forget the request for a host: it has been decided."""
        tx.execute(_REQUEST_DROP, {"host": host})

    def clients(self, tx: Tx) -> list[str]:
        """Return the clients that have a metadata document."""
        return [row[0] for row in tx.fetch(_DOCUMENT_CLIENTS)]
