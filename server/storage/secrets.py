"""The server's own HMAC key: made once, shared by every worker of a database."""

from sqlalchemy import bindparam, select, update

from authz.tx import Tx, insert_ignore
from server.domain.entropy import Entropy
from server.domain.unit import Store, Unit
from server.keys.envelope import Envelope
from server.storage.tables.secrets import server_secret

KIND = "server_secret"
NAME = "hmac"

_GET = select(server_secret.c.sealed).where(server_secret.c.name == bindparam("name"))
_ADD = insert_ignore(server_secret)
_SET = (
    update(server_secret)
    .where(server_secret.c.name == bindparam("key"))
    .values(sealed=bindparam("fresh"))
)


async def reseal_server_key(store: Store, envelope: Envelope) -> bool:
    """Bring the key under the current key-encryption key; false if it was already.

    Raises `SealBroken`; then nothing is changed.
    """

    def work(tx: Unit) -> bool:
        rows = tx.fetch(_GET, {"name": NAME})
        if not rows:
            return False
        sealed = bytes(rows[0][0])
        fresh = envelope.reencrypt(KIND, NAME, sealed)
        if fresh == sealed:
            return False
        tx.execute(_SET, {"key": NAME, "fresh": fresh})
        return True

    return await store.write(work)


async def server_key(store: Store, envelope: Envelope, entropy: Entropy) -> bytes:
    """Return the key, made at the first start; of two workers that start together one wins.

    Raises `SealBroken` under a wrong key-encryption key.
    """

    def read(tx: Tx) -> bytes | None:
        rows = tx.fetch(_GET, {"name": NAME})
        return bytes(rows[0][0]) if rows else None

    sealed = await store.read(read)
    if sealed is None:
        fresh = envelope.seal(KIND, NAME, entropy.bytes(32))

        def add(tx: Unit) -> None:
            tx.execute(_ADD, {"name": NAME, "sealed": fresh})

        await store.write(add)
        sealed = await store.read(read)
    if sealed is None:
        message = "the server secret is gone"
        raise RuntimeError(message)
    return envelope.open(KIND, NAME, sealed)
