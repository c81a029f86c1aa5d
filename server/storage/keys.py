"""The stored signing keys (`server.keys.ports.SigningKeys`)."""

from collections.abc import Iterable
from typing import Final

import orjson
from sqlalchemy import bindparam, insert, select, update

from authz.tx import Row, Tx, insert_ignore
from server.domain.unit import Unit
from server.keys.ports import KeysMoved
from server.keys.signing_keys import Change, KeyStatus, SigningKey
from server.storage.tables.keys import signing_key

CHANGE_KIND: Final = "key"

_ALL = select(signing_key).order_by(signing_key.c.created_at, signing_key.c.kid)
_INSERT = insert(signing_key)
_INSERT_MISSING = insert_ignore(signing_key)
_STEP = (
    update(signing_key)
    .where(
        signing_key.c.kid == bindparam("this_kid"),
        signing_key.c.status == bindparam("old_status"),
        signing_key.c.sealed_private == bindparam("old_sealed"),
    )
    .values(
        status=bindparam("new_status"),
        sealed_private=bindparam("new_sealed"),
        activated_at=bindparam("new_activated_at"),
        retire_at=bindparam("new_retire_at"),
        revoked_at=bindparam("new_revoked_at"),
    )
)


class SqlSigningKeys:
    """Signing keys in the `signing_key` table."""

    def all(self, tx: Tx) -> tuple[SigningKey, ...]:
        return tuple(_to_key(row) for row in tx.fetch(_ALL))

    def add_missing(self, tx: Unit, keys: Iterable[SigningKey]) -> None:
        for key in keys:
            if tx.execute(_INSERT_MISSING, _to_row(key)):
                # Other workers hold a set without it, and would refuse what it signs.
                tx.changed(CHANGE_KIND, key.kid)

    def apply(self, tx: Unit, changes: Iterable[Change]) -> None:
        for change in changes:
            if change.before is None:
                tx.execute(_INSERT, _to_row(change.after))
            elif tx.execute(_STEP, _to_step(change.before, change.after)) != 1:
                raise KeysMoved(change.before.kid)
            tx.changed(CHANGE_KIND, change.after.kid)


def _to_row(key: SigningKey) -> dict[str, object]:
    return {
        "kid": key.kid,
        "alg": key.alg,
        "status": key.status.value,
        "public_jwk": orjson.dumps(dict(key.public_jwk)).decode(),
        "sealed_private": key.sealed_private,
        "created_at": key.created_at,
        "activated_at": key.activated_at,
        "retire_at": key.retire_at,
        "revoked_at": key.revoked_at,
    }


def _to_step(before: SigningKey, after: SigningKey) -> dict[str, object]:
    return {
        "this_kid": before.kid,
        "old_status": before.status.value,
        "old_sealed": before.sealed_private,
        "new_status": after.status.value,
        "new_sealed": after.sealed_private,
        "new_activated_at": after.activated_at,
        "new_retire_at": after.retire_at,
        "new_revoked_at": after.revoked_at,
    }


def _to_key(row: Row) -> SigningKey:
    kid, alg, status, jwk, sealed, created_at, activated_at, retire_at, revoked_at = row
    return SigningKey(
        kid=kid,
        alg=alg,
        status=KeyStatus(status),
        public_jwk=orjson.loads(jwk),
        sealed_private=bytes(sealed),
        created_at=created_at,
        activated_at=activated_at,
        retire_at=retire_at,
        revoked_at=revoked_at,
    )
