"""Pictures of clients in SQL: one for each client, found by what it is."""

from sqlalchemy import bindparam, delete, select, update

from authz.tx import Tx, insert_ignore
from server.domain.registry import Status
from server.domain.self_registration import ClientLogo, Picture
from server.domain.unit import Unit
from server.storage.tables.registry import client
from server.storage.tables.self_registration import client_logo

_c = client_logo.c
_GET = select(_c.uri, _c.digest, _c.found_at, _c.look_at).where(
    _c.client_id == bindparam("client_id")
)
# What an administrator has stopped is shown to nobody.
_BY_DIGEST = (
    select(_c.media_type, _c.digest, _c.content)
    .join(client, client.c.id == _c.client_id)
    .where(_c.digest == bindparam("digest"), client.c.status == Status.ACTIVE.value)
    .limit(1)
)
_DROP = delete(client_logo).where(_c.client_id == bindparam("key"))
_LATER = update(client_logo).where(_c.client_id == bindparam("key")).values(look_at=bindparam("at"))
_ADD = insert_ignore(client_logo)


class SqlClientLogos:
    """What was found at the `logo_uri` of metadata documents; no digest if it was no picture."""

    def get(self, tx: Tx, client_id: str) -> ClientLogo | None:
        """Return what was found last for a client, or none if nobody has looked."""
        rows = tx.fetch(_GET, {"client_id": client_id})
        if not rows:
            return None
        uri, digest, found_at, look_at = rows[0]
        return ClientLogo(uri=uri, digest=digest, found_at=found_at, look_at=look_at)

    def by_digest(self, tx: Tx, digest: str) -> Picture | None:
        """Return the picture of this digest that some active client has, or none."""
        rows = tx.fetch(_BY_DIGEST, {"digest": digest}) if digest else []
        if not rows:
            return None
        media_type, digest, content = rows[0]
        return Picture(media_type=media_type, digest=digest, content=bytes(content))

    def put(
        self,
        tx: Unit,
        client_id: str,
        uri: str,
        picture: Picture | None,
        *,
        found_at: int,
        look_at: int,
    ) -> None:
        """Store what was found, a picture or none, in place of what there was."""
        self.drop(tx, client_id)
        tx.execute(
            _ADD,
            {
                "client_id": client_id,
                "uri": uri,
                "media_type": picture.media_type if picture is not None else "",
                "digest": picture.digest if picture is not None else "",
                "content": picture.content if picture is not None else b"",
                "found_at": found_at,
                "look_at": look_at,
            },
        )

    def later(self, tx: Unit, client_id: str, look_at: int) -> None:
        """Keep what there is, and look again at a time."""
        tx.execute(_LATER, {"key": client_id, "at": look_at})

    def drop(self, tx: Unit, client_id: str) -> None:
        """Forget the picture of a client."""
        tx.execute(_DROP, {"key": client_id})
