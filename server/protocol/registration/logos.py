"""The picture of a client, fetched before a person sees it and served by ourselves.

Draft-…-client-id-metadata-document-02 §7.8: fetched once and kept, so that its origin does not
learn who looks, and cannot show one person what another does not see.
"""

import hashlib
from typing import Final
from urllib.parse import urlsplit

from server.defence.pace import Pace
from server.domain.core import Core
from server.domain.registry import Client, Status
from server.domain.self_registration import ClientLogo, Picture
from server.domain.unit import Unit
from server.protocol.registration.arrivals import ClientDocuments

LONGEST_MS: Final = 24 * 3_600_000
"""A picture is looked at again after this, whatever its cache headers say."""
SHORTEST_MS: Final = 3_600_000
"""It is not looked at more often, whether there was one or not."""
OF_HOST: Final = 30
"""Looks in a minute at one host, which a document of somebody else may have named."""

# What browsers decode and cannot run. An SVG is a document, and may hold scripts and links.
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"


class Logos:
    """Knows the pictures of clients that have a metadata document."""

    def __init__(self, core: Core, documents: ClientDocuments) -> None:
        """Get pictures from `documents`."""
        self._core = core
        self._documents = documents
        self._hosts = Pace(core.clock, most=OF_HOST, seconds=60)

    async def look(self, client_id: str) -> None:
        """Make sure that the picture of a client is known, if it has one and it is time to look.

        Without one the page does as well: nothing here refuses.
        """
        core = self._core
        client = await core.snapshot.client(client_id)
        uri = _address(client)
        if uri is None:
            return
        known = await core.store.read(lambda tx: core.rows.logos.get(tx, client_id))
        same = known is not None and known.uri == uri
        if known is not None and same and core.clock.now() < known.fresh_until:
            return
        if self._hosts.wait(urlsplit(uri).netloc) > 0:
            return
        fetched = await self._documents.picture(uri)
        now = core.clock.now()
        found = read_picture(fetched.body) if fetched is not None else None
        if found is None and fetched is None and same and known is not None:
            # Out of reach, which says nothing of the picture: the last one stays.
            found = known.picture
        until = fetched.fresh_until if fetched is not None else now
        logo = ClientLogo(
            client_id=client_id,
            uri=uri,
            picture=found,
            fresh_until=min(max(until, now + SHORTEST_MS), now + LONGEST_MS),
        )

        def unit(tx: Unit) -> None:
            # Held, so that a client that is being forgotten leaves no picture behind.
            if _address(core.rows.clients.held(tx, client_id)) == uri:
                core.rows.logos.put(tx, logo)

        await core.store.write(unit)


def _address(client: Client | None) -> str | None:
    if client is None or client.by_itself is None or client.status is not Status.ACTIVE:
        return None
    return client.by_itself.logo_uri if client.is_document else None


def read_picture(body: bytes) -> Picture | None:
    """Tell by its first bytes what a picture is; none if it is nothing that we show."""
    if body.startswith(_PNG):
        media_type = "image/png"
    elif body.startswith(_JPEG):
        media_type = "image/jpeg"
    elif body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        media_type = "image/webp"
    else:
        return None
    return Picture(media_type=media_type, digest=hashlib.sha256(body).hexdigest(), content=body)
