"""Initial access tokens (RFC 7591 §3) in SQL."""

from sqlalchemy import bindparam, insert, select, update

from authz.tx import Tx
from server.domain.self_registration import InitialToken
from server.domain.unit import Unit
from server.storage.tables.self_registration import initial_access_token

_i = initial_access_token.c
_TOKENS = select(_i.id, _i.hash, _i.uses_left, _i.expires_at, _i.created_at).order_by(
    _i.created_at, _i.id
)
_TOKEN_ADD = insert(initial_access_token)
_GOOD = (
    _i.hash == bindparam("token_hash"),
    _i.uses_left > 0,
    _i.expires_at > bindparam("now"),
)
_TOKEN_USE = update(initial_access_token).where(*_GOOD).values(uses_left=_i.uses_left - 1)
_TOKEN_GOOD = select(_i.id).where(*_GOOD)
_TOKEN_REVOKE = (
    update(initial_access_token)
    .where(_i.id == bindparam("key"), _i.uses_left > 0, _i.expires_at > bindparam("now"))
    .values(uses_left=0)
)


class SqlInitialTokens:
    """Initial access tokens, each good for a number of registrations until its time is over."""

    def add(self, tx: Unit, value: InitialToken) -> None:
        """Store a new one."""
        row = {
            "id": value.id,
            "hash": value.hash,
            "uses_left": value.uses_left,
            "expires_at": value.expires_at,
            "created_at": value.created_at,
        }
        tx.execute(_TOKEN_ADD, row)

    def all(self, tx: Tx) -> list[InitialToken]:
        """Return every token, the oldest first, used up or not."""
        return [
            InitialToken(
                id=row[0], hash=row[1], uses_left=row[2], expires_at=row[3], created_at=row[4]
            )
            for row in tx.fetch(_TOKENS)
        ]

    def use(self, tx: Unit, token_hash: str, now: int) -> bool:
        """Take one use; of two who want the last one, one gets it."""
        return tx.execute(_TOKEN_USE, {"token_hash": token_hash, "now": now}) == 1

    def good(self, tx: Tx, token_hash: str, now: int) -> bool:
        """Tell whether a use is left, without taking it."""
        return bool(tx.fetch(_TOKEN_GOOD, {"token_hash": token_hash, "now": now}))

    def revoke(self, tx: Unit, token_id: str, now: int) -> bool:
        """End a token; false if there is none that is still good."""
        return tx.execute(_TOKEN_REVOKE, {"key": token_id, "now": now}) == 1
