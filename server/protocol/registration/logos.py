"""The picture of a client, fetched with its document and served by ourselves.

Draft-…-client-id-metadata-document-02 §7.8: fetched once for everybody and kept, so that its
origin does not learn who looks, and cannot show one person what another does not see.
"""

import contextlib
import hashlib
from typing import Final
from urllib.parse import urlsplit

from authz.tx import Tx
from server.defence.pace import Pace
from server.domain.core import Core
from server.domain.registry import Client, Status
from server.domain.self_registration import ClientLogo, Picture
from server.domain.unit import ConflictError, StaleSnapshotError, UnavailableError, Unit
from server.protocol.registration.published import ClientDocuments

AGAIN_MS: Final = 24 * 3_600_000
"""A picture is looked at again after this."""
NONE_MS: Final = 3_600_000
"""Where there was none, after this."""
AWAY_MS: Final = 5 * 60_000
"""Where nobody answered, after this."""
GRACE_MS: Final = 7 * 24 * 3_600_000
"""While nobody answers, the last picture is shown for so long."""
OF_HOST: Final = 30
OF_ALL: Final = 120
"""Looks in a minute: at one host, altogether."""
AT_ONCE: Final = 8
"""Looks under way. Keys and documents, without which nothing goes on, share the fetcher."""

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
        self._all = Pace(core.clock, most=OF_ALL, seconds=60)
        self._under_way: set[str] = set()

    async def look(self, client_id: str) -> None:
        """Look at the picture of a client if it has one and it is time to.

        The page does without as well, so nothing here fails for its sake.
        """
        core = self._core
        client, known = await core.store.read(lambda tx: self._known(tx, client_id))
        uri = _address(client)
        if uri is None:
            return
        began = core.clock.now()
        if known is not None and known.uri == uri and began < known.look_at:
            return
        if client_id in self._under_way or len(self._under_way) >= AT_ONCE:
            return
        if self._hosts.wait(urlsplit(uri).hostname or "") > 0:
            return
        if self._all.wait("") > 0:
            return
        self._under_way.add(client_id)
        try:
            body = await self._documents.picture(uri)
        finally:
            self._under_way.discard(client_id)
        with contextlib.suppress(UnavailableError, StaleSnapshotError, ConflictError):
            await core.store.write(lambda tx: self._note(tx, client_id, uri, body, began))

    def _note(self, tx: Unit, client_id: str, uri: str, body: bytes | None, began: int) -> None:
        core, now = self._core, self._core.clock.now()
        # Held, so that a client that is being forgotten leaves no picture behind.
        if _address(core.rows.clients.held(tx, client_id)) != uri:
            return
        logos = core.rows.logos
        known = logos.get(tx, client_id)
        if known is not None and known.uri == uri and known.found_at > began:
            # Another worker has looked meanwhile.
            return
        if body is not None:
            found = read_picture(body)
            look_at = now + (NONE_MS if found is None else AGAIN_MS)
            logos.put(tx, client_id, uri, found, found_at=now, look_at=look_at)
        elif known is not None and known.uri == uri and now < known.found_at + GRACE_MS:
            logos.later(tx, client_id, now + AWAY_MS)
        else:
            logos.put(tx, client_id, uri, None, found_at=0, look_at=now + AWAY_MS)

    def _known(self, tx: Tx, client_id: str) -> tuple[Client | None, ClientLogo | None]:
        rows = self._core.rows
        return rows.clients.get(tx, client_id), rows.logos.get(tx, client_id)


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
