"""Pictures of clients in SQL: one for each client, found by what it is."""

from sqlalchemy import bindparam, delete, select

from authz.tx import Tx, insert_ignore
from server.domain.self_registration import ClientLogo, Picture
from server.domain.unit import Unit
from server.storage.tables.self_registration import client_logo

_c = client_logo.c
_GET = select(_c.uri, _c.media_type, _c.digest, _c.content, _c.fresh_until).where(
    _c.client_id == bindparam("client_id")
)
_BY_DIGEST = (
    select(_c.media_type, _c.digest, _c.content).where(_c.digest == bindparam("digest")).limit(1)
)
_DROP = delete(client_logo).where(_c.client_id == bindparam("key"))
_ADD = insert_ignore(client_logo)


class SqlClientLogos:
    """What was found at the `logo_uri` of metadata documents; no digest if it was no picture."""

    def get(self, tx: Tx, client_id: str) -> ClientLogo | None:
        """Return what was found last for a client, or none if nobody has looked."""
        rows = tx.fetch(_GET, {"client_id": client_id})
        if not rows:
            return None
        uri, media_type, digest, content, fresh_until = rows[0]
        picture = Picture(media_type=media_type, digest=digest, content=bytes(content))
        return ClientLogo(
            client_id=client_id,
            uri=uri,
            picture=picture if digest else None,
            fresh_until=fresh_until,
        )

    def by_digest(self, tx: Tx, digest: str) -> Picture | None:
        """Return the picture of this digest that some client has, or none."""
        rows = tx.fetch(_BY_DIGEST, {"digest": digest}) if digest else []
        if not rows:
            return None
        media_type, digest, content = rows[0]
        return Picture(media_type=media_type, digest=digest, content=bytes(content))

    def put(self, tx: Unit, value: ClientLogo) -> None:
        """Store what was found in place of what there was."""
        found = value.picture
        tx.execute(_DROP, {"key": value.client_id})
        tx.execute(
            _ADD,
            {
                "client_id": value.client_id,
                "uri": value.uri,
                "media_type": found.media_type if found is not None else "",
                "digest": found.digest if found is not None else "",
                "content": found.content if found is not None else b"",
                "fresh_until": value.fresh_until,
            },
        )
