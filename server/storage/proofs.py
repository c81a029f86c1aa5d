"""DPoP proofs that were used, in SQL: each is good once, whichever worker it comes to."""

from authz.tx import insert_ignore
from server.domain.unit import Unit
from server.storage.tables.token import used_proof

_USE = insert_ignore(used_proof)


class Proofs:
    """Names of used proofs (RFC 9449 §11.1), kept for as long as one would be accepted."""

    def use(self, tx: Unit, name: str, expires_at: int) -> bool:
        """Record a use; false if the proof was used before."""
        return tx.execute(_USE, {"name": name, "expires_at": expires_at}) == 1
