"""Self-registered clients in SQL: when they were used, and which of them hold nothing any more."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, delete, exists, func, insert, literal, select, update

from authz.tx import Row, Tx
from server.domain.registry import Origin, SelfRegistered, Status
from server.domain.self_registration import Registration
from server.domain.unit import Unit
from server.storage.rows import names
from server.storage.tables.delegation import delegation
from server.storage.tables.flow import authorization_code, interaction
from server.storage.tables.registry import client
from server.storage.tables.self_registration import client_logo, self_registered_client
from server.storage.tables.token import refresh_family
from server.storage.turns import take_turns

_HOUR_MS = 3600 * 1000
_c = self_registered_client.c

_GET = select(
    _c.client_id, _c.origin, _c.host, _c.fingerprint, _c.token_hash, _c.created_at, _c.used_at,
    _c.consented_at,
)  # fmt: skip
_BY_ID = _GET.where(_c.client_id == bindparam("client_id"))
_BY_FINGERPRINT = _GET.where(_c.fingerprint == bindparam("fingerprint"))
_COUNT = select(func.count()).where(_c.origin == bindparam("origin"))
_COUNT_HOST = _COUNT.where(_c.host == bindparam("host"))
_ADD = insert(self_registered_client)
_THIS = _c.client_id == bindparam("key")
_USED = (
    update(self_registered_client)
    .where(_THIS, _c.used_at < bindparam("before"))
    .values(used_at=bindparam("now"))
)
_CONSENTED = (
    update(self_registered_client)
    .where(_THIS, _c.consented_at.is_(None))
    .values(consented_at=bindparam("now"))
)
_FAMILIES = select(refresh_family.c.id).where(
    refresh_family.c.client_id == bindparam("client_id"), refresh_family.c.revoked_at.is_(None)
)
_DELEGATIONS = (
    select(delegation.c.id)
    .where(
        delegation.c.client_id == bindparam("client_id"),
        delegation.c.revoked_at.is_(None),
        delegation.c.expires_at > bindparam("now"),
    )
    .order_by(delegation.c.created_at, delegation.c.id)
)
# What a client holds, by the column that names it: with any of these it is in use.
_NO_FAMILY = ~exists().where(
    refresh_family.c.client_id == _c.client_id,
    refresh_family.c.revoked_at.is_(None),
    refresh_family.c.expires_at > bindparam("now"),
)
_NO_DELEGATION = ~exists().where(
    delegation.c.client_id == _c.client_id,
    delegation.c.revoked_at.is_(None),
    delegation.c.expires_at > bindparam("now"),
)
_NO_CODE = ~exists().where(
    authorization_code.c.client_id == _c.client_id,
    authorization_code.c.expires_at > bindparam("now"),
)
_NO_INTERACTION = ~exists().where(
    interaction.c.client_id == _c.client_id, interaction.c.expires_at > bindparam("now")
)
_IDLE = (
    _c.used_at < bindparam("before"), _NO_FAMILY, _NO_DELEGATION, _NO_CODE, _NO_INTERACTION,
)  # fmt: skip
_UNUSED = (
    select(_c.client_id)
    .where(
        _c.origin == bindparam("origin"),
        _c.consented_at.is_(None),
        _c.used_at < bindparam("before"),
    )
    .order_by(_c.used_at)
    .limit(bindparam("limit"))
)
_FORGET = delete(self_registered_client).where(
    _THIS, _c.consented_at.is_(None), _c.used_at < bindparam("before")
)
_DROP = delete(self_registered_client).where(_THIS)
_DROP_LOGO = delete(client_logo).where(client_logo.c.client_id == bindparam("key"))
_FORGET_CLIENT = delete(client).where(client.c.id == bindparam("key"), client.c.agent_id.is_(None))
_IDLE_IDS = (
    select(_c.client_id)
    .join(client, client.c.id == _c.client_id)
    .where(
        _c.origin == bindparam("origin"),
        _c.consented_at.is_not(None),
        client.c.status != Status.RETIRED.value,
        *_IDLE,
    )
    .order_by(_c.used_at)
    .limit(bindparam("limit"))
)
_RETIRE = (
    update(client)
    .where(
        client.c.id == bindparam("key"),
        client.c.status == Status.ACTIVE.value,
        exists().where(_c.client_id == client.c.id, *_IDLE),
    )
    .values(status=literal(Status.RETIRED.value))
)


class SqlRegistrations:
    """What is kept of self-registered clients beside the clients themselves."""

    def get(self, tx: Tx, client_id: str) -> Registration | None:
        """Return what is kept of a client, or none."""
        rows = tx.fetch(_BY_ID, {"client_id": client_id})
        return _registration(rows[0]) if rows else None

    def by_fingerprint(self, tx: Tx, fingerprint: str) -> Registration | None:
        """Return the client that registered exactly this, or none."""
        rows = tx.fetch(_BY_FINGERPRINT, {"fingerprint": fingerprint})
        return _registration(rows[0]) if rows else None

    def take_turn(self, tx: Unit) -> None:
        """Let other registrations wait until this unit ends, so that what it counts is exact."""
        take_turns(tx, ["self-registration"])

    def count(self, tx: Tx, origin: Origin, host: str = "") -> int:
        """Count clients of an origin, at one host if it is named."""
        statement, params = _COUNT, {"origin": origin.value}
        if host:
            statement, params = _COUNT_HOST, {**params, "host": host}
        return int(tx.fetch(statement, params)[0][0])

    def add(self, tx: Unit, value: Registration) -> None:
        """Store a new one; its client id and fingerprint must be free."""
        tx.execute(
            _ADD,
            {
                "client_id": value.client_id,
                "origin": value.origin.value,
                "host": value.host,
                "fingerprint": value.fingerprint,
                "token_hash": value.token_hash,
                "created_at": value.created_at,
                "used_at": value.used_at,
                "consented_at": value.consented_at,
            },
        )

    def used(self, tx: Unit, client_id: str, now: int) -> None:
        """Note that an authorization begins; at most one write an hour."""
        tx.execute(_USED, {"key": client_id, "before": now - _HOUR_MS, "now": now})

    def consented(self, tx: Unit, client_id: str, now: int) -> None:
        """Note that a person said yes; only the first time is kept."""
        tx.execute(_CONSENTED, {"key": client_id, "now": now})

    def refresh_families(self, tx: Tx, client_id: str) -> list[str]:
        """Return the refresh families of a client that are not revoked."""
        return [row[0] for row in tx.fetch(_FAMILIES, {"client_id": client_id})]

    def delegations(self, tx: Tx, client_id: str, now: int) -> list[str]:
        """Return the live delegations that came of a client."""
        return [row[0] for row in tx.fetch(_DELEGATIONS, {"client_id": client_id, "now": now})]

    def forget_unused(self, tx: Unit, origin: Origin, before: int, limit: int) -> list[str]:
        """Delete clients to whom nobody ever said yes and that were last used before a time."""
        wanted = {"origin": origin.value, "before": before, "limit": limit}
        gone = []
        for (client_id,) in tx.fetch(_UNUSED, wanted):
            if tx.execute(_FORGET, {"key": client_id, "before": before}):
                tx.execute(_FORGET_CLIENT, {"key": client_id})
                tx.execute(_DROP_LOGO, {"key": client_id})
                tx.changed("client", client_id)
                gone.append(client_id)
        return gone

    def idle(self, tx: Tx, origin: Origin, before: int, now: int, limit: int) -> list[str]:
        """Return clients that hold nothing live and were last used before a time."""
        params = {"origin": origin.value, "before": before, "now": now, "limit": limit}
        return [row[0] for row in tx.fetch(_IDLE_IDS, params)]

    def retire(self, tx: Unit, client_id: str, before: int, now: int) -> bool:
        """Retire a client if it still holds nothing live; the question and the change are one."""
        retired = tx.execute(_RETIRE, {"key": client_id, "before": before, "now": now}) == 1
        if retired:
            self.forget(tx, client_id)
            tx.changed("client", client_id)
        return retired

    def forget(self, tx: Unit, client_id: str) -> None:
        """Forget what is kept beside a client that is no more."""
        tx.execute(_DROP, {"key": client_id})


def _registration(row: Row) -> Registration:
    client_id, origin, host, fingerprint, token_hash, created_at, used_at, consented_at = row
    return Registration(
        client_id=client_id,
        origin=Origin(origin),
        host=host,
        fingerprint=fingerprint,
        token_hash=token_hash,
        created_at=created_at,
        used_at=used_at,
        consented_at=consented_at,
    )


def by_itself_document(value: SelfRegistered | None) -> Mapping[str, object] | None:
    """Write down how a client registered itself, as a part of its document."""
    if value is None:
        return None
    return {
        "origin": value.origin,
        "declared": None if value.declared is None else names(value.declared),
        "fetched_at": value.fetched_at,
        "fresh_until": value.fresh_until,
        "changed_at": value.changed_at,
        "must_bind": value.must_bind,
        "logo_uri": value.logo_uri,
        "withheld": value.withheld,
    }


def by_itself(d: Mapping[str, Any] | None) -> SelfRegistered | None:
    """Read what `by_itself_document` wrote."""
    if d is None:
        return None
    declared = d["declared"]
    return SelfRegistered(
        origin=Origin(d["origin"]),
        declared=None if declared is None else frozenset(declared),
        fetched_at=d["fetched_at"],
        fresh_until=d["fresh_until"],
        changed_at=d["changed_at"],
        must_bind=d["must_bind"],
        logo_uri=d.get("logo_uri"),
        withheld=d["withheld"],
    )
