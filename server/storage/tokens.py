"""Token records, authorization codes, refresh families and used assertions in SQL."""

from typing import Any

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from authz.tx import Row, Tx, in_json, insert_ignore
from server.domain.tokens import (
    AuthorizationCode,
    Granted,
    RefreshFamily,
    RefreshToken,
    TokenKind,
    TokenRecord,
)
from server.domain.unit import Unit
from server.storage.rows import dump, load
from server.storage.tables.flow import authorization_code as code
from server.storage.tables.token import assertion, refresh_family, refresh_token, token

_TOKEN = select(
    token.c.jti,
    token.c.kind,
    token.c.client_id,
    token.c.sub,
    token.c.audience,
    token.c.scope,
    token.c.grant_id,
    token.c.parent_jti,
    token.c.actor_jti,
    token.c.sid,
    token.c.family_id,
    token.c.issued_at,
    token.c.expires_at,
    token.c.revoked_at,
    token.c.mark,
    token.c.jkt,
)
_TOKEN_BY_JTI = _TOKEN.where(token.c.jti == bindparam("jti"))
_TOKEN_ADD = insert(token)
_TOKEN_COUNT = select(func.count()).where(
    in_json(token.c.grant_id, "grant_ids"),
    token.c.revoked_at.is_(None),
    token.c.expires_at > bindparam("now"),
)
_TOKEN_LOCK = (
    select(token.c.jti)
    .where(token.c.jti.in_([bindparam("one"), bindparam("other")]), token.c.revoked_at.is_(None))
    .with_for_update(read=True)
)
_CHILDREN = select(token.c.jti).where(
    or_(in_json(token.c.parent_jti, "parents"), in_json(token.c.actor_jti, "actors"))
)
_OF_FAMILY = select(token.c.jti).where(token.c.family_id == bindparam("family_id"))
_KILL = (
    update(token)
    .where(in_json(token.c.jti, "jtis"), token.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
    .returning(token.c.jti)
)


class Tokens:
    """Where every token came from, and whether it or an ancestor was revoked."""

    def get(self, tx: Tx, jti: str) -> TokenRecord | None:
        """Return the record of a token, or none if we never minted it."""
        rows = tx.fetch(_TOKEN_BY_JTI, {"jti": jti})
        return _record(rows[0]) if rows else None

    def count_live(self, tx: Tx, grant_ids: list[str], now: int) -> int:
        """Count the tokens of delegations that have neither expired nor been revoked."""
        return int(tx.fetch(_TOKEN_COUNT, {"grant_ids": dump(grant_ids), "now": now})[0][0])

    def add(self, tx: Unit, value: TokenRecord) -> None:
        """Store a new record."""
        tx.execute(
            _TOKEN_ADD,
            {
                "jti": value.jti,
                "kind": value.kind.value,
                "client_id": value.client_id,
                "sub": value.sub,
                "audience": value.audience,
                "scope": value.scope,
                "grant_id": value.grant_id,
                "parent_jti": value.parent_jti,
                "actor_jti": value.actor_jti,
                "sid": value.sid,
                "family_id": value.family_id,
                "issued_at": value.issued_at,
                "expires_at": value.expires_at,
                "revoked_at": value.revoked_at,
                "mark": value.mark,
                "jkt": value.jkt,
            },
        )

    def hold(self, tx: Unit, one: str, other: str | None = None) -> bool:
        """Keep one or two tokens from being revoked until this unit ends; false if one was.

        Without it a descendant could be added after the revocation had looked for descendants.
        """
        names = {one, one if other is None else other}
        found = tx.fetch(_TOKEN_LOCK, {"one": one, "other": one if other is None else other})
        return len(found) == len(names)

    def revoke(self, tx: Unit, jtis: list[str], now: int) -> list[str]:
        """Revoke tokens and all that was minted from them, as subject or as actor."""
        killed: list[str] = []
        seen: set[str] = set()
        wave = jtis
        while wave:
            seen.update(wave)
            killed += [row[0] for row in tx.fetch(_KILL, {"jtis": dump(wave), "now": now})]
            listed = dump(wave)
            rows = tx.fetch(_CHILDREN, {"parents": listed, "actors": listed})
            wave = [row[0] for row in rows if row[0] not in seen]
        for jti in killed:
            tx.changed("token", jti)
        return killed

    def revoke_family(self, tx: Unit, family_id: str, now: int) -> list[str]:
        """Revoke all that descends from one authorization code."""
        jtis = [row[0] for row in tx.fetch(_OF_FAMILY, {"family_id": family_id})]
        return self.revoke(tx, jtis, now) if jtis else []


def _record(row: Row) -> TokenRecord:
    return TokenRecord(
        jti=row[0],
        kind=TokenKind(row[1]),
        client_id=row[2],
        sub=row[3],
        audience=row[4],
        scope=row[5],
        grant_id=row[6],
        parent_jti=row[7],
        actor_jti=row[8],
        sid=row[9],
        family_id=row[10],
        issued_at=row[11],
        expires_at=row[12],
        revoked_at=row[13],
        mark=row[14],
        jkt=row[15],
    )


_CODE_ADD = insert(code)
_CODE_COLUMNS = (
    code.c.hash,
    code.c.family_id,
    code.c.document,
    code.c.created_at,
    code.c.expires_at,
    code.c.used_at,
)
_CODE_GET = select(*_CODE_COLUMNS).where(code.c.hash == bindparam("hash"))
_CODE_USE = (
    update(code)
    .where(code.c.hash == bindparam("key"), code.c.used_at.is_(None))
    .values(used_at=bindparam("now"))
)


class Codes:
    """Authorization codes: one redemption wins, whoever races for it."""

    def add(self, tx: Unit, value: AuthorizationCode) -> None:
        """Store a new code under its hash."""
        granted = value.granted
        tx.execute(
            _CODE_ADD,
            {
                "hash": value.hash,
                "client_id": granted.client_id,
                "user_id": granted.user_id,
                "grant_id": granted.grant_id,
                "sid": granted.sid,
                "family_id": value.family_id,
                "document": dump(
                    {
                        "granted": _granted_document(granted),
                        "redirect_uri": value.redirect_uri,
                        "redirect_uri_sent": value.redirect_uri_sent,
                        "code_challenge": value.code_challenge,
                        "dpop_jkt": value.dpop_jkt,
                    }
                ),
                "created_at": value.created_at,
                "expires_at": value.expires_at,
                "used_at": None,
            },
        )

    def get(self, tx: Tx, code_hash: str) -> AuthorizationCode | None:
        """Return a code, used or not, or none."""
        rows = tx.fetch(_CODE_GET, {"hash": code_hash})
        if not rows:
            return None
        found, family_id, document, created_at, expires_at, used_at = rows[0]
        x: dict[str, Any] = load(document)
        return AuthorizationCode(
            hash=found,
            granted=_granted(x["granted"]),
            redirect_uri=x["redirect_uri"],
            redirect_uri_sent=x["redirect_uri_sent"],
            code_challenge=x["code_challenge"],
            family_id=family_id,
            created_at=created_at,
            expires_at=expires_at,
            used_at=used_at,
            dpop_jkt=x.get("dpop_jkt"),
        )

    def consume(self, tx: Unit, code_hash: str, now: int) -> bool:
        """Use a code up; true for exactly one caller, ever."""
        return tx.execute(_CODE_USE, {"key": code_hash, "now": now}) == 1


_FAMILY_ADD = insert(refresh_family)
_FAMILY_GET = select(
    refresh_family.c.id,
    refresh_family.c.document,
    refresh_family.c.created_at,
    refresh_family.c.expires_at,
    refresh_family.c.revoked_at,
    refresh_family.c.jkt,
).where(refresh_family.c.id == bindparam("id"))
_FAMILY_KILL = (
    update(refresh_family)
    .where(refresh_family.c.id == bindparam("key"), refresh_family.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)
_FAMILY_BIND = (
    update(refresh_family)
    .where(
        refresh_family.c.id == bindparam("key"),
        or_(refresh_family.c.jkt.is_(None), refresh_family.c.jkt == bindparam("proven")),
    )
    .values(jkt=bindparam("proven"))
)
_FAMILY_LIVING = select(refresh_family.c.id).where(
    refresh_family.c.id == bindparam("id"), refresh_family.c.revoked_at.is_(None)
)
_FAMILY_KEPT = _FAMILY_LIVING.with_for_update(read=True)
_FAMILY_HELD = _FAMILY_LIVING.with_for_update(key_share=True)
_REFRESH_ADD = insert_ignore(refresh_token)
_REFRESH_GET = select(
    refresh_token.c.hash,
    refresh_token.c.family_id,
    refresh_token.c.generation,
    refresh_token.c.created_at,
    refresh_token.c.used_at,
).where(refresh_token.c.hash == bindparam("hash"))
_REFRESH_USE = (
    update(refresh_token)
    .where(refresh_token.c.hash == bindparam("key"), refresh_token.c.used_at.is_(None))
    .values(used_at=bindparam("now"))
)


class RefreshTokens:
    """Refresh families and the generations of their tokens (X13)."""

    def add_family(self, tx: Unit, value: RefreshFamily) -> None:
        """Store a new family."""
        granted = value.granted
        tx.execute(
            _FAMILY_ADD,
            {
                "id": value.id,
                "client_id": granted.client_id,
                "user_id": granted.user_id,
                "grant_id": granted.grant_id,
                "sid": granted.sid,
                "document": dump(_granted_document(granted)),
                "created_at": value.created_at,
                "expires_at": value.expires_at,
                "revoked_at": None,
                "jkt": value.jkt,
            },
        )

    def family(self, tx: Tx, family_id: str) -> RefreshFamily | None:
        """Return a family, dead or alive, or none."""
        rows = tx.fetch(_FAMILY_GET, {"id": family_id})
        if not rows:
            return None
        found, document, created_at, expires_at, revoked_at, jkt = rows[0]
        return RefreshFamily(
            id=found,
            granted=_granted(load(document)),
            created_at=created_at,
            expires_at=expires_at,
            revoked_at=revoked_at,
            jkt=jkt,
        )

    def bind_family(self, tx: Unit, family_id: str, jkt: str) -> bool:
        """Bind a family to a key; false if it is another's, which never changes."""
        return tx.execute(_FAMILY_BIND, {"key": family_id, "proven": jkt}) == 1

    def keep_family(self, tx: Unit, family_id: str) -> bool:
        """Keep a family from being revoked until this unit ends; false if it already was."""
        return bool(tx.fetch(_FAMILY_KEPT, {"id": family_id}))

    def hold_family(self, tx: Unit, family_id: str) -> bool:
        """Keep it as `keep_family` does, and for this unit alone, which may write to it.

        Units that keep a row together and then write to it wait for each other, and all but one
        are undone by the database.
        """
        return bool(tx.fetch(_FAMILY_HELD, {"id": family_id}))

    def revoke_family(self, tx: Unit, family_id: str, now: int) -> bool:
        """End a family for ever; tell whether this call did it."""
        return tx.execute(_FAMILY_KILL, {"key": family_id, "now": now}) == 1

    def add(self, tx: Unit, value: RefreshToken) -> None:
        """Store a generation; the same one again is no change (its token is derived)."""
        tx.execute(
            _REFRESH_ADD,
            {
                "hash": value.hash,
                "family_id": value.family_id,
                "generation": value.generation,
                "created_at": value.created_at,
                "used_at": value.used_at,
            },
        )

    def get(self, tx: Tx, token_hash: str) -> RefreshToken | None:
        """Return a generation, used or not, or none."""
        rows = tx.fetch(_REFRESH_GET, {"hash": token_hash})
        if not rows:
            return None
        r = rows[0]
        return RefreshToken(
            hash=r[0], family_id=r[1], generation=r[2], created_at=r[3], used_at=r[4]
        )

    def consume(self, tx: Unit, token_hash: str, now: int) -> bool:
        """Mark a generation used; true for exactly one caller."""
        return tx.execute(_REFRESH_USE, {"key": token_hash, "now": now}) == 1


def _granted_document(value: Granted) -> dict[str, object]:
    return {
        "client_id": value.client_id,
        "user_id": value.user_id,
        "sid": value.sid,
        "scope": value.scope,
        "resources": value.resources,
        "grant_id": value.grant_id,
        "nonce": value.nonce,
        "auth_time": value.auth_time,
        "acr": value.acr,
        "offline": value.offline,
    }


def _granted(document: dict[str, Any]) -> Granted:
    return Granted(**{**document, "resources": tuple(document["resources"])})


_ASSERTION_ADD = insert_ignore(assertion)
_ASSERTION_PURGE = delete(assertion).where(assertion.c.expires_at < bindparam("now"))


class Assertions:
    """Client assertions that were used: each `jti` once per client (RFC 7523 §3)."""

    def use(self, tx: Unit, client_id: str, jti: str, expires_at: int) -> bool:
        """Record a use; false if the assertion was used before."""
        return (
            tx.execute(
                _ASSERTION_ADD, {"client_id": client_id, "jti": jti, "expires_at": expires_at}
            )
            == 1
        )

    def purge(self, tx: Unit, now: int) -> int:
        """Forget assertions that have expired; return how many."""
        return tx.execute(_ASSERTION_PURGE, {"now": now})
