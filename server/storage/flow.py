"""Pushed requests and interactions in SQL."""

from typing import Any

from sqlalchemy import Select, Table, bindparam, delete, func, insert, null, select, update

from authz.tx import Row, Tx, in_json, insert_ignore
from server.domain.delegation import Detail
from server.domain.interactions import (
    AuthorizationRequest,
    Interaction,
    PushedRequest,
    Waiting,
)
from server.domain.unit import Unit
from server.storage.rows import dump, load, names
from server.storage.tables.flow import interaction, pushed_request, user_consent
from server.storage.turns import take_turns


def _waiting(table: Table) -> Select[int, int, int]:
    """Count what waits, of one index: a row has a source for as long as it counts."""
    return select(
        func.count().filter(table.c.source == bindparam("source")),
        func.count().filter(table.c.client_id == bindparam("client_id")),
        func.count(),
    ).where(table.c.source.is_not(None), table.c.expires_at > bindparam("now"))


_PUSH_ADD = insert(pushed_request)
_PUSH_GET = select(
    pushed_request.c.hash,
    pushed_request.c.client_id,
    pushed_request.c.document,
    pushed_request.c.expires_at,
    pushed_request.c.used_at,
).where(pushed_request.c.hash == bindparam("hash"))
_PUSH_USE = (
    update(pushed_request)
    .where(pushed_request.c.hash == bindparam("key"), pushed_request.c.used_at.is_(None))
    .values(used_at=bindparam("now"), source=null())
)
_PUSH_WAITING = _waiting(pushed_request)


class PushedRequests:
    """Pushed authorization requests (RFC 9126): one use each."""

    def add(self, tx: Unit, value: PushedRequest) -> None:
        """Store a pushed request under the hash of its `request_uri`."""
        tx.execute(
            _PUSH_ADD,
            {
                "hash": value.hash,
                "client_id": value.client_id,
                "document": dump(value.parameters),
                "expires_at": value.expires_at,
                "used_at": None,
                "source": value.source,
            },
        )

    def get(self, tx: Tx, request_hash: str) -> PushedRequest | None:
        """Return a pushed request, used or not, or none."""
        rows = tx.fetch(_PUSH_GET, {"hash": request_hash})
        if not rows:
            return None
        found, client_id, document, expires_at, used_at = rows[0]
        return PushedRequest(
            hash=found,
            client_id=client_id,
            expires_at=expires_at,
            used_at=used_at,
            parameters=tuple((name, value) for name, value in load(document)),
        )

    def consume(self, tx: Unit, request_hash: str, now: int) -> bool:
        """Use a pushed request up; true for exactly one caller."""
        return tx.execute(_PUSH_USE, {"key": request_hash, "now": now}) == 1

    def waiting(self, tx: Unit, source: str, client_id: str, now: int) -> Waiting:
        """Count what waits; others of this source wait for this unit, so it is exact for it."""
        return _count(tx, _PUSH_WAITING, source, client_id, now)


_ADD = insert(interaction)
_GET = select(
    interaction.c.id,
    interaction.c.browser_hash,
    interaction.c.document,
    interaction.c.created_at,
    interaction.c.expires_at,
    interaction.c.signed_in_sid,
    interaction.c.grant_id,
    interaction.c.consented_at,
    interaction.c.finished_at,
).where(interaction.c.id == bindparam("id"))
_SIGNED_IN = (
    update(interaction)
    .where(interaction.c.id == bindparam("key"), interaction.c.finished_at.is_(None))
    .values(signed_in_sid=bindparam("sid"))
)
_CONSENTED = (
    update(interaction)
    .where(
        interaction.c.id == bindparam("key"),
        interaction.c.consented_at.is_(None),
        interaction.c.finished_at.is_(None),
    )
    .values(consented_at=bindparam("now"), grant_id=bindparam("grant_id"))
)
_FINISH = (
    update(interaction)
    .where(interaction.c.id == bindparam("key"), interaction.c.finished_at.is_(None))
    .values(finished_at=bindparam("now"))
)
_FINISH_BY_PERSON = _FINISH.values(source=null())
_WAITING = _waiting(interaction)


class Interactions:
    """Authorizations in progress; each step happens once."""

    def add(self, tx: Unit, value: Interaction) -> None:
        """Store a new interaction."""
        tx.execute(
            _ADD,
            {
                "id": value.id,
                "browser_hash": value.browser_hash,
                "client_id": value.request.client_id,
                "document": _document(value.request),
                "created_at": value.created_at,
                "expires_at": value.expires_at,
                "signed_in_sid": None,
                "grant_id": None,
                "consented_at": None,
                "finished_at": None,
                "source": value.source,
            },
        )

    def get(self, tx: Tx, interaction_id: str) -> Interaction | None:
        """Return an interaction, finished or not, or none."""
        rows = tx.fetch(_GET, {"id": interaction_id})
        return _value(rows[0]) if rows else None

    def signed_in(self, tx: Unit, interaction_id: str, sid: str) -> bool:
        """Note the session that was made in this interaction."""
        return tx.execute(_SIGNED_IN, {"key": interaction_id, "sid": sid}) == 1

    def consented(self, tx: Unit, interaction_id: str, grant_id: str | None, now: int) -> bool:
        """Note the consent; true for exactly one caller (a double click consents once)."""
        return (
            tx.execute(_CONSENTED, {"key": interaction_id, "grant_id": grant_id, "now": now}) == 1
        )

    def finish(self, tx: Unit, interaction_id: str, now: int, *, by_nobody: bool = False) -> bool:
        """End an interaction, by a code or a refusal; true for exactly one caller.

        One that ends without a signed-in person keeps its source, and so its place in the room.
        """
        statement = _FINISH if by_nobody else _FINISH_BY_PERSON
        return tx.execute(statement, {"key": interaction_id, "now": now}) == 1

    def waiting(self, tx: Unit, source: str, client_id: str, now: int) -> Waiting:
        """Count what waits; others of this source wait for this unit, so it is exact for it."""
        return _count(tx, _WAITING, source, client_id, now)


def _count(
    tx: Unit, statement: Select[int, int, int], source: str, client_id: str, now: int
) -> Waiting:
    take_turns(tx, [source])
    params = {"source": source, "client_id": client_id, "now": now}
    of_source, of_client, of_all = tx.fetch(statement, params)[0]
    return Waiting(of_source, of_client, of_all)


def _document(r: AuthorizationRequest) -> str:
    return dump(
        {
            "client_id": r.client_id,
            "redirect_uri": r.redirect_uri,
            "redirect_uri_sent": r.redirect_uri_sent,
            "response_mode": r.response_mode,
            "state": r.state,
            "scope": r.scope,
            "code_challenge": r.code_challenge,
            "resources": r.resources,
            "details": [
                {"resource": x.resource, "scopes": names(x.scopes), "objects": x.objects}
                for x in r.details
            ],
            "nonce": r.nonce,
            "prompt": names(r.prompt),
            "max_age": r.max_age,
            "acr_values": r.acr_values,
            "login_hint": r.login_hint,
            "agent_id": r.agent_id,
            "hand_overs": r.hand_overs,
            "max_depth": r.max_depth,
            "dpop_jkt": r.dpop_jkt,
        }
    )


def _value(row: Row) -> Interaction:
    found, browser_hash, document, created_at, expires_at, sid, grant_id, consented, done = row
    x: dict[str, Any] = load(document)
    details = tuple(
        Detail(resource=e["resource"], scopes=frozenset(e["scopes"]), objects=tuple(e["objects"]))
        for e in x["details"]
    )
    request = AuthorizationRequest(
        **{
            **x,
            "resources": tuple(x["resources"]),
            "details": details,
            "prompt": frozenset(x["prompt"]),
            "acr_values": tuple(x["acr_values"]),
            "hand_overs": tuple(x["hand_overs"]),
        }
    )
    return Interaction(
        id=found,
        browser_hash=browser_hash,
        request=request,
        created_at=created_at,
        expires_at=expires_at,
        signed_in_sid=sid,
        grant_id=grant_id,
        consented_at=consented,
        finished_at=done,
    )


_CONSENT_ADD = insert_ignore(user_consent)
_CONSENT_GET = select(user_consent.c.scope).where(
    user_consent.c.user_id == bindparam("user_id"),
    user_consent.c.client_id == bindparam("client_id"),
    user_consent.c.created_at >= bindparam("since"),
)
_CONSENT_FORGET = delete(user_consent).where(
    user_consent.c.user_id == bindparam("user_id"),
    user_consent.c.client_id == bindparam("client_id"),
)
_CONSENT_DROP = _CONSENT_FORGET.where(in_json(user_consent.c.scope, "scopes"))


class RememberedConsents:
    """What a person let a client know (`openid`, `email` …), asked once; no delegation."""

    def scopes(self, tx: Tx, user_id: str, client_id: str, since: int = 0) -> frozenset[str]:
        """Return every scope that the person allowed the client, at a time (Unix ms) or later."""
        params = {"user_id": user_id, "client_id": client_id, "since": since}
        rows = tx.fetch(_CONSENT_GET, params)
        return frozenset(row[0] for row in rows)

    def add(self, tx: Unit, user_id: str, client_id: str, scopes: frozenset[str], now: int) -> None:
        """Remember scopes; those remembered already stay."""
        tx.execute_many(
            _CONSENT_ADD,
            [
                {"user_id": user_id, "client_id": client_id, "scope": scope, "created_at": now}
                for scope in names(scopes)
            ],
        )

    def drop(self, tx: Unit, user_id: str, client_id: str, scopes: frozenset[str]) -> None:
        """Forget some scopes; the others stay, with the time since when."""
        listed = dump(names(scopes))
        tx.execute(_CONSENT_DROP, {"user_id": user_id, "client_id": client_id, "scopes": listed})

    def forget(self, tx: Unit, user_id: str, client_id: str) -> bool:
        """Ask again next time; false if nothing was remembered."""
        return tx.execute(_CONSENT_FORGET, {"user_id": user_id, "client_id": client_id}) > 0
